"""Means, sums and maxima over any axes."""

from dataclasses import replace
from math import prod

import numpy as np

from ...graph.kinds.pools import reduced
from ...quant.stages import Stage
from ..operators import Convolve, Lookup, MaxPool, SumPool
from ..program import Tensor
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused

_TURNED = np.arange(127, -129, -1).astype(np.int8)[None]  # −1 − q: the largest integer is the smallest


@lowers("mean", "sum")
def total(lowering: Lowering, stage: Stage) -> None:
    """Over the channels of a map, a 1×1 convolution of ones; else the axes are brought together and pooled."""
    head = stage.head
    value, over = lowering.value(head.inputs[0]), _over(lowering, stage)
    count = prod(value.index.shape[axis] for axis in over)
    divisor = count if head.kind == "mean" else 1
    if over == (0,) and value.index.ndim == 3:
        (x,) = lowering.inputs(stage)
        ones = np.ones((1, count, 1, 1), np.int8)
        convolve = Convolve(head.name, x.name, stage.name, ones, 1, (1, 1), (0, 0), 1, IDENTITY)
        shape = (1, *x.shape[1:])
        factor, centre = np.array([x.scale / divisor]), np.array([count * x.zero_point])
        lowering.finish(stage, convolve, shape, factor, centre, np.zeros(1))
        return
    x = _together(lowering, stage, over)
    pool = SumPool(head.name, x.name, stage.name, (1, count), (1, count), IDENTITY)
    factor, centre = np.array([x.scale / divisor]), np.array([count * x.zero_point])
    lowering.finish(stage, pool, (x.shape[0], 1, 1), factor, centre, np.zeros(1))


@lowers("amax", "amin")
def extreme(lowering: Lowering, stage: Stage) -> None:
    """Its output has the scale of its input. The smallest is the largest of what is turned round, turned back."""
    head = stage.head
    if lowering.calls[head.name].part:
        raise Refused("hands on where the values were; only the values are integers of the network")
    x = _together(lowering, stage, _over(lowering, stage))
    shape, window = (x.shape[0], 1, 1), (1, x.shape[2])
    if head.kind == "amax":
        lowering.hold(stage, MaxPool(head.name, x.name, stage.name, window, window, (0, 0)), shape, x.low, x.high)
    else:
        turned, largest = (lowering.free(f"{head.name}.{part}") for part in ("turned", "largest"))
        other = replace(x, name=turned, low=~x.high, high=~x.low)
        lowering.add(Lookup(turned, x.name, turned, _TURNED), other)
        pool = MaxPool(largest, turned, largest, window, window, (0, 0))
        lowering.add(pool, replace(other, name=largest, shape=shape))
        lowering.hold(stage, Lookup(head.name, largest, stage.name, _TURNED), shape, x.low, x.high)


def _over(lowering: Lowering, stage: Stage) -> tuple[int, ...]:
    """The axes without the batch."""
    call = lowering.calls[stage.head.name]
    return tuple(axis - 1 for axis in reduced(call.named, call.given[0].dim()))


def _together(lowering: Lowering, stage: Stage, over: tuple[int, ...]) -> Tensor:
    """The input as (what stays, 1, what is reduced)."""
    name = stage.head.inputs[0]
    value = lowering.value(name)
    stays = tuple(axis for axis in range(value.index.ndim) if axis not in over)
    count = prod(value.index.shape[axis] for axis in over)
    shape = (value.index.size // count, 1, count)
    turned = replace(value, index=value.index.transpose(*stays, *over))
    return lowering.materialize(turned, shape, f"{name}.turned")
