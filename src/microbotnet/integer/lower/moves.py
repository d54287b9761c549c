"""What only moves elements: remembered, and done where an operator needs the elements in their places."""

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from ...graph.calls import Call
from ...graph.kinds import kind_of
from ...quant.stages import Stage
from .lowering import Lowering, lowers
from .refused import Refused
from .value import Value, canonical, whole


@lowers("slice", "transpose", "flip", "roll", "repeat", "expand", "index", "upsample", "pad", "mirror")
def move(lowering: Lowering, stage: Stage) -> None:
    """The same call on the elements' numbers. Two moves that are not one regular move are done one after the other."""
    head = stage.head
    moved = _moved(lowering, stage, lowering.value(head.inputs[0]))
    if moved is None or not lowering.is_regular(moved):
        before = lowering.read(head.inputs[0])
        moved = _moved(lowering, stage, whole(before.name, lowering.graph[head.inputs[0]].shape))
        assert moved is not None
        if not lowering.is_regular(moved):
            try:
                made = lowering.materialize(moved, canonical(head.shape), stage.name)
            except Refused as reason:
                raise Refused(f"{reason}; {kind_of(head.kind).instead}") from None
            moved = whole(made.name, head.shape)
    lowering.values[stage.name] = moved


def _tensors(call: Call) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(call.named) if isinstance(leaf, torch.Tensor)]


def _moved(lowering: Lowering, stage: Stage, value: Value) -> Value | None:
    head, call = stage.head, lowering.calls[stage.head.name]
    fill = value.fill
    if head.kind == "pad":
        fill = float(call.named.get("value") or 0)
        if value.has_border and fill != value.fill:
            return None
    places = [leaf for leaf in _tensors(call) if not any(leaf is given for given in call.given)]
    if head.kind == "index" and any(leaf.is_meta for leaf in places):
        raise Refused("takes places that are not written in the network; use slices")
    numbers = torch.from_numpy(value.index + 1).double().reshape(call.given[0].shape)  # 0 is a border
    named = call.named | {"value": 0} if head.kind == "pad" else call.named
    made = type(call)(call.func, named, call.given, call.part)(numbers)
    index = made.numpy().astype(np.int64).reshape(head.shape) - 1
    return Value(value.tensor, index, fill)
