"""Average and max pools."""

from dataclasses import replace
from math import prod

import numpy as np

from ...graph.graph import Node, times
from ...quant.stages import Stage
from ..operators import MaxPool, SumPool
from ..program import Pair, Tensor
from .constants import listed, pair
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused


@lowers("avg_pool")
def average(lowering: Lowering, stage: Stage) -> None:
    """Sums of windows; the division is in the multiplier."""
    head = stage.head
    (x,) = lowering.inputs(stage)
    kernel, stride = _window(lowering, head, x)
    size = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:], kernel, stride, strict=True)]
    shape = (x.shape[0], size[0], size[1])
    if any(head.padding) or lowering.calls[head.name].named.get("divisor_override") is not None:
        raise Refused("padding or another divisor is not lowered")
    lowering.expect(head, shape)
    count = prod(kernel)
    operator = SumPool(head.name, x.name, stage.name, kernel, stride, IDENTITY)
    lowering.finish(stage, operator, shape, np.array([x.scale / count]), np.array([count * x.zero_point]), np.zeros(1))


@lowers("max_pool")
def largest(lowering: Lowering, stage: Stage) -> None:
    """Its output has the scale of its input."""
    head = stage.head
    (x,) = lowering.inputs(stage)
    kernel, stride = _window(lowering, head, x)
    if set(listed(lowering.calls[head.name].named.get("dilation", 1))) != {1}:
        raise Refused("a dilated pool is not lowered")
    lowering.operators.append(MaxPool(head.name, x.name, stage.name, kernel, stride, pair(head.padding)))
    shape = (x.shape[0], head.shape[1], head.shape[2])
    lowering.tensors[stage.name] = replace(x, name=stage.name, shape=shape)


def _window(lowering: Lowering, head: Node, x: Tensor) -> tuple[Pair, Pair]:
    if len(head.kernel) != 2 or lowering.graph[head.inputs[0]].shape != x.shape:
        raise Refused("only pools of maps (channels, height, width) are lowered")
    adaptive = "kernel_size" not in lowering.calls[head.name].named
    after = head.shape[1:] or (1, 1)
    if adaptive and any(n != k * m for n, k, m in zip(x.shape[1:], head.kernel, after, strict=True)):
        raise Refused(f"adaptive windows over {times(x.shape[1:])} would not all have one size")
    return pair(head.kernel), pair(head.stride)
