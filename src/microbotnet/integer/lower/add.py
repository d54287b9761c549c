"""Sums and differences of two maps."""

from dataclasses import replace

import numpy as np

from ...graph.graph import times
from ...quant.stages import Stage
from .. import ranges
from ..operators import Add
from ..program import Requantize
from .lowering import Lowering, lowers
from .refused import Refused

_STEP = 2**19  # about the largest multiplier of an input


@lowers("add", "sub")
def add(lowering: Lowering, stage: Stage) -> None:
    """Both inputs times their scales over the output's, as integers."""
    head = stage.head
    if len(head.inputs) != 2:
        raise Refused("this operator has no integer form")
    a, b = lowering.inputs(stage)
    seen = [lowering.graph[name].shape for name in head.inputs]
    if a.shape != b.shape or seen[0] != seen[1]:
        raise Refused(f"of {times(seen[0])} and {times(seen[1])}: only equal shapes are added")
    alpha = float(lowering.calls[head.name].named.get("alpha", 1)) * (-1 if head.kind == "sub" else 1)
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
            raise Refused("its inputs' scales are too far from its output's")
    lowering.operators.append(replace(operator, requantize=replace(how, offset=np.array([offset], np.int32))))
    lowering.hold_span(stage, a.shape, low, high, table)
