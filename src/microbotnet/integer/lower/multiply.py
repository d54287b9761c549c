"""Products of two maps, one of which may have one element for a whole channel, row or column."""

from dataclasses import replace

import numpy as np

from ...quant.stages import Stage
from ..operators import Gate
from .lowering import IDENTITY, Lowering, lowers
from .value import Value, canonical


@lowers("mul")
def multiply(lowering: Lowering, stage: Stage) -> None:
    """The one that fills the output by the other."""
    head = stage.head
    wide, small = (_of(lowering, name, head.shape) for name in head.inputs)
    if _size(wide) < _size(small):
        wide, small = small, wide
    full = np.broadcast_to(wide.index, canonical(head.shape))
    x = lowering.materialize(replace(wide, index=full), canonical(head.shape), head.name + ".wide")
    g = lowering.materialize(small, small.index.shape, head.name + ".gate")
    operator = Gate(head.name, (x.name, g.name), stage.name, IDENTITY)
    lowering.finish(stage, operator, x.shape, np.array([x.scale * g.scale]), np.zeros(1), np.zeros(1))


def _of(lowering: Lowering, name: str, shape: tuple[int, ...]) -> Value:
    """The input in the output's axes, with one element along those where all are the same."""
    value = lowering.value(name)
    index = np.broadcast_to(value.index, shape).reshape(canonical(shape))
    for axis in range(3):
        first = index.take([0], axis)
        if (index == first).all():
            index = first
    return replace(value, index=np.ascontiguousarray(index))


def _size(value: Value) -> int:
    return value.index.size
