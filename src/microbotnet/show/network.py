"""A network drawn the way papers do: volumes in proportion, shapes on the wires, gates and shortcuts visible."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from ..cost.describe import short
from ..graph import Graph
from ..graph.graph import times
from ..graph.kinds import kind_of
from ..graph.steps import Step
from .colouring import Colouring
from .layout import CHIP, LABEL, SHAPE, Arc, Box, Layout, Row, lay_out
from .svg import Drawing, Scale, text_width

MARGIN = 26.0


def draw_network(
    graph: Graph, colouring: Colouring, title: str, *, row_width: float | None = None, inline: bool = False
) -> str:
    """The drawing as SVG.

    Args:
        graph: what to draw.
        colouring: what colour shows.
        title: the line over the picture.
        row_width: pixels after which a new row begins; None finds what fills a screen best.
        inline: leave out the style sheet, for a page that has it.
    """
    layout = lay_out(graph, row_width)
    drawing = Drawing()
    width = max(layout.width, text_width(title, 15), 660) + 2 * MARGIN + 14
    drawing.text(MARGIN, 30, title, size=15, css="ink bold")
    y = 44.0
    origins = []
    for row in layout.rows:
        row.top -= 20 if row.frames else 4
        origins.append(y - row.top)
        y += row.bottom - row.top + 22
        for box in row.boxes:
            box.x += MARGIN
            box.y += origins[-1]
    for row, origin in zip(layout.rows, origins, strict=True):
        _draw_frames(drawing, row, origin)
    painter = _Painter(drawing, layout, origins, _paint(colouring))
    painter.wires(width)
    for row in layout.rows:
        for box in row.boxes:
            painter.box(box, _tooltip(box.step, colouring))
    y = _legend(drawing, colouring, y + 6, bool(graph.gates), any(row.arcs for row in layout.rows))
    return drawing.svg(width, y, title, inline=inline)


def _paint(colouring: Colouring) -> Callable[[Step], str]:
    if colouring.kinds:
        return lambda step: f"kind{colouring.values[step.name]:.0f}" if step.name in colouring.values else "none"
    scale = Scale.of(colouring.values.values(), colouring.ratio)
    return lambda step: scale.css(colouring.values.get(step.name, 0))


def _tooltip(step: Step, colouring: Colouring) -> str:
    lines = [step.name, f"{short(step) if step.kind != 'input' else 'the picture'} → {times(step.shape)}"]
    if step.name in colouring.values:
        value = colouring.values[step.name]
        number = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
        shown = colouring.kinds[int(value)] if colouring.kinds else f"{number} {colouring.unit}"
        lines.append(f"{colouring.title}: {shown}".rstrip())
    parameters = sum(p.numel for node in step.nodes for p in node.parameters)
    if parameters:
        lines.append(f"{parameters:,} parameters")
    return "\n".join(lines)


@dataclass
class _Painter:
    drawing: Drawing
    layout: Layout
    origins: list[float]  # y of each row's trunk
    paint: Callable[[Step], str]

    def wires(self, width: float) -> None:
        home = {box.step.name: index for index, row in enumerate(self.layout.rows) for box in row.boxes}
        left: dict[str, int] = {}  # a tensor that another row reads: the number that stands for its wire
        for index, row in enumerate(self.layout.rows):
            above = self.layout.rows[index - 1].last if index else None
            arched = {(id(arc.start or above), id(arc.end)) for arc in row.arcs}
            for arc in row.arcs:
                self._arc(arc, self.origins[index])
            if above and any(above.step.name in box.step.inputs for box in row.boxes):
                self._wrap(index, width)
            for box in row.boxes:
                entering = []
                for name in box.step.inputs:
                    before = self.layout.boxes[name]
                    if home[name] == index and (id(before), id(box)) not in arched:
                        self._wire(before, box)
                    elif home[name] != index and before is not above:
                        entering.append(left.setdefault(name, len(left) + 1))
                if entering:
                    self._numbers(box.left_of_body - 4, box.y + 6, _ranges(entering), anchor="end")
        for name, number in left.items():
            before = self.layout.boxes[name]
            self._numbers(before.right_of_body + 4, before.y + 6, str(number))
        last = self.layout.rows[-1].boxes[-1]
        self.drawing.arrow([(last.right_of_body, last.y), (last.right + last.gap, last.y)], "wire")

    def _wire(self, before: Box, box: Box) -> None:
        start, end = (before.right_of_body, before.y), (box.left_of_body, box.y)
        if before.lane == box.lane:
            self.drawing.arrow([start, end], "gate" if "chip" in (before.form, box.form) else "wire")
        elif box.form == "chip":  # up from the trunk
            top = (before.middle, before.top - 1)
            self.drawing.arrow([top, (top[0], box.y), end], "gate", radius=7)
        elif before.form == "chip":  # down to the trunk
            self.drawing.arrow([start, (box.middle, before.y), (box.middle, box.top)], "gate", radius=7)
        elif box.form == "join":
            edge = box.bottom if before.y > box.y else box.top
            self.drawing.arrow([start, (box.middle, before.y), (box.middle, edge)], "wire", radius=7)
        else:  # into a branch right after the fork, out of it right before the join
            bend = box.x - 9 if len(box.step.inputs) > 1 else before.right + 7
            self.drawing.arrow([start, (bend, before.y), (bend, box.y), end], "wire", radius=7)

    def _arc(self, arc: Arc, origin: float) -> None:
        y, box, before = origin + arc.y, arc.end, arc.start
        entry = box.middle - 4 if box.form == "join" else box.middle
        if before is None:
            start = (MARGIN + 8, origin)
            self.drawing.circle(*start, 2.2, "skip-tip")
        elif before.form == "join":
            start = (before.middle + 5, before.top + 2)
        else:
            start = (before.middle, before.top - 1)
        self.drawing.arrow([start, (start[0], y), (entry, y), (entry, box.top + 1)], "skip", radius=12)

    def _wrap(self, index: int, width: float) -> None:
        above, row = self.layout.rows[index - 1], self.layout.rows[index]
        before, box = above.last, next(box for box in row.boxes if box.lane == 0)
        right, left = width - 16, 14.0
        y = self.origins[index - 1] + above.bottom + 11
        points = [(before.right_of_body, before.y), (right, before.y), (right, y), (left, y), (left, box.y)]
        self.drawing.arrow([*points, (box.left_of_body, box.y)], "wire", radius=9)

    def _numbers(self, x: float, y: float, numbers: str, *, anchor: str = "start") -> None:
        """A wire's numbers, where it leaves its row and where it goes on in another."""
        width = text_width(numbers, 8) + 8
        x -= width if anchor == "end" else 0
        self.drawing.rect(x, y, width, 13, "skip-tip", radius=6.5)
        self.drawing.text(x + width / 2, y + 9.5, numbers, size=8, css="paper", anchor="middle")

    def box(self, box: Box, tooltip: str) -> None:
        draw, css = self.drawing, self.paint(box.step)
        draw.open(tooltip)
        if box.form == "join":
            draw.circle(box.middle, box.y, 9, "panel edge")
            draw.text(box.middle, box.y + 4, kind_of(box.step.kind).join, size=12, anchor="middle")
            for label in box.labels:
                draw.text(box.right + 3, box.y - 4, label, size=LABEL, css="soft")
        elif box.form == "chip":
            draw.rect(box.x, box.y - 8, box.width, 16, "paper")
            draw.rect(box.x, box.y + 4, box.width, 4, css)
            draw.rect(box.x, box.y - 8, box.width, 16, "outline edge thin")
            draw.text(box.middle, box.y + 1.5, box.labels[0], size=CHIP, anchor="middle")
        else:
            self._volume(box, css)
            draw.text(box.right + 3, box.y - 4, times(box.step.shape), size=SHAPE, css="soft")
            for line, label in enumerate(box.labels):
                css = "ink" if line < box.strong else "soft"
                draw.text(box.middle, box.bottom + 12 + 12 * line, label, size=LABEL, anchor="middle", css=css)
        draw.close()

    def _volume(self, box: Box, css: str) -> None:
        x, y, d = box.left_of_body, box.y - box.high / 2, box.deep
        w, h = box.thick, box.high
        front = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        top = [(x, y), (x + d, y - d), (x + w + d, y - d), (x + w, y)]
        side = [(x + w, y), (x + w + d, y - d), (x + w + d, y + h - d), (x + w, y + h)]
        for face, light in ((front, ""), (top, "lit"), (side, "shade")):
            self.drawing.polygon(face, f"{css} edge thin")
            if light:
                self.drawing.polygon(face, light)


