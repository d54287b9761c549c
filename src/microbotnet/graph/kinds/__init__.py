"""The operators of the graph. What is said of one here is all that tracing, costs, words and drawings know of it."""

from typing import Any

from ..graph import Shape
from . import functions, joins, layers, moves, norms, pools
from .kind import Called, Description, Kind

KINDS: dict[str, Kind] = {
    kind.name: kind for family in (layers, pools, norms, functions, joins, moves) for kind in family.KINDS
}
OF_ATEN = {name: kind for kind in KINDS.values() for name in kind.aten}

__all__ = ["KINDS", "OF_ATEN", "Called", "Description", "Kind", "kind_of", "output_shape"]


def kind_of(name: str) -> Kind:
    """The record of a node's kind; an operator that has none is nothing that anybody counts on."""
    return KINDS.get(name) or Kind(name)


def output_shape(op: str, first: Any, named: dict[str, Any]) -> Shape | None:
    """The shape that ATen's `op` makes, `first` being its first argument; None where torch should say.

    torch can tell every shape, but its answers for tensors without values load its compiler, which takes longer than
    tracing and costing the largest network. Whatever is not plain is left to torch, complaints included.
    """
    rule = OF_ATEN[op].aten[op] if op in OF_ATEN else None
    if rule is None:
        return None
    if isinstance(first, list | tuple):
        return rule((), named)
    if not (first.is_floating_point() or OF_ATEN[op].dtype == "real"):
        return None
    return rule(tuple(first.shape), named)
