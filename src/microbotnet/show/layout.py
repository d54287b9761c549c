"""Where the boxes of a network drawing go: trunk, side lanes above and below it, blocks, rows.

A row reads from left to right. The trunk is the path that a paper would call the network; what runs beside it has a
lane of its own: gates (squeeze-and-excite) above, other branches below.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from textwrap import wrap

from ..cost.describe import short
from ..graph import Graph
from ..graph.graph import Shape, times
from ..graph.kinds import kind_of
from ..graph.steps import Step, fuse
from .blocks import block_of
from .lanes import lanes_of, trunk_of
from .svg import text_width

ROW_WIDTHS = (1100.0, 1200.0, 1300.0, 1450.0, 1600.0)
LABEL, SHAPE, CHIP = 10.0, 9.5, 9.0  # sizes of text
TALLEST, THICKEST = 84.0, 46.0  # pixels of the largest volume


@dataclass
class Box:
    """One step in the drawing, `x` and `y` its column's left edge and its wire's height."""

    step: Step
    form: str  # "volume", "chip", "join"
    lane: int
    labels: tuple[str, ...]
    strong: int = 1  # so many of the labels name the operator, the rest what is fused with it
    thick: float = 0
    high: float = 0
    deep: float = 0
    width: float = 0  # of its column
    gap: float = 14  # after its column: room for what is written on the wire, and for the arrow's head
    x: float = 0
    y: float = 0

    @property
    def middle(self) -> float:
        """Of its column."""
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        """Of its column."""
        return self.x + self.width

    @property
    def left_of_body(self) -> float:
        """Where a wire comes in."""
        return self.middle - (self.thick + self.deep) / 2

    @property
    def right_of_body(self) -> float:
        """Where a wire goes out."""
        return self.middle + (self.thick + self.deep) / 2

    @property
    def top(self) -> float:
        """Highest point of the body."""
        return self.y - self.high / 2 - self.deep

    @property
    def bottom(self) -> float:
        """Lowest point of the body."""
        return self.y + self.high / 2


@dataclass
class Frame:
    """A block of the network, around boxes of one row."""

    title: str
    left: float
    right: float


@dataclass(frozen=True)
class Arc:
    """A shortcut, drawn over what it passes; `start` None is where the wire from the row before comes in."""

    start: Box | None
    end: Box
    y: float


@dataclass
class Row:
    """Boxes side by side, in running order. Heights are from the trunk's wire, at 0, down."""

    boxes: list[Box]
    frames: list[Frame] = field(default_factory=list)
    arcs: list[Arc] = field(default_factory=list)
    top: float = 0
    bottom: float = 0

    @property
    def right(self) -> float:
        """Where its last column or frame ends."""
        last = self.boxes[-1]
        ends = [box.right for box in self.boxes] + [frame.right for frame in self.frames]
        return max([*ends, last.right + last.gap])

    @property
    def last(self) -> Box:
        """The last box of the trunk."""
        return next((box for box in reversed(self.boxes) if box.lane == 0), self.boxes[-1])


@dataclass(frozen=True)
class Layout:
    """All rows, and the boxes by the name of their step; "input" is the picture."""

    rows: tuple[Row, ...]
    boxes: dict[str, Box]

    @property
    def width(self) -> float:
        """Of the widest row."""
        return max(row.right for row in self.rows)

    @property
    def height(self) -> float:
        """Of all rows."""
        return sum(row.bottom - row.top for row in self.rows)


def lay_out(graph: Graph, row_width: float | None = None) -> Layout:
    """Place every step of `graph`; no column overlaps another, and labels stay in their column.

    Args:
        graph: what to place.
        row_width: pixels after which a new row begins; None finds what fills a screen best.
    """
    steps = [Step((graph[name],), ()) for name in graph.inputs] + list(fuse(graph))
    trunk = trunk_of(graph, steps)
    boxes = list(_sized(graph, steps, trunk))
    lanes = lanes_of(steps, trunk, {box.step.name: box.form for box in boxes})
    titles = {step.name: block_of(graph, step.head.module) for step in steps}
    for box in boxes:
        box.lane = lanes.get(box.step.name, 0)
    widths = ROW_WIDTHS if row_width is None else (row_width,)
    found = (_in_rows([replace(box) for box in boxes], titles, width) for width in widths)
    return min(found, key=lambda layout: layout.width * layout.height)


