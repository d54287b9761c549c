"""Functions of one value that follow no sum: a table, or one for each channel."""

from dataclasses import replace
from math import prod

import torch

from ...quant.stages import Stage, by_channel
from ..operators import Lookup
from ..program import LIMITS
from .lowering import FUNCTION, Lowering, lowers


@lowers(FUNCTION)
def lookup(lowering: Lowering, stage: Stage) -> None:
    """All the stage's functions in one. They are applied before what only moves elements, where that is less work."""
    head = stage.head
    value = lowering.value(head.inputs[0])
    x = lowering.tensors[value.tensor]
    functions = (head, *stage.functions)
    channels = max((function.shape[0] for function in functions if by_channel(function)), default=1)
    like = None
    if channels > 1 or value.has_border or value.index.size < prod(x.shape):
        x = lowering.read(head.inputs[0])
    elif not value.is_whole(x.shape):
        like = replace(value, tensor=stage.name)
    lowest = LIMITS[x.dtype][0]
    real = (torch.arange(lowest, lowest + 256)[None] - x.zero_point).float() * x.scale
    tables = lowering.quantized(stage, functions, real.expand(channels, 256))
    reached = tables[:, x.low - lowest : x.high - lowest + 1]
    lowering.hold(
        stage, Lookup(head.name, x.name, stage.name, tables), x.shape, int(reached.min()), int(reached.max()), like
    )
