"""Functions of one value that follow no sum: a table."""

import torch

from ...quant.stages import Stage
from ..operators import Lookup
from ..program import LIMITS
from .lowering import FUNCTION, Lowering, lowers


@lowers(FUNCTION)
def lookup(lowering: Lowering, stage: Stage) -> None:
    """All the stage's functions in one."""
    (x,) = lowering.inputs(stage)
    lowest = LIMITS[x.dtype][0]
    real = (torch.arange(lowest, lowest + 256)[None] - x.zero_point).float() * x.scale
    tables = lowering.quantized(stage, (stage.head, *stage.functions), real)
    lowering.operators.append(Lookup(stage.head.name, x.name, stage.name, tables))
    reached = tables[:, x.low - lowest : x.high - lowest + 1]
    lowering.hold(stage, x.shape, int(reached.min()), int(reached.max()))
