"""Pools and means."""

from math import prod

import numpy as np

from ....integer.operators import MaxPool, SumPool, WindowSum
from ....integer.program import Pair, Shape
from ....integer.ranges import Range
from ....integer.steps import rounding_of
from ..file import Refused
from ..windows import pads_of
from .arithmetic import Float, averaged, requantized
from .lowering import Lowering
from .values import Held, Operand, Pending, Real, Target, demand, program_shape


def max_pool(b: Lowering) -> None:
    """MaxPool of integers, or of dequantized ones, which it leaves so."""
    value = b.given()
    of = value.of if isinstance(value, Real) else None
    held = value if isinstance(value, Held) else of.held if of else None
    if held is None:
        raise Refused("is of real numbers; quantize what makes them")
    demand(len(b.node.outputs) == 1, "also says where the largest was")
    ends, kernel, stride, padding, shape = _windows(b, held.shape)
    demand(set(b.node.get("dilations", [1])) == {1}, "has windows with gaps")
    demand(all(a < c for row in ends for a, c in row), "has a window that holds nothing")
    tensor, name = b.ordered(held), b.name()
    operator = MaxPool(name, tensor.name, name, kernel, stride, padding)
    target = Target(np.float32(tensor.scale), tensor.zero_point, held.unsigned)
    b.append(operator, program_shape(shape), (tensor.low, tensor.high), target)
    b.tell(name)
    made = b.hold(name, shape, target)
    b.values[b.node.outputs[0]] = made if of is None else b.real(Operand(made, of.scale, of.zero_point))


def global_max_pool(b: Lowering) -> None:
    """GlobalMaxPool, as a pool over the whole map."""
    value = b.given()
    of = value.of if isinstance(value, Real) else None
    held = value if isinstance(value, Held) else of.held if of else None
    if held is None or len(held.shape) not in (2, 3):
        raise Refused("is of real numbers, or of no map")
    tensor, name = b.ordered(held), b.name()
    target = Target(np.float32(tensor.scale), tensor.zero_point, held.unsigned)
    operator = MaxPool(name, tensor.name, name, (tensor.shape[1], tensor.shape[2]), (1, 1), (0, 0))
    b.append(operator, (tensor.shape[0], 1, 1), (tensor.low, tensor.high), target)
    b.tell(name)
    made = b.hold(name, (held.shape[0], *[1] * (len(held.shape) - 1)), target)
    b.values[b.node.outputs[0]] = made if of is None else b.real(Operand(made, of.scale, of.zero_point))


def qlinear_global_average(b: Lowering) -> None:
    """QLinearGlobalAveragePool."""
    demand(not b.node.get("channels_last", 0), "has channels last")
    x = b.operand(0)
    b.values[b.node.outputs[0]] = _mean(b, x, Target(*b.quantization(3)), _kept(x.held.shape), exact=True)


def global_average(b: Lowering) -> None:
    """GlobalAveragePool between DequantizeLinear and QuantizeLinear, which onnxruntime makes a QLinear one."""
    node, x = b.node, b.operand(0)
    shape = _kept(x.held.shape)

    def finish(target: Target) -> Held:
        b.node = node
        return _mean(b, x, target, shape, exact=True)

    b.values[node.outputs[0]] = Pending(finish, shape)


def reduce_mean(b: Lowering) -> None:
    """ReduceMean over all places."""
    node, x = b.node, b.operand(0)
    rank = len(x.held.shape)
    axes = node.get("axes", None) or ([int(n) for n in b.constant(1).reshape(-1)] if b.has(1) else [])
    over = sorted({axis + rank + 1 if axis < 0 else axis for axis in axes})
    demand(rank >= 2 and over == list(range(2, rank + 1)), "averages over other axes than all but the channels")
    shape = _kept(x.held.shape) if node.get("keepdims", 1) else x.held.shape[:1]

    def finish(target: Target) -> Held:
        b.node = node
        return _mean(b, x, target, shape, exact=False)

    b.values[node.outputs[0]] = Pending(finish, shape)


def _kept(shape: tuple[int, ...]) -> tuple[int, ...]:
    demand(len(shape) in (2, 3), f"averages {list(shape)}, which is no map")
    return (shape[0], *[1] * (len(shape) - 1))


