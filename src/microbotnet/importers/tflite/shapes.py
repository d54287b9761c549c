"""The arithmetic of shapes that converters leave in a file: whole numbers, known before the network runs."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .file import Node

Whole = NDArray[np.int64]
MOST = 64  # numbers in a shape, or in a part of one

_KINDS: dict[str, Callable[..., Any]] = {
    "ADD": np.add,
    "CAST": lambda x: x,
    "EXPAND_DIMS": lambda x, axis: np.expand_dims(x, int(axis.reshape(-1)[0])),
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "MUL": np.multiply,
    "REDUCE_PROD": lambda x, axes: np.prod(x, tuple(int(a) for a in axes.reshape(-1))),
    "RESHAPE": lambda x, shape: x.reshape([int(n) for n in shape.reshape(-1)]),
    "SQUEEZE": lambda x: x.squeeze(),
    "SUB": np.subtract,
}


def evaluated(node: Node, inputs: Sequence[Whole | None], shapes: Sequence[tuple[int, ...]]) -> Whole | None:
    """What a node of whole numbers makes; None where an input is not known, or the kind is not.

    inputs: the numbers that are known. shapes: of all inputs.
    """
    try:
        made = _made(node, inputs, shapes)
    except (ValueError, IndexError, TypeError):
        return None
    return None if made is None or np.size(made) > MOST else np.asarray(made, np.int64)


def _made(node: Node, inputs: Sequence[Whole | None], shapes: Sequence[tuple[int, ...]]) -> Any:
    if node.kind == "SHAPE":
        return np.array(shapes[0], np.int64)
    known = [x for x in inputs if x is not None]
    if len(known) != len(inputs) or not known:
        return None
    axis = int(node.options.get("Axis", 0))
    if node.kind == "PACK":
        return np.stack([np.broadcast_to(x, known[0].shape) for x in known], axis)
    if node.kind == "CONCATENATION":
        return np.concatenate(known, axis)
    if node.kind == "GATHER":
        return np.take(known[0], known[1], axis)
    if node.kind == "STRIDED_SLICE":
        begin, end, step = (int(x.reshape(-1)[0]) for x in known[1:4])
        if known[0].ndim != 1:
            return None
        if int(node.options.get("ShrinkAxisMask", 0)) & 1:
            return known[0][begin]
        first = None if int(node.options.get("BeginMask", 0)) & 1 else begin
        return known[0][first : None if int(node.options.get("EndMask", 0)) & 1 else end : step]
    return _KINDS[node.kind](*known) if node.kind in _KINDS else None


def resolved(shape: Sequence[int], size: int) -> tuple[int, ...] | None:
    """A shape in which one number may be −1, for so many elements; None if there is none."""
    found = [int(n) for n in shape]
    if found.count(-1) == 1 and (rest := prod(n for n in found if n != -1)) > 0:
        found[found.index(-1)] = size // rest
    return tuple(found) if min(found, default=1) >= 0 and prod(found) == size else None
