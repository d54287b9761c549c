"""One convolution drawn: what a filter sees of the input, the filters, and the value that it makes."""

from math import log2, prod

from ..graph import Graph, Node
from ..graph.graph import times
from .svg import Drawing, text_width

SIDE = 128.0  # pixels of the larger picture
SLANT = 0.5  # how far up a channel lies for each pixel to the right


def draw_kernel(graph: Graph, node: Node) -> str:
    """A convolution: the values of the input that make one value of the output, and that value, marked.

    Volumes have a front of pixels; channels lie behind one another, their depth growing with the logarithm.
    """
    before = graph[node.inputs[0]].shape
    size = max(*before[1:], *node.shape[1:])
    cell = SIDE / size
    depthwise = node.groups == node.in_channels > 1
    words = {True: "Depthwise", False: "Standard"}[depthwise] if prod(node.kernel) > 1 else "Pointwise"
    title = f"{words} convolution: {node.name}, {times(before)} → {times(node.shape)}"
    draw = Drawing()
    draw.text(20, 28, title, size=14, css="ink bold")
    deep_in, deep_out = _depth(before[0]), _depth(node.shape[0])
    base = 78 + SLANT * max(deep_in, deep_out) + SIDE

    # the input, and what the filter sees of it
    x, y = 24.0, base - cell * before[1]
    row = column = min(1, node.shape[1] - 1)  # of the output's marked value
    top, left = (row * node.stride[0] - node.padding[0]), (column * node.stride[1] - node.padding[1])
    rows = max(top, 0), min(top + node.kernel[0], before[1])
    columns = max(left, 0), min(left + node.kernel[1], before[2])
    _volume(draw, x, y, cell * before[2], cell * before[1], deep_in, "panel")
    _grid(draw, x, y, before[2], before[1], cell)
    seen = (x + columns[0] * cell, y + rows[0] * cell, (columns[1] - columns[0]) * cell, (rows[1] - rows[0]) * cell)
    slice_deep = deep_in / max(log2(before[0]) + 1, 1) if depthwise else deep_in
    _block(draw, *seen, slice_deep, "kind4")
    _caption(draw, x, base, "input", times(before))
    x += cell * before[2] + deep_in + 26
    draw.arrow([(x, base - SIDE / 2), (x + 40, base - SIDE / 2)], "wire")
    x += 62

    # the filters
    inputs = node.in_channels // node.groups
    tile = max(min(cell, 14), 6)
    wide, tall = tile * node.kernel[1], tile * node.kernel[0]
    deep = _depth(inputs) * 0.6
    for index in (2, 1, 0):
        at = x + index * (wide * 0.35 + 12), base - SIDE / 2 - tall / 2 - index * 8
        _block(draw, *at, wide, tall, deep, "kind4" if index == 0 else "none")
    label = f"{node.out_channels} filters", f"of {times((inputs, *node.kernel))}"
    _caption(draw, x, base, *label)
    x += max(2 * (wide * 0.35 + 12) + wide + deep, *(text_width(words, 11) for words in label)) + 22
    draw.arrow([(x, base - SIDE / 2), (x + 40, base - SIDE / 2)], "wire")
    x += 62

    # the output, and the value that one filter made
    y = base - cell * node.shape[1]
    _volume(draw, x, y, cell * node.shape[2], cell * node.shape[1], deep_out, "panel")
    _grid(draw, x, y, node.shape[2], node.shape[1], cell)
    _block(draw, x + column * cell, y + row * cell, cell, cell, deep_out / max(log2(node.shape[0]) + 1, 1), "kind4")
    _caption(draw, x, base, "output", times(node.shape))
    right = x + max(cell * node.shape[2] + deep_out, text_width(times(node.shape), 11))
    macs = f"{inputs * prod(node.kernel)} MACs make one value"
    draw.text(24, base + 58, macs, size=11, css="soft")
    return draw.svg(max(right, 24 + text_width(title, 14)) + 24, base + 76, title)


def _depth(channels: int) -> float:
    return 10 * (log2(channels) + 1)


def _volume(draw: Drawing, x: float, y: float, wide: float, tall: float, deep: float, css: str) -> None:
    up = SLANT * deep
    draw.polygon([(x, y), (x + deep, y - up), (x + wide + deep, y - up), (x + wide, y)], f"{css} edge thin")
    far = x + wide + deep
    draw.polygon([(x + wide, y), (far, y - up), (far, y + tall - up), (x + wide, y + tall)], f"{css} edge thin")
    draw.rect(x, y, wide, tall, f"{css} edge thin")


def _block(draw: Drawing, x: float, y: float, wide: float, tall: float, deep: float, css: str) -> None:
    up = SLANT * deep
    top = [(x, y), (x + deep, y - up), (x + wide + deep, y - up), (x + wide, y)]
    side = [(x + wide, y), (x + wide + deep, y - up), (x + wide + deep, y + tall - up), (x + wide, y + tall)]
    draw.rect(x, y, wide, tall, f"{css} edge thin")
    for face, light in ((top, "lit"), (side, "shade")):
        draw.polygon(face, f"{css} edge thin")
        draw.polygon(face, light)


def _grid(draw: Drawing, x: float, y: float, columns: int, rows: int, cell: float) -> None:
    for index in range(1, columns):
        draw.line([(x + index * cell, y), (x + index * cell, y + rows * cell)], "rule thin")
    for index in range(1, rows):
        draw.line([(x, y + index * cell), (x + columns * cell, y + index * cell)], "rule thin")


def _caption(draw: Drawing, x: float, base: float, first: str, second: str) -> None:
    draw.text(x, base + 20, first, size=11, css="ink bold")
    draw.text(x, base + 35, second, size=11, css="soft")
