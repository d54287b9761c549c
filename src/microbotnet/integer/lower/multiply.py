"""Products of a map and a factor for each channel."""

from math import prod

import numpy as np

from ...graph.graph import times
from ...quant.stages import Stage
from ..operators import Gate
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused


@lowers("mul")
def multiply(lowering: Lowering, stage: Stage) -> None:
    """The larger by the smaller."""
    head = stage.head
    if len(head.inputs) != 2:
        raise Refused("this operator has no integer form")
    first, second = lowering.inputs(stage)
    x, g = (first, second) if prod(first.shape) >= prod(second.shape) else (second, first)
    if g.shape != (x.shape[0], 1, 1):
        raise Refused(f"of {times(x.shape)} and {times(g.shape)}: only one factor for each channel is lowered")
    operator = Gate(head.name, (x.name, g.name), stage.name, IDENTITY)
    lowering.finish(stage, operator, x.shape, np.array([x.scale * g.scale]), np.zeros(1), np.zeros(1))
