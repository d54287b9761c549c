"""Sums and differences of two maps."""

from dataclasses import replace

import numpy as np

from ...quant.stages import Stage
from .. import ranges
from ..operators import Add
from ..program import Requantize, Tensor
from .lowering import Lowering, lowers
from .refused import Refused
from .value import canonical

_STEP = 2**19  # about the largest multiplier of an input


@lowers("add", "sub", "rsub")
def add(lowering: Lowering, stage: Stage) -> None:
    """Both inputs times their scales over the output's, as integers. The smaller is repeated."""
    head = stage.head
    names = head.inputs if head.kind != "rsub" else head.inputs[::-1]  # other − alpha·self
    a, b = (spread(lowering, name, head.shape) for name in names)
    alpha = float(lowering.calls[head.name].named.get("alpha", 1)) * (1 if head.kind == "add" else -1)
    scale, zero_point, low, high, table = lowering.rounding(stage)
    real = a.scale / scale, alpha * b.scale / scale
    shift = int(np.clip(np.floor(np.log2(_STEP / max(abs(r) for r in real))), 0, 30))
    while True:
        m = tuple(round(r * 2**shift) for r in real)
        offset = int(np.floor((zero_point + 0.5) * 2**shift)) - m[0] * a.zero_point - m[1] * b.zero_point
        how = Requantize(np.ones(1, np.int32), np.array([0], np.int32), 0, shift, low, high, table)
        operator = Add(head.name, (a.name, b.name), stage.name, (m[0], m[1]), how)
        (found,) = lowering.sums(operator, a)
        if abs(offset) + max(int(found.high.max()), -int(found.low.min())) < ranges.WORD[1]:
            break
        shift -= 1
        if shift < 0:
            raise Refused("its inputs' scales are too far from its output's; put batch norms before it")
    how = replace(how, offset=np.array([offset], np.int32))
    lowering.hold(stage, replace(operator, requantize=how), a.shape, *how.span)


def spread(lowering: Lowering, name: str, shape: tuple[int, ...]) -> Tensor:
    """The input, repeated to the output's shape."""
    value = lowering.value(name)
    wide = replace(value, index=np.broadcast_to(value.index, shape))
    same = value.index.shape == shape
    return lowering.materialize(wide, canonical(shape), name if same else f"{name}.wide")
