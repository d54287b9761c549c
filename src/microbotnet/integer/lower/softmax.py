"""Softmax inside of a network, along any axis."""

from math import prod

import numpy as np

from ...quant.stages import Stage
from ..operators.softmax import MOST, Softmax
from .lowering import Lowering, lowers
from .refused import Refused
from .value import Value, canonical

_ONE = 2**31 - 1


@lowers("softmax")
def softmax(lowering: Lowering, stage: Stage) -> None:
    """Of the axis made that of the channels; the exponentials of all differences of two integers are a table."""
    head, call = stage.head, lowering.calls[stage.head.name]
    axis = int(call.named["dim"]) % call.given[0].dim() - 1
    if axis < 0:
        raise Refused("is taken over the pictures of a batch; a chip sees one picture")
    value = lowering.value(head.inputs[0])
    first = Value(value.tensor, np.moveaxis(value.index, axis, 0), value.fill)
    x = lowering.materialize(first, canonical(first.index.shape), f"{head.inputs[0]}.turned")
    if x.shape[0] > MOST:
        raise Refused(f"is over {x.shape[0]} values; {MOST} are the most that fit in 32 bits")
    exponentials = np.rint(np.exp(-x.scale * np.arange(256)) * _ONE).astype(np.int32)
    places = np.arange(prod(x.shape), dtype=np.int64).reshape(first.index.shape)
    operator = Softmax(head.name, x.name, stage.name, exponentials)
    lowering.hold(stage, operator, x.shape, -128, 127, Value(stage.name, np.moveaxis(places, 0, axis)))