def _in_rows(boxes: list[Box], titles: dict[str, str], row_width: float) -> Layout:
    rows: list[Row] = []
    for chunk in _chunks(boxes, titles, row_width):
        if rows:
            row = _place([*rows[-1].boxes, *chunk], titles)
            if row.right <= row_width:
                rows[-1] = row
                continue
        rows.append(_place(chunk, titles))
    by_name = {box.step.name: box for box in boxes}
    for before, row in zip([None, *rows], rows, strict=False):
        _place(row.boxes, titles)  # trying more may have moved them
        _stack(row)
        _arch(row, by_name, before)
    return Layout(tuple(rows), by_name)


def _sized(graph: Graph, steps: Sequence[Step], trunk: set[str]) -> Iterable[Box]:
    gate = {name for gate in graph.gates for name in gate.branch}
    side = max((step.shape[1] for step in steps if len(step.shape) > 1), default=1)
    channels = max(step.shape[0] for step in steps)
    for step in steps:
        if step.name in gate and step.name not in trunk:
            word = {"avg_pool": "pool", "linear": f"fc {step.shape[0]}", "conv": f"1×1 {step.shape[0]}"}
            label = word.get(step.kind, short(step).split(",")[0])
            width = text_width(label, CHIP) + 10
            yield Box(step, "chip", 0, (label,), thick=width, high=16, width=width)
        elif kind_of(step.kind).join and len(step.inputs) > 1:
            label = short(step).partition(", ")[2]
            gap = text_width(label, LABEL) + 16 if label else 14
            yield Box(step, "join", 0, (label,) if label else (), thick=18, high=18, width=18, gap=gap)
        else:
            operator, _, fused = ("input" if step.kind == "input" else short(step)).partition(", ")
            operator = operator.replace(" /", "\u00a0/")  # kernel and stride stay in one line
            strong, weak = (wrap(words, 13, break_long_words=False) for words in (operator, fused))
            labels = (*strong, *weak)
            high, thick = _extent(step.shape, side, channels)
            box = Box(step, "volume", 0, labels, len(strong), thick, high, deep=0.3 * high)
            box.gap = text_width(times(step.shape), SHAPE) + 14
            box.width = max(box.thick + box.deep, *(text_width(label, LABEL) for label in labels))
            yield box


def _extent(shape: Shape, side: int, channels: int) -> tuple[float, float]:
    """Height and thickness in pixels, in proportion to the roots of the picture's side and of the channels."""
    rows = shape[1] if len(shape) > 1 else 1
    return max(TALLEST * sqrt(rows / side), 6.0), max(THICKEST * sqrt(shape[0] / channels), 3.0)


def _chunks(boxes: Sequence[Box], titles: dict[str, str], row_width: float) -> Iterable[list[Box]]:
    """What should stay in one row: a block; else what lies between two places with a single wire; else one step."""
    last_reader = {box.step.name: index for index, box in enumerate(boxes)}
    for index, box in enumerate(boxes):
        for name in box.step.inputs:
            last_reader[name] = index
    units: list[list[Box]] = [[]]
    alive: set[str] = set()
    for index, box in enumerate(boxes):
        units[-1].append(box)
        alive = {name for name in {*alive, box.step.name} if last_reader[name] > index}
        if len(alive) <= 1 and index + 1 < len(boxes):
            units.append([])
    blocks: list[list[list[Box]]] = []
    for unit in units:
        title = titles[unit[0].step.name]
        if blocks and title and titles[blocks[-1][-1][-1].step.name] == title:
            blocks[-1].append(unit)
        else:
            blocks.append([unit])
    for block in blocks:
        whole = [box for unit in block for box in unit]
        if _place(whole, titles).right <= row_width:
            yield whole
            continue
        for unit in block:
            if _place(unit, titles).right <= row_width:
                yield unit
            else:
                yield from ([box] for box in unit)


def _place(boxes: list[Box], titles: dict[str, str]) -> Row:
    """Give the boxes of one row their x, and the row its extent and frames."""
    here = {box.step.name: box for box in boxes}
    edge: dict[int, float] = {}  # of each lane, where its last column ends
    start, block = 12.0, ""
    frames: list[Frame] = []
    for box in boxes:
        title = titles[box.step.name]
        if title != block:
            start = max([12.0, *(other.right + other.gap for other in boxes[: boxes.index(box)])])
            if frames and block:
                start = max(start, frames[-1].left + text_width(frames[-1].title, LABEL) + 26)
            start += 12 if title or block else 0
            block = title
            if title:
                frames.append(Frame(title, start - 8, start))
        x = max(start, edge.get(box.lane, 0))
        for name in box.step.inputs:
            before = here.get(name)
            if before is None:
                continue
            if before.lane == box.lane or before.form == "volume":
                apart = before.right + before.gap
                apart = before.middle + 18 if box.form == "chip" and before.form != "chip" else apart
            else:
                apart = before.right + 12
            x = max(x, apart)
        box.x = x
        edge[box.lane] = box.right + box.gap
        if title:
            frames[-1].right = max(frames[-1].right, box.right + 8)
    if frames and block:
        frames[-1].right = max(frames[-1].right, frames[-1].left + text_width(frames[-1].title, LABEL) + 16)
    _centre(boxes, here)
    return Row(boxes, frames)


