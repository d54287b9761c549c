"""Average and max pools, means and sums."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Lookup, MaxPool, RescaledConvolve, SumPool, WindowSum
from ...integer.program import Pair, Requantize, Tensor
from ...integer.ranges import Range
from ...integer.rescale import Rescale, quantized_multiplier
from ...integer.steps import rounding_of
from .activations import fused
from .file import Node
from .layout import Held, shape_in_order
from .lowering import Lowering, Q, Refused

Whole = NDArray[np.int64]
_SAME = 0


def max_pool_2d(lowering: Lowering, node: Node) -> None:
    """MAX_POOL_2D."""
    x, kernel, stride, padding, _ = _windows(lowering, node)
    y = lowering.output(node)
    if lowering.scale(lowering.input(node, 0)) != lowering.scale(y):
        raise Refused("its input and its output have several scales")
    low, high = fused(node, *lowering.scale(y))
    shape = shape_in_order(y.shape)
    name = lowering.name(".windows" if (low, high) != (-128, 127) else "")
    operator = MaxPool(name, x.name, name, kernel, stride, padding)
    if (low, high) == (-128, 127):
        lowering.make(y, operator, shape, (x.low, x.high))
        return
    pooled = lowering.append(operator, shape, (x.low, x.high), x.scale, x.zero_point)
    name = lowering.name()
    table = np.clip(Q, low, high)[None].astype(np.int8)
    span = int(np.clip(x.low, low, high)), int(np.clip(x.high, low, high))
    lowering.make(y, Lookup(name, pooled.name, name, table), shape, span)


def average_pool_2d(lowering: Lowering, node: Node) -> None:
    """AVERAGE_POOL_2D: what lies outside the map does not count."""
    x, kernel, stride, padding, ends = _windows(lowering, node)
    y = lowering.output(node)
    if lowering.scale(lowering.input(node, 0)) != lowering.scale(y):
        raise Refused("its input and its output have several scales")
    low, high = fused(node, *lowering.scale(y))
    rows, columns = ends
    tall, wide = (np.array([b - a for a, b in side], np.int64) for side in (rows, columns))
    counts = np.outer(tall, wide).reshape(-1)
    shape = shape_in_order(y.shape)
    name = lowering.name()
    if (counts == prod(kernel)).all() and not any(padding):
        how, worst = _divided(x, counts[:1], low, high, node.kind)
        lowering.make(y, SumPool(name, x.name, name, kernel, stride, how), shape, (low, high), worst=worst)
        return
    how, worst = _divided(x, counts, low, high, node.kind, moved=True)
    lowering.make(y, WindowSum(name, x.name, name, rows, columns, how), shape, (low, high), worst=worst)


def mean(lowering: Lowering, node: Node) -> None:
    """MEAN, over any axes but the batch."""
    x, y = lowering.input(node, 0), lowering.output(node)
    tensor, kernel = _reduced(lowering, node)
    of_x, of_y = lowering.scale(x), lowering.scale(y)
    _mean(lowering, node, tensor, kernel, prod(kernel), of_x, of_y)


def reduce_max(lowering: Lowering, node: Node) -> None:
    """REDUCE_MAX, over any axes but the batch."""
    x, y = lowering.input(node, 0), lowering.output(node)
    if lowering.scale(x) != lowering.scale(y):
        raise Refused("its input and its output have several scales")
    tensor, kernel = _reduced(lowering, node)
    name = lowering.name()
    held = Held(name, y.shape, lowering.shaped(np.arange(tensor.shape[0]), y))
    operator = MaxPool(name, tensor.name, name, kernel, (1, 1), (0, 0))
    lowering.make(y, operator, (tensor.shape[0], 1, 1), (tensor.low, tensor.high), held=held)


def _reduced(lowering: Lowering, node: Node) -> tuple[Tensor, Pair]:
    """The map of which one window is all that is brought together, and that window."""
    x = lowering.input(node, 0)
    held = lowering.read(x)
    rank = len(x.shape)
    axes = sorted({axis % rank for axis in lowering.whole(node, 1)}) if rank else []
    if not axes or (rank > 1 and 0 in axes and x.shape[0] != 1):
        raise Refused(f"goes over the axes {axes} of {list(x.shape)}")
    # The axes that stay become channels, the others rows: one window over the whole map.
    stay = [axis for axis in range(rank) if axis not in axes]
    kept, count = [x.shape[axis] for axis in stay], prod(x.shape[axis] for axis in axes)
    if prod(kept) * count == 0:
        raise Refused("goes over nothing")
    spatial = shape_in_order(x.shape)
    if prod(kept) == spatial[0] and (not stay or stay[-1] == rank - 1):
        return lowering.ordered(held), (spatial[1], spatial[2])
    moved = held.places.transpose(*axes, *stay).reshape(1, 1, count, prod(kept))
    return lowering.ordered(held.moved(moved)), (1, count)


def _mean(
    lowering: Lowering,
    node: Node,
    x: Tensor,
    kernel: Pair,
    count: int,
    of_x: tuple[np.float32, int],
    of_y: tuple[np.float32, int],
) -> None:
    y = lowering.output(node)
    factor = np.float64(of_x[0]) / np.float64(of_y[0]) / count
    how = _mean_rescale(np.float64(of_x[0]) / np.float64(of_y[0]), count, of_x[1], of_y[1])
    found = Range(np.array([min(x.low, 0) * count]), np.array([max(x.high, 0) * count]))

    def step(acc: Whole) -> Whole:
        return how.apply(acc[..., None].astype(np.int32))[..., 0].astype(np.int64)

    made = rounding_of(step, found, np.array([factor]), low=-128, high=127, name=node.kind)
    shape = (x.shape[0], 1, 1)
    at = lowering.shaped(np.arange(x.shape[0]), y)
    name = lowering.name()
    held = Held(name, y.shape, at)
    if not made.worst.any():
        operator = SumPool(name, x.name, name, kernel, (1, 1), made.how)
        lowering.make(y, operator, shape, (-128, 127), held=held)
        return
    ones = np.ones((x.shape[0], 1, *kernel), np.int8)
    convolution = RescaledConvolve(name, x.name, name, ones, 8, (1, 1), (0, 0), x.shape[0], how)
    lowering.make(y, convolution, shape, (-128, 127), held=held)


def _mean_rescale(factor: np.float64, count: int, of_x: int, of_y: int) -> Rescale:
    """The ratio of the scales divided by the count, its multiplier rounded down."""
    multiplier, right = (int(n) for n in quantized_multiplier(factor))
    more = min(count.bit_length() - 1, 32, 31 - right)
    numbers = (multiplier << more) // count, -count * of_x, right + more
    multipliers, biases, shifts = (np.array([n], np.int32) for n in numbers)
    return Rescale(multipliers, biases, shifts, of_y, -128, 127)


def _divided(
    x: Tensor, counts: Whole, low: int, high: int, name: str, *, moved: bool = False
) -> tuple[Requantize, int]:
    """Sums divided by these counts, halves away from zero; `moved` sums are those less the zero point."""
    zero = x.zero_point if moved else 0
    column = counts[:, None]

    def step(acc: Whole) -> Whole:
        acc = acc + column * zero
        rounded = np.where(acc > 0, (acc + column // 2) // column, -((-acc + column // 2) // column))
        return np.clip(rounded, low, high)

    found = Range(counts * min(x.low - zero, 0), counts * max(x.high - zero, 0))
    made = rounding_of(step, found, 1 / counts, low=low, high=high, name=name)
    return made.how, int(made.worst.max())


def _windows(lowering: Lowering, node: Node) -> tuple[Tensor, Pair, Pair, Pair, tuple[tuple[Pair, ...], ...]]:
    """The map, kernel, stride, padding before it, and where on it each window begins and ends."""
    x, y = lowering.input(node, 0), lowering.output(node)
    if len(x.shape) != 4 or len(y.shape) != 4 or x.shape[0] != 1 or x.shape[3] != y.shape[3]:
        raise Refused(f"pools {list(x.shape)} to {list(y.shape)}; only maps (1, rows, columns, channels) are pooled")
    kernel = int(node.options.get("FilterHeight", 0)), int(node.options.get("FilterWidth", 0))
    stride = int(node.options.get("StrideH", 1)), int(node.options.get("StrideW", 1))
    if not 1 <= min(*kernel, *stride) <= max(*kernel, *stride) <= 2**12:
        raise Refused(f"has windows of {kernel[0]}×{kernel[1]} at strides {stride[0]} and {stride[1]}")
    padding, ends = [], []
    for n, m, k, s in zip(x.shape[1:3], y.shape[1:3], kernel, stride, strict=True):
        same = node.options.get("Padding", _SAME) == _SAME
        count = -(-n // s) if same else (n - k) // s + 1
        if count != m:
            raise Refused(f"makes {count} rows or columns of {n}; the file says {m}")
        p = max(0, (count - 1) * s + k - n) // 2 if same else 0
        padding.append(p)
        ends.append(tuple((max(i * s - p, 0), min(i * s - p + k, n)) for i in range(count)))
    return lowering.tensor(x), kernel, stride, (padding[0], padding[1]), tuple(ends)
