"""Charts of a comparison, as SVG: scatter with its Pareto front, bars against a limit, stacked bars by layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, dist, floor, log10

from .svg import Drawing, text_width

PARTS = ("arithmetic", "weights", "activations")  # of the energy; kind0, kind3, kind4
PART_CSS = {"arithmetic": "kind0", "weights": "kind4", "activations": "kind2"}


@dataclass(frozen=True)
class Point:
    """A network in a scatter chart. `css` is its colour: ours, others or silicon; `tip` is its name, if not `label`."""

    label: str
    x: float
    y: float
    css: str = "others"
    tip: str = ""


def pareto(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats: none has as little x and as much y. From left to right."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, -p.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front


def scatter(
    points: Sequence[Point],
    title: str,
    x_title: str,
    y_title: str,
    *,
    limit: tuple[float, str] | None = None,
    keys: Sequence[tuple[str, str]] | None = None,
    width: float = 760,
    height: float = 440,
    size: float = 10,
    inline: bool = False,
) -> str:
    """Points over a logarithmic x, joined along the Pareto front.

    Args:
        limit: an upright line with its name.
        keys: what the points' colours mean; None is `KEYS`. They stand in one row, or one under the other.
        size: of the text; the title's is 1.4 times that.
    """
    draw = Drawing()
    xs = [point.x for point in points] + ([limit[0]] if limit else [])
    low, high = _log_ends(xs)
    ys = [point.y for point in points]
    front = pareto(points)
    used = {p.css for p in points}
    rows = _key_rows([(css, words) for css, words in keys or KEYS if css in used], len(front) > 1, size, width - 32)
    left, right, top = 26 + 3 * size, width - 24, 16 + 4.6 * size
    bottom = height - 3.6 * size - len(rows) * 1.7 * size - 6
    floor_y = 5 * floor((min(ys, default=0) - 2) / 5)
    ceil_y = 5 * ceil((max(ys, default=100) + 1) / 5)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - low) / (high - low)
        up = (y - floor_y) / (ceil_y - floor_y)
        return left + across * (right - left), bottom - up * (bottom - top)

    draw.text(16, 10 + 1.4 * size, title, size=1.4 * size, css="ink bold")
    _log_axis(draw, low, high, left, right, top, bottom, x_title, size=size)
    step = 5 if ceil_y - floor_y <= 40 else 10
    for value in range(floor_y, ceil_y + 1, step):
        y = at(10**low, value)[1]
        draw.line([(left, y), (right, y)], "rule")
        draw.text(left - 6, y + 0.35 * size, f"{value}", size=size, css="soft", anchor="end")
    draw.text(16, top - 1.9 * size, y_title, size=size, css="soft")
    radius = 0.45 * size
    taken = [(x - radius, y - radius, x + radius, y + radius) for x, y in (at(p.x, p.y) for p in points)]
    if limit:
        x = at(limit[0], floor_y)[0]
        draw.line([(x, top), (x, bottom)], "limit dashes")
        draw.text(x + 4, top - 0.3 * size, limit[1], size=size, css="limit-tip bold")
    if len(front) > 1:
        draw.line([at(p.x, p.y) for p in front], "ours-line faint")
    for point in points:
        x, y = at(point.x, point.y)
        draw.open(f"{point.tip or point.label}: {point.x:,.4g}, {point.y:g} %")
        draw.circle(x, y, radius, f"{point.css} edge thin")
        draw.close()
    centres = [at(p.x, p.y) for p in points]

    def place(point: Point) -> tuple[bool, float]:
        """Whose label comes first: the front's, and of these the one with the nearest neighbour."""
        own = at(point.x, point.y)
        return point not in front, min((dist(own, other) for other in centres if other != own), default=0)

    for point in sorted((p for p in points if p.label), key=place):
        x, y = at(point.x, point.y)
        box = _free_place(x, y, text_width(point.label, size), size, taken, (left, top, right, bottom), centres)
        taken.append(box)
        draw.text(box[0], box[3] - 0.2 * size, point.label, size=size, css="ink halo")
        near = _nearest(box, x, y)
        if dist((x, y), near) > 1.2 * size or not _is_nearest(box, x, y, centres):
            draw.line([(x, y), near], "rule")
    for row, items in enumerate(rows):
        y = bottom + 5 * size + row * 1.7 * size
        _key(draw, 16, y, [item for item in items if item[0]], front=("", "") in items, size=size)
    return draw.svg(width, height, title, inline=inline)


def _key_rows(keys: Sequence[tuple[str, str]], front: bool, size: float, room: float) -> list[list[tuple[str, str]]]:
    """The keys in rows that are no wider than `room`; that of the Pareto front is empty."""
    rows: list[list[tuple[str, str]]] = [[]]
    left = room
    for key in [*keys, *([("", "")] if front else [])]:
        wide = text_width(key[1] or FRONT, size) + 3.2 * size
        if wide > left and rows[-1]:
            rows.append([])
            left = room
        rows[-1].append(key)
        left -= wide
    return rows


