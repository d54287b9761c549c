"""Concatenations of channels."""

from dataclasses import replace

import numpy as np

from ...quant.stages import Stage
from .. import ranges
from ..fixed import COARSE, fixed_point
from ..operators import Concatenate
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused


@lowers("concat")
def concatenate(lowering: Lowering, stage: Stage) -> None:
    """Each input is requantized to the output's scale, unless it has it."""
    head, inputs = stage.head, lowering.inputs(stage)
    shape = (sum(x.shape[0] for x in inputs), *inputs[0].shape[1:])
    if any(x.shape[1:] != inputs[0].shape[1:] for x in inputs) or len(inputs) != len(head.inputs):
        raise Refused("joins maps of several sizes")
    lowering.expect(head, shape)
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
    lowering.operators.append(Concatenate(head.name, names, stage.name, tuple(hows)))
    lowering.hold(stage, shape, low, high)
