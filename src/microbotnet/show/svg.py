"""SVG, written directly: shapes, text with known widths, and one palette that is readable on light and on dark.

Colours are CSS classes, and dark ones apply where the reader prefers dark, also inside an <img>. No ids are used, so
that several drawings can stand in one HTML page.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from math import log

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

# name: (property, light, dark)
_COLOURS = {
    "paper": ("fill", "#ffffff", "#0d1117"),
    "panel": ("fill", "#f3f5f8", "#171d26"),
    "ink": ("fill", "#1f2328", "#e6edf3"),
    "soft": ("fill", "#57606a", "#9aa4af"),
    "wire": ("stroke", "#57606a", "#8b949e"),
    "tip": ("fill", "#57606a", "#8b949e"),
    "rule": ("stroke", "#d0d7de", "#30363d"),
    "skip": ("stroke", "#7a3fe0", "#b083f5"),
    "skip-tip": ("fill", "#7a3fe0", "#b083f5"),
    "gate": ("stroke", "#bf3989", "#ee77b9"),
    "gate-tip": ("fill", "#bf3989", "#ee77b9"),
    "limit": ("stroke", "#cf222e", "#ff7b72"),
    "limit-tip": ("fill", "#cf222e", "#ff7b72"),
    "edge": ("stroke", "#1f2328", "#e6edf3"),
    "ours": ("fill", "#0969da", "#4d9fff"),
    "ours-line": ("stroke", "#0969da", "#4d9fff"),
    "others": ("fill", "#8c959f", "#7d8590"),
    "silicon": ("fill", "#bc4c00", "#f0883e"),
    "halo": ("stroke", "#ffffff", "#0d1117"),
    "none": ("fill", "#c9d1d9", "#4b535d"),
}
# From cool to hot; each stands out from white and from near-black.
HEAT = ("#5b7fb5", "#4b9aa8", "#5fae7a", "#a9b23f", "#dba13a", "#e0743c", "#d64545")
# Categories, told apart also by people who do not see red and green apart.
_KINDS = ("#4477aa", "#66a6d9", "#228855", "#c2a93a", "#dd7733", "#cc5577", "#8a6bbf", "#808890")

SHADES = 12  # steps from nearly clear, shade1, to full


def _style() -> str:
    lines = [f"svg{{font-family:{FONT}}}", ".line{fill:none;stroke-width:1.3;stroke-linejoin:round}"]
    lines += [
        ".dashes{stroke-dasharray:4 3}",
        ".thin{stroke-width:.7;stroke-opacity:.55}",
        ".bold{font-weight:600}",
        ".outline{fill:none}",
    ]
    lines += [".lit{fill:#fff;fill-opacity:.28}", ".shade{fill:#000;fill-opacity:.22}", ".outline{fill:none}"]
    lines += [".halo{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}", ".faint{stroke-opacity:.6}"]
    lines += [f".{name}{{{what}:{light}}}" for name, (what, light, _) in _COLOURS.items()]
    lines += [f".shade{i}{{fill-opacity:{i / SHADES:.2g}}}" for i in range(1, SHADES + 1)]
    lines += [f".heat{i}{{fill:{colour}}}" for i, colour in enumerate(HEAT)]
    lines += [f".kind{i}{{fill:{colour}}}" for i, colour in enumerate(_KINDS)]
    dark = "".join(f".{name}{{{what}:{dark}}}" for name, (what, _, dark) in _COLOURS.items())
    return "\n".join([*lines, f"@media (prefers-color-scheme:dark){{{dark}}}"])


STYLE = _style()
KINDS = len(_KINDS)


@cache
def text_width(text: str, size: float) -> float:
    """Pixels that `text` needs at `size`; an upper bound for the fonts in `FONT`."""
    return size * sum(_advance(letter) for letter in text)


def _advance(letter: str) -> float:
    """Of the widest font in the list, DejaVu Sans, in units of the size."""
    if letter in "ijl'|":
        return 0.29
    if letter in " \u00a0.,:;!()[]ftrI/-·":
        return 0.42
    if letter in "mwMW@%→≤≥∞∝±×+=<>−–":
        return 0.99 if letter in "mM%W@" else 0.84
    if letter.isupper():
        return 0.79
    return 0.65


@dataclass
class Drawing:
    """Shapes collected from back to front. Pixels; x to the right, y down. Classes are the names of the palette."""

    parts: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, css: str, *, radius: float = 0) -> None:
        """A rectangle from its top left corner."""
        rounded = f' rx="{_n(radius)}"' if radius else ""
        self.parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{rounded} class="{css}"/>'
        )

    def circle(self, x: float, y: float, radius: float, css: str) -> None:
        """A circle around (x, y)."""
        self.parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" class="{css}"/>')

    def polygon(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """A closed shape."""
        corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self.parts.append(f'<polygon points="{corners}" class="{css}"/>')

    def line(self, points: Sequence[tuple[float, float]], css: str, *, radius: float = 0) -> None:
        """A line through `points`, its corners rounded by `radius`."""
        steps = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
        for before, at, after in zip(points, points[1:], points[2:], strict=False):
            start, end = _towards(at, before, radius), _towards(at, after, radius)
            steps.append(f"L{_n(start[0])} {_n(start[1])}Q{_n(at[0])} {_n(at[1])} {_n(end[0])} {_n(end[1])}")
        steps.append(f"L{_n(points[-1][0])} {_n(points[-1][1])}")
        self.parts.append(f'<path d="{"".join(steps)}" class="line {css}"/>')

    def arrow(self, points: Sequence[tuple[float, float]], css: str, *, radius: float = 0) -> None:
        """A line with a head at its end; `css` and `css`-tip are its classes (wire has tip)."""
        (x0, y0), (x1, y1) = points[-2:]
        length = max(abs(x1 - x0) + abs(y1 - y0), 1e-9)  # the last stretch is level or upright
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        back = (x1 - 6 * dx, y1 - 6 * dy)
        self.line([*points[:-1], back], css, radius=radius)
        tip = "tip" if css == "wire" else f"{css}-tip"
        self.polygon(
            [(x1, y1), (back[0] - 3.2 * dy, back[1] - 3.2 * dx), (back[0] + 3.2 * dy, back[1] + 3.2 * dx)], tip
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 10,
        css: str = "ink",
        anchor: str = "start",
        turn: float = 0,
    ) -> None:
        """One line of text; (x, y) is on its baseline, at its start, middle or end; turned around it, in degrees."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        where += f' transform="rotate({_n(turn)} {_n(x)} {_n(y)})"' if turn else ""
        self.parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{where} class="{css}">{escape(text)}</text>'
        )

    def image(self, x: float, y: float, width: float, height: float, png: bytes) -> None:
        """A PNG, its pixels kept sharp."""
        self.parts.append(
            f'<image x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,{b64encode(png).decode()}"/>'
        )

    def open(self, tooltip: str) -> None:
        """Begin a group that shows `tooltip` under the pointer."""
        self.parts.append(f"<g><title>{escape(tooltip)}</title>")

    def close(self) -> None:
        """End the group."""
        self.parts.append("</g>")

    def svg(self, width: float, height: float, title: str, *, inline: bool = False) -> str:
        """The whole picture. `inline`: for a page that has `STYLE` already."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" '
        head += f'width="{_n(width)}" height="{_n(height)}" role="img">\n<title>{escape(title)}</title>'
        style = [] if inline else [f"<style>{STYLE}</style>", '<rect width="100%" height="100%" class="paper"/>']
        return "\n".join([head, *style, *self.parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class Scale:
    """Colours from `low` to `high` in equal ratios; 0 has none."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float], ratio: float = 1e4) -> "Scale":
        """Over all positive `values`, at most over `ratio`; what is smaller has the first colour."""
        found = [value for value in values if value > 0]
        high = max(found, default=1.0)
        return cls(max(min(found, default=1.0), high / ratio), high)

    def css(self, value: float) -> str:
        """The class of `value`."""
        if value <= 0:
            return "none"
        share = log(max(value, self.low) / self.low) / log(self.high / self.low) if self.high > self.low else 1.0
        return f"heat{min(int(share * len(HEAT)), len(HEAT) - 1)}"

    def bounds(self) -> list[float]:
        """The values at which the colours change, ends included; one value is its own scale."""
        if self.high <= self.low:
            return [self.high]
        ratio = self.high / self.low
        return [self.low * ratio ** (i / len(HEAT)) for i in range(len(HEAT) + 1)]


def _towards(corner: tuple[float, float], other: tuple[float, float], radius: float) -> tuple[float, float]:
    """The point `radius` before `corner`, coming from `other`, at most half way."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = (dx * dx + dy * dy) ** 0.5
    share = min(radius / length, 0.5) if length else 0.0
    return corner[0] + dx * share, corner[1] + dy * share


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
