"""Concatenations along any axis."""

from dataclasses import replace
from math import prod

import numpy as np

from ...quant.stages import Stage
from .. import ranges
from ..fixed import COARSE, fixed_point
from ..operators import Concatenate
from ..program import Tensor
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused
from .value import Value, canonical


@lowers("concat")
def concatenate(lowering: Lowering, stage: Stage) -> None:
    """Each input is requantized to the output's scale, unless it has it. The axis is made that of the channels."""
    head, call = stage.head, lowering.calls[stage.head.name]
    if len(call.given) != len(call.named["tensors"]):
        raise Refused("joins constants to what it computes; pad or add them instead")
    stacks = call.op == "stack"
    axis = int(call.named.get("dim", 0)) % (call.given[0].dim() + stacks) - 1
    if axis < 0:
        raise Refused("joins pictures of a batch; a chip sees one picture")
    inputs = [_first(lowering, name, axis, stacks) for name in head.inputs]
    shape = (sum(x.shape[0] for x in inputs), *inputs[0].shape[1:])
    scale, zero_point, low, high, _ = lowering.rounding(stage)
    hows = []
    for x in inputs:
        if (x.scale, x.zero_point) == (scale, zero_point):
            hows.append(replace(IDENTITY, low=low, high=high))
            continue
        found = ranges.Range(np.array([x.low]), np.array([x.high]))
        factor, centre, bias = np.array([x.scale / scale]), np.array([x.zero_point]), np.array([zero_point])
        how = fixed_point(found, factor, centre, bias, low=low, high=high, tolerance=COARSE, name=head.name)
        hows.append(how)
    names = tuple(x.name for x in inputs)
    operator = Concatenate(head.name, names, stage.name, tuple(hows))
    places = np.arange(prod(shape), dtype=np.int64)
    moved = places.reshape(np.moveaxis(np.empty(head.shape, bool), axis, 0).shape)
    lowering.hold(stage, operator, shape, low, high, Value(stage.name, np.moveaxis(moved, 0, axis)))


def _first(lowering: Lowering, name: str, axis: int, stacks: bool) -> Tensor:
    """The input with the axis in front."""
    value = lowering.value(name)
    index = np.expand_dims(value.index, axis) if stacks else value.index
    index = np.moveaxis(index, axis, 0)
    return lowering.materialize(
        replace(value, index=index), canonical(index.shape), name if not axis else f"{name}.turned"
    )