FRONT = "Pareto front"
KEYS = (
    ("skip-tip", "this project's designs"),
    ("ours", "this project's weights (× MicroBotNet)"),
    ("others", "published accuracy"),
    ("silicon", "measured chip"),
)


@dataclass(frozen=True)
class Bar:
    """A bar; `segments` are (value, css); `mark` is drawn as an upright tick; `note` stands behind the bar."""

    label: str
    segments: tuple[tuple[float, str], ...]
    note: str = ""
    mark: float | None = None

    @property
    def total(self) -> float:
        """Where the bar ends."""
        return max(value for value, _ in self.segments)


def log_bars(
    bars: Sequence[Bar],
    title: str,
    x_title: str,
    keys: Sequence[tuple[str, str]],
    *,
    limit: tuple[float, str] | None = None,
    width: float = 900,
    inline: bool = False,
) -> str:
    """Bars on a logarithmic axis, the segments of each one under the other; `limit` is an upright line.

    A bar on such an axis is a length, not a sum, so segments stand below one another and are never stacked.
    """
    draw = Drawing()
    thick = 15.0 if max(len(bar.segments) for bar in bars) == 1 else 9.0
    label = max(text_width(bar.label, 10.5) for bar in bars) + 14
    note = max(text_width(bar.note, 10) for bar in bars) + 14
    left, right, top = 16 + label, max(width - note - 16, 16 + label + 220), 62.0
    width = right + note + 16
    heights = [len(bar.segments) * thick + 8 for bar in bars]
    bottom = top + sum(heights) + 4
    values = [value for bar in bars for value, _ in bar.segments if value > 0]
    values += [bar.mark for bar in bars if bar.mark] + ([limit[0]] if limit else [])
    low, high = _log_ends(values)

    def at(value: float) -> float:
        return left + max((log10(value) - low) / (high - low), 0) * (right - left) if value > 0 else left

    draw.text(16, 24, title, size=14, css="ink bold")
    _log_axis(draw, low, high, left, right, top, bottom, x_title)
    y = top + 6
    for bar, tall in zip(bars, heights, strict=True):
        draw.open(f"{bar.label}: " + ", ".join(f"{value:,.4g}" for value, _ in bar.segments) + f" {bar.note}")
        middle = y + (tall - 8) / 2
        draw.text(left - 8, middle + 3.5, bar.label, size=10.5, anchor="end")
        for index, (value, css) in enumerate(bar.segments):
            draw.rect(left, y + index * thick, max(at(value) - left, 1), thick - 1.5, css, radius=1.5)
        if bar.mark:
            draw.line([(at(bar.mark), y - 1), (at(bar.mark), y + tall - 8)], "edge")
        draw.text(right + 8, middle + 3.5, bar.note, size=10, css="soft")
        draw.close()
        y += tall
    if limit:
        draw.line([(at(limit[0]), top - 4), (at(limit[0]), bottom)], "limit dashes")
        draw.text(at(limit[0]), top - 8, limit[1], size=10.5, css="limit-tip bold", anchor="middle")
    rows = _key_rows(keys, False, 10, width - 32)
    for row, items in enumerate(rows):
        _key(draw, 16, bottom + 56 + 17 * row, items)
    if marked := any(bar.mark for bar in bars):
        _key(draw, 16, bottom + 56 + 17 * len(rows), [], mark=True)
    return draw.svg(width, bottom + 53 + 17 * (len(rows) + marked), title, inline=inline)


def layer_bars(
    layers: Sequence[tuple[str, dict[str, float]]],
    title: str,
    *,
    width: float = 760,
    height: float = 230,
    inline: bool = False,
) -> str:
    """Energy of each layer in running order, stacked from its parts; pJ in, drawn in nJ."""
    draw = Drawing()
    left, right, top, bottom = 52.0, width - 16, 50.0, height - 50
    most = max((sum(parts.values()) for _, parts in layers), default=1.0) or 1.0
    step = _round_step(most / 1000 / 4)
    draw.text(16, 22, title, size=13, css="ink bold")
    draw.text(16, 40, "nJ a layer, in running order", size=10, css="soft")
    for tick in range(int(most / 1000 / step) + 1):
        y = bottom - tick * step * 1000 / most * (bottom - top)
        draw.line([(left, y), (right, y)], "rule")
        draw.text(left - 6, y + 3.5, f"{tick * step:,.6g}", size=10, css="soft", anchor="end")
    pitch = (right - left) / max(len(layers), 1)
    gap = min(pitch * 0.15, 3)
    wide = min(pitch - gap, 40)
    for index, (name, parts) in enumerate(layers):
        draw.open(f"{name}: " + ", ".join(f"{part} {value / 1000:,.3g} nJ" for part, value in parts.items()))
        y = bottom
        for part in PARTS:
            tall = parts[part] / most * (bottom - top)
            if tall > 0.05:
                draw.rect(left + index * pitch + (pitch - wide) / 2, y - tall, wide, tall, PART_CSS[part])
            y -= tall
        draw.close()
    draw.line([(left, bottom), (right, bottom)], "wire")
    _key(draw, left, bottom + 30, [(PART_CSS[part], part) for part in PARTS])
    return draw.svg(width, height, title, inline=inline)