def _mean(b: Lowering, x: Operand, target: Target, shape: tuple[int, ...], *, exact: bool) -> Held:
    """exact: onnxruntime rounds integer sums; otherwise it adds real numbers, whose last bits nobody can know."""
    tensor = b.ordered(x.held)
    kernel = tensor.shape[1], tensor.shape[2]
    count, name = prod(kernel), b.name()
    scale = np.array([x.scale / np.float32(target.scale * np.float32(count))], np.float32)
    low, high = target.limits
    step = requantized(scale, target.zero_point, low, high)
    found = Range(np.array([min(tensor.low, 0) * count]), np.array([max(tensor.high, 0) * count]))
    less = count * x.zero_point
    made = rounding_of(
        lambda acc: step(acc - less),
        found,
        scale.astype(np.float64),
        low=low,
        high=high,
        centre=target.zero_point,
        name=name,
    )
    operator = SumPool(name, tensor.name, name, kernel, (1, 1), made.how)
    b.append(operator, (tensor.shape[0], 1, 1), (low, high), target)
    b.tell(name, int(made.worst.max()), exact=exact)
    return b.hold(name, shape, target)


def qlinear_average(b: Lowering) -> None:
    """QLinearAveragePool."""
    demand(not b.node.get("channels_last", 0), "has channels last")
    b.values[b.node.outputs[0]] = _average(b, b.operand(0), Target(*b.quantization(3)))


def average(b: Lowering) -> None:
    """AveragePool between DequantizeLinear and QuantizeLinear."""
    node, x = b.node, b.operand(0)

    def finish(target: Target) -> Held:
        b.node = node
        return _average(b, x, target)

    b.values[node.outputs[0]] = Pending(finish, _windows(b, x.held.shape)[-1])


def _average(b: Lowering, x: Operand, target: Target) -> Held:
    (rows, columns), kernel, stride, padding, shape = _windows(b, x.held.shape)
    tensor, name = b.ordered(x.held), b.name()
    inside = np.array([(q - p) * (s - r) for p, q in rows for r, s in columns], np.int64)
    demand(bool((inside > 0).all()), "has a window that holds nothing")
    counts = np.full_like(inside, prod(kernel)) if b.node.get("count_include_pad", 0) else inside
    low, high = target.limits
    factor: Float = (x.scale / (target.scale * counts.astype(np.float32))).astype(np.float32)
    out: Shape = program_shape(shape)
    if (counts == counts[0]).all() and (inside == prod(kernel)).all() and not any(padding):
        found = Range(np.array([min(tensor.low, 0)]) * inside[:1], np.array([max(tensor.high, 0)]) * inside[:1])
        less = int(inside[0]) * x.zero_point
        step = averaged(factor[:1], target.zero_point, low, high)
        made = rounding_of(
            lambda acc: step(acc - less), found, factor[:1].astype(np.float64), low=low, high=high, name=name
        )
        b.append(SumPool(name, tensor.name, name, kernel, stride, made.how), out, (low, high), target)
    else:
        found = Range(inside * min(tensor.low - x.zero_point, 0), inside * max(tensor.high - x.zero_point, 0))
        every = averaged(factor, target.zero_point, low, high)
        made = rounding_of(
            every, found, factor.astype(np.float64), low=low, high=high, centre=target.zero_point, name=name
        )
        b.append(WindowSum(name, tensor.name, name, rows, columns, made.how), out, (low, high), target)
    b.tell(name, int(made.worst.max()), exact=False)
    return b.hold(name, shape, target)


Ends = tuple[tuple[Pair, ...], tuple[Pair, ...]]


def _windows(b: Lowering, size: tuple[int, ...]) -> tuple[Ends, Pair, Pair, Pair, tuple[int, ...]]:
    """Where each window begins and ends, by rows and by columns; kernel, stride, padding before; the result's shape."""
    kernel: list[int] = b.node.get("kernel_shape", [])
    axes = len(kernel)
    if axes not in (1, 2) or len(size) != axes + 1:
        raise Refused(f"pools {len(size) - 1} axes by windows of {axes}; 1 and 2 are read")
    stride = b.node.get("strides", [1] * axes)
    sides = pads_of(b.node, size[1:], kernel, stride, [1] * axes)
    ends: list[tuple[Pair, ...]] = []
    counts = []
    for n, k, s, (first, last) in zip(size[1:], kernel, stride, sides, strict=True):
        room = n + first + last - k
        count = (-(-room // s) if b.node.get("ceil_mode", 0) else room // s) + 1
        count -= bool(b.node.get("ceil_mode", 0)) and (count - 1) * s >= n + first
        demand(count >= 1, "its window is larger than the map")
        counts.append(count)
        ends.append(tuple((max(i * s - first, 0), min(i * s - first + k, n)) for i in range(count)))
    before = [side[0] for side in sides]
    if axes == 1:
        ends, kernel, stride, before = [((0, 1),), *ends], [1, *kernel], [1, *stride], [0, *before]
    pairs = [(int(pair[0]), int(pair[1])) for pair in (kernel, stride, before)]
    return (ends[0], ends[1]), pairs[0], pairs[1], pairs[2], (size[0], *counts)