def _centre(boxes: Sequence[Box], here: dict[str, Box]) -> None:
    """Move branches below the trunk to the middle between where they part and where they join."""
    for lane in {box.lane for box in boxes if box.lane > 0}:
        chain: list[Box] = []
        for box in [box for box in boxes if box.lane == lane]:
            if chain and chain[-1].step.name not in box.step.inputs:
                _centre_chain(chain, boxes, here)
                chain = []
            chain.append(box)
        _centre_chain(chain, boxes, here)


def _centre_chain(chain: list[Box], boxes: Sequence[Box], here: dict[str, Box]) -> None:
    joins = [box.x for box in boxes if chain[-1].step.name in box.step.inputs]
    if joins and chain[0].step.inputs and chain[0].step.inputs[0] in here:
        slack = (min(joins) - 12 - chain[-1].right - chain[-1].gap) / 2
        for box in chain:
            box.x += max(slack, 0)


def _stack(row: Row) -> None:
    """Give every box of the row its y; the trunk's wire is at 0."""
    by_name = {box.step.name: box for box in row.boxes}
    down = max(_reach_down(box) for box in row.boxes if box.lane == 0) if any(b.lane == 0 for b in row.boxes) else 0.0
    for lane in range(1, max(box.lane for box in row.boxes) + 1):
        found = [box for box in row.boxes if box.lane == lane]
        y = down + 14 + max((box.high / 2 + box.deep for box in found), default=0)
        for box in found:
            box.y = y
        down = y + max((_reach_down(box) for box in found), default=0)
    row.bottom = down + 10
    for lane in range(-1, min(box.lane for box in row.boxes) - 1, -1):
        chain: list[Box] = []
        for box in [box for box in row.boxes if box.lane == lane]:
            if chain and chain[-1].step.name not in box.step.inputs:
                _lift(chain, row, by_name)
                chain = []
            chain.append(box)
        _lift(chain, row, by_name)
    row.top = min(box.top for box in row.boxes) - 6


def _reach_down(box: Box) -> float:
    return box.high / 2 + 13 * len(box.labels) * (box.form == "volume")


def _lift(chain: list[Box], row: Row, by_name: dict[str, Box]) -> None:
    """Hang a gate's chips over what stands between its start and its end."""
    if not chain:
        return
    starts = [by_name[name].x for name in chain[0].step.inputs if name in by_name]
    ends = [box.right for box in row.boxes if chain[-1].step.name in box.step.inputs]
    y = _ceiling(row, min([*starts, chain[0].x]), max([*ends, chain[-1].right]), above=chain[0].lane) - 18
    for box in chain:
        box.y = y


def _ceiling(row: Row, left: float, right: float, above: int = -1_000) -> float:
    """The highest point of all boxes between `left` and `right` in lanes over `above`."""
    return min((b.top for b in row.boxes if b.lane > above and b.right > left and b.x < right), default=0.0)


def _arch(row: Row, boxes: dict[str, Box], before: Row | None) -> None:
    """Find the wires that pass other boxes of the trunk, and draw the shorter under the longer."""
    here = {box.step.name: index for index, box in enumerate(row.boxes)}
    found: list[tuple[int, int, Box | None, Box]] = []
    for end, box in enumerate(row.boxes):
        for name in box.step.inputs:
            source = boxes[name]
            enters = before is not None and source is before.last
            if box.lane == source.lane == 0 and (name in here or enters):
                first = here.get(name, -1)
                if any(other.lane == 0 for other in row.boxes[first + 1 : end]):
                    found.append((first, end, None if enters else source, box))
    for first, end, start, box in sorted(found, key=lambda arc: arc[1] - arc[0]):
        left, right = start.middle if start else 0.0, box.middle
        y = _ceiling(row, left, right) - 12
        passed = [arc.y for arc in row.arcs if first < here[arc.end.step.name] <= end and _first(arc, here) < end]
        row.arcs.append(Arc(start, box, min([y, *(other - 12 for other in passed)])))
    row.top = min([row.top, *(arc.y - 6 for arc in row.arcs)])


def _first(arc: Arc, here: dict[str, int]) -> int:
    return here[arc.start.step.name] if arc.start else -1