def _log_axis(
    draw: Drawing,
    low: float,
    high: float,
    left: float,
    right: float,
    top: float,
    bottom: float,
    title: str,
    *,
    size: float = 10,
) -> None:
    for value in _log_ticks(low, high):
        x = left + (log10(value) - low) / (high - low) * (right - left)
        draw.line([(x, top), (x, bottom)], "rule")
        draw.text(x, bottom + 1.4 * size, _amount(value), size=size, css="soft", anchor="middle")
    draw.line([(left, bottom), (right, bottom)], "wire")
    draw.text((left + right) / 2, bottom + 3.2 * size, title, size=size, css="soft", anchor="middle")


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between the logarithms `low` and `high`; where they are fewer than three, twos and fives too."""
    powers = [10.0**decade for decade in range(floor(low), ceil(high) + 1)]
    for steps in ((1,), (1, 2, 5)):
        ticks = [step * power for power in powers for step in steps if low <= log10(step * power) <= high]
        if len(ticks) > 2:
            break
    return ticks


def _amount(value: float) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M")):
        if value >= size:
            return f"{value / size:,.0f}{unit}"
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _log_ends(values: Sequence[float]) -> tuple[float, float]:
    """The ends of a logarithmic axis around `values`, with room for labels: their logarithms."""
    return log10(min(values)) - 0.25, log10(max(values)) + 0.3


Rectangle = tuple[float, float, float, float]


def _free_place(
    x: float,
    y: float,
    wide: float,
    size: float,
    taken: Sequence[Rectangle],
    inside: Rectangle,
    points: Sequence[tuple[float, float]],
) -> Rectangle:
    """The nearest place where a label of the point (x, y) overlaps nothing; right of it before left.

    Places to which this is the nearest of all `points` come first, for elsewhere the label would seem another's.
    """
    above, below, aside = 0.7 * size, 0.6 * size, 0.8 * size
    beside = (x + aside, y - above, x + aside + wide, y + below)
    starts = [x + aside, x - aside - wide, x - wide / 2]
    starts += [start for far in (3 * size, 6 * size) for start in (x + far, x - far - wide)]
    found = []
    for step in range(-24, 25):
        up = 0.7 * size * step
        for start in starts:
            box = (start, y + up - above, start + wide, y + up + below)
            if inside[0] <= box[0] and box[2] <= inside[2] + 16 and inside[1] <= box[1] and box[3] <= inside[3]:
                far = max(dist((x, y), _nearest(box, x, y)), 0.9 * size)
                found.append((not _is_nearest(box, x, y, points), far, abs(up), -start, box))
    return next((box for *_, box in sorted(found) if not any(_overlap(box, other) for other in taken)), beside)


def _is_nearest(box: Rectangle, x: float, y: float, points: Sequence[tuple[float, float]]) -> bool:
    """Whether none of `points` is nearer to `box` than (x, y), nor about as near."""
    own = dist((x, y), _nearest(box, x, y))
    return all(dist(p, _nearest(box, *p)) > 1.1 * own for p in points if p != (x, y))


def _nearest(box: Rectangle, x: float, y: float) -> tuple[float, float]:
    """The point of `box` that is nearest to (x, y)."""
    return min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _round_step(value: float) -> float:
    """1, 2 or 5 times a power of ten, not under `value`."""
    power = 10 ** floor(log10(value)) if value > 0 else 1.0
    return next((m * power for m in (1, 2, 5) if m * power >= value), 10 * power)


def _key(
    draw: Drawing,
    x: float,
    y: float,
    keys: Sequence[tuple[str, str]],
    *,
    front: bool = False,
    mark: bool = False,
    size: float = 10,
) -> None:
    for css, words in keys:
        draw.rect(x, y - 0.9 * size, 1.2 * size, size, css, radius=2)
        draw.text(x + 1.7 * size, y, words, size=size, css="soft")
        x += text_width(words, size) + 3.2 * size
    if front:
        draw.line([(x, y - 0.4 * size), (x + 1.6 * size, y - 0.4 * size)], "ours-line faint")
        draw.text(x + 2.2 * size, y, FRONT, size=size, css="soft")
    if mark:
        draw.line([(x + 6, y - 10), (x + 6, y + 2)], "edge")
        draw.text(x + 14, y, "the notes' estimate: 1 pJ a MAC (thop_2020), nothing else", size=size, css="soft")
