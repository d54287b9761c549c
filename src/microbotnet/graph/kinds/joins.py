"""Where branches meet: sums, products, concatenations."""

from .. import shapes
from ..graph import Graph, Node
from .kind import Kind, anything, each, with_constant


def _add(graph: Graph, node: Node) -> str:
    residual = next((residual for residual in graph.residuals if node.name == residual.add), None)
    if residual is None:
        return anything(graph, node)
    return f"Shortcut: adds what came out of {residual.start} to what was computed from it since."


def _mul(graph: Graph, node: Node) -> str:
    if graph.gate_of(node) is None:
        return anything(graph, node)
    return f"The excite of squeeze-and-excite: each of the {node.out_channels} channels times its gate."


def _concat(graph: Graph, node: Node) -> str:
    return f"Concatenation of {len(node.inputs)} tensors along the channels. Nothing is computed."


def _extreme(name: str, join: str, *others: str) -> Kind:
    return Kind(
        name,
        aten=dict.fromkeys((name, *others)),
        describe=with_constant,
        in_place=True,
        what=lambda graph, node: f"The {'larger' if join == 'max' else 'smaller'} of two values at each place.",
        join=join,
        with_number=True,
        shares=True,
    )


KINDS = (
    Kind(
        "add",
        aten={"add": shapes.broadcast},
        operations=each(1, 0),
        in_place=True,
        what=_add,
        join="+",
        heavy=True,
        sums=True,
        with_number=True,
        describe=with_constant,
    ),
    Kind(
        "sub",
        aten={"sub": shapes.broadcast},
        operations=each(1, 0),
        in_place=True,
        join="−",
        sums=True,
        with_number=True,
        describe=with_constant,
    ),
    Kind(
        "rsub",
        aten={"rsub": None},
        operations=each(1, 0),
        in_place=True,
        sums=True,
        with_number=True,
        describe=with_constant,
    ),
    Kind(
        "mul",
        aten={"mul": shapes.broadcast},
        operations=each(0, 1),
        in_place=True,
        what=_mul,
        join="×",
        heavy=True,
        sums=True,
        with_number=True,
        describe=with_constant,
    ),
    Kind(
        "div",
        aten={"div": shapes.broadcast},
        operations=each(0, 1),
        in_place=True,
        join="÷",
        sums=True,
        with_number=True,
        describe=with_constant,
        instead="divide by a constant, or multiply by a reciprocal that is a function of one value",
    ),
    _extreme("maximum", "max", "fmax"),
    _extreme("minimum", "min", "fmin"),
    Kind(
        "concat",
        aten={"cat": shapes.cat, "concat": None, "concatenate": None, "stack": None},
        what=_concat,
        heavy=True,
        sums=True,
        passes_scale=True,
        shares=True,
    ),
)
