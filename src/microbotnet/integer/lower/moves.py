"""What only moves elements: remembered, and done where an operator needs the elements in their places."""

import numpy as np
import torch

from ...graph.kinds import kind_of
from ...quant.stages import Stage
from .lowering import Lowering, lowers
from .refused import Refused
from .value import Value, whole


@lowers("slice", "transpose", "flip", "roll", "repeat", "expand", "index", "upsample", "pad")
def move(lowering: Lowering, stage: Stage) -> None:
    """The same call on the elements' numbers. Two moves that are not one regular move are done one after the other."""
    head = stage.head
    moved = _moved(lowering, stage, lowering.value(head.inputs[0]))
    if moved is None:
        before = lowering.read(head.inputs[0])
        moved = _moved(lowering, stage, whole(before.name, lowering.graph[head.inputs[0]].shape))
    if moved is None:
        raise Refused(f"moves elements in no regular way; {kind_of(head.kind).instead}")
    lowering.values[stage.name] = moved


def _moved(lowering: Lowering, stage: Stage, value: Value) -> Value | None:
    head, call = stage.head, lowering.calls[stage.head.name]
    fill = value.fill
    if head.kind == "pad":
        fill = float(call.named.get("value") or 0)
        if value.has_border and fill != value.fill:
            return None
    numbers = torch.from_numpy(value.index + 1).double().reshape(call.given[0].shape)  # 0 is a border
    named = call.named | {"value": 0} if head.kind == "pad" else call.named
    made = type(call)(call.func, named, call.given, call.part)(numbers)
    index = made.numpy().astype(np.int64).reshape(head.shape) - 1
    moved = Value(value.tensor, index, fill)
    return moved if lowering.is_regular(moved) else None