def _draw_frames(drawing: Drawing, row: Row, origin: float) -> None:
    for frame in row.frames:
        left, right, top = frame.left + MARGIN, frame.right + MARGIN, origin + row.top
        drawing.rect(left, top, right - left, row.bottom - row.top, "panel rule", radius=8)
        drawing.text(left + 8, top + 14, frame.title, size=LABEL, css="ink bold")


def _legend(drawing: Drawing, colouring: Colouring, y: float, gates: bool, shortcuts: bool) -> float:
    x = MARGIN
    drawing.text(x, y + 10, colouring.title, size=LABEL, css="ink bold")
    x += text_width(colouring.title, LABEL) + 14
    if colouring.kinds:
        for index, kind in enumerate(colouring.kinds):
            drawing.rect(x, y + 1, 14, 11, f"kind{index} edge thin")
            drawing.text(x + 18, y + 10, kind, size=LABEL)
            x += text_width(kind, LABEL) + 34
    else:
        scale = Scale.of(colouring.values.values(), colouring.ratio)
        bounds = scale.bounds()
        for low, high in pairwise(bounds):
            drawing.rect(x, y + 1, 56, 11, f"{scale.css((low * high) ** 0.5)} edge thin")
            drawing.text(x, y + 25, short_number(low), size=9, css="soft", anchor="middle")
            x += 56
        if len(bounds) == 1:
            drawing.rect(x, y + 1, 14, 11, f"{scale.css(bounds[0])} edge thin")
            x += 14
        drawing.text(x, y + 25, short_number(bounds[-1]), size=9, css="soft", anchor="middle")
        drawing.text(x + 10, y + 10, colouring.unit, size=LABEL, css="soft")
        x += text_width(colouring.unit, LABEL) + 24
    drawing.rect(x, y + 1, 14, 11, "none edge thin")
    drawing.text(x + 18, y + 10, "none", size=LABEL)
    y += 42
    x = MARGIN
    if shortcuts:
        drawing.arrow([(x, y), (x + 26, y)], "skip")
        drawing.text(x + 32, y + 3, "shortcut", size=LABEL)
        x += 90
    if gates:
        drawing.arrow([(x, y), (x + 26, y)], "gate")
        drawing.text(x + 32, y + 3, "squeeze-and-excite: average, two linears, times", size=LABEL)
        x += 300
    y += 20 if gates or shortcuts else 0
    x = MARGIN
    words = "height ∝ √(picture side), thickness ∝ √channels; shapes are channels×height×width"
    drawing.text(x, y + 3, words, size=LABEL, css="soft")
    return y + 18


def short_number(value: float) -> str:
    """1.2k, 35k, 5.6M."""
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= power:
            return f"{value / power:.3g}{letter}"
    return f"{value:.3g}"


def _ranges(numbers: list[int]) -> str:
    """1–4, 6."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ", ".join("–".join(map(str, span)) for span in spans)
