"""Average and max pools."""

from math import prod

import numpy as np

from ...graph.graph import Node
from ...quant.stages import Stage
from ..operators import Convolve, MaxPool, SumPool, WindowSum
from ..program import Tensor
from .constants import listed, two
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused
from .value import canonical


@lowers("avg_pool")
def average(lowering: Lowering, stage: Stage) -> None:
    """Sums of windows; the division is in the multiplier."""
    head = stage.head
    (x,) = lowering.inputs(stage)
    if len(head.kernel) > 2:
        raise Refused("has three axes; programs hold maps and signals: fold one axis into the channels")
    shape = _after(lowering, head, x)
    named = lowering.calls[head.name].named
    kernel, stride, padding = two(head.kernel), two(head.stride), two(head.padding, 0)
    size = [_axis(*numbers) for numbers in zip(x.shape[1:], shape[1:], kernel, stride, padding, strict=True)]
    if "kernel_size" not in named:
        size = [_adaptive(n, count) for n, count in zip(x.shape[1:], shape[1:], strict=True)]
    counted = named.get("count_include_pad", True)
    # For each window of an axis: its ends on the map, and by how many elements it divides.
    rows, columns = ([(a, b, d if counted else b - a) for a, b, d in axis] for axis in size)
    divisors = np.outer([d for _, _, d in rows], [d for _, _, d in columns]).reshape(-1)
    if named.get("divisor_override"):
        divisors = np.full(divisors.shape, int(named["divisor_override"]))
    alike = len({*divisors}) == 1
    if alike and _plain(rows, kernel[0], stride[0]) and _plain(columns, kernel[1], stride[1]):
        operator = SumPool(head.name, x.name, stage.name, kernel, stride, IDENTITY)
        centre, factor = np.array([prod(kernel) * x.zero_point]), np.array([x.scale / divisors[0]])
        lowering.finish(stage, operator, shape, factor, centre, np.zeros(1))
    elif alike and "kernel_size" in named:
        ones = np.ones((x.shape[0], 1, *kernel), np.int8)
        convolve = Convolve(head.name, x.name, stage.name, ones, 1, stride, padding, x.shape[0], IDENTITY)
        factor, centre = (np.full(x.shape[0], n) for n in (x.scale / divisors[0], prod(kernel) * x.zero_point))
        lowering.finish(stage, convolve, shape, factor, centre, np.zeros(x.shape[0]))
    else:
        down, right = (tuple((a, b) for a, b, _ in axis) for axis in (rows, columns))
        uneven = WindowSum(head.name, x.name, stage.name, down, right, IDENTITY)
        factor = x.scale / divisors if not alike else np.array([x.scale / divisors[0]])
        if stage.functions and stage.functions[0].kind == "sign":
            raise Refused("a sign behind windows of several sizes is not lowered; pad with zeros first")
        lowering.finish(stage, uneven, shape, factor, np.zeros(len(factor)), np.zeros(len(factor)))


@lowers("max_pool")
def largest(lowering: Lowering, stage: Stage) -> None:
    """Its output has the scale of its input."""
    head = stage.head
    (x,) = lowering.inputs(stage)
    named = lowering.calls[head.name].named
    if len(head.kernel) > 2:
        raise Refused("has three axes; programs hold maps and signals: fold one axis into the channels")
    if set(listed(named.get("dilation", 1))) != {1}:
        raise Refused("a dilated pool is not lowered; take a larger window")
    if lowering.calls[head.name].part:
        raise Refused("hands on where the largest values were; only the values are integers of the network")
    shape = _after(lowering, head, x)
    adaptive = "kernel_size" not in named and "output_size" in named
    if adaptive and any(n % m for n, m in zip(x.shape[1:], shape[1:], strict=True)):
        raise Refused(f"its windows would not all have one size; make its output a divisor of {max(x.shape[1:])}")
    kernel, stride = two(head.kernel), two(head.stride)
    operator = MaxPool(head.name, x.name, stage.name, kernel, stride, two(head.padding, 0))
    lowering.hold(stage, operator, shape, x.low, x.high)


def _after(lowering: Lowering, head: Node, x: Tensor) -> tuple[int, int, int]:
    """The output's shape, with the axes that are gone."""
    if len(head.shape) == len(lowering.graph[head.inputs[0]].shape):
        return canonical(head.shape)
    rows, columns = (n // k for n, k in zip(x.shape[1:], two(head.kernel), strict=True))
    return x.shape[0], rows, columns


def _axis(size: int, count: int, kernel: int, stride: int, padding: int) -> list[tuple[int, int, int]]:
    """For each window along an axis: its ends on the map, and its length with the padding in it but not beyond."""
    starts = (i * stride - padding for i in range(count))
    return [(max(a, 0), min(a + kernel, size), min(a + kernel, size + padding) - a) for a in starts]


def _adaptive(size: int, count: int) -> list[tuple[int, int, int]]:
    ends = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
    return [(a, b, b - a) for a, b in ends]


def _plain(windows: list[tuple[int, int, int]], kernel: int, stride: int) -> bool:
    """Whether they all are on the map, whole."""
    return all((a, b) == (i * stride, i * stride + kernel) for i, (a, b, _) in enumerate(windows))
