"""Functions of one value: activations, clamps, comparisons, softmax."""

from math import inf

from .. import shapes
from ..graph import Graph, Node
from .kind import Called, Description, Kind, ShapeRule, each, learned_weight, with_constant


def _clamp(called: Called) -> Description:
    named = called.named
    low, high = (named.get(f"{end}_val", named.get(end)) for end in ("min", "max"))
    numbers = not hasattr(low, "shape") and not hasattr(high, "shape")
    kind = "clamp"
    if numbers:
        kind = "relu" if (low, high) == (0, None) else "relu6" if (low, high) == (0, 6) else kind
    return Description({}, learned_weight(called).roles, kind)


def _hardsigmoid(graph: Graph, node: Node) -> str:
    use = " Its output is the gate of squeeze-and-excite, one number a channel." if graph.gate_of(node) else ""
    return f"h-sigmoid: ReLU6(x + 3) / 6, sigmoid without the exponential.{use}"


def _looked_up(graph: Graph, node: Node) -> str:
    return f"{node.kind}, a function of one value: a chip looks it up in 256 bytes ({node.numel:,} elements)."


def _table(name: str, *, known: bool = True, cost: tuple[int, int] = (1, 1)) -> Kind:
    """A function that an integer engine looks up."""
    rule: ShapeRule | None = shapes.keep if known else None
    return Kind(
        name,
        aten={name: rule},
        operations=each(*cost),
        follows=True,
        in_place=True,
        what=_looked_up,
        table=True,
    )


KINDS = (
    Kind(
        "relu",
        aten={"relu": shapes.keep},
        follows=True,
        in_place=True,
        short="ReLU",
        signature=lambda node: "ReLU()",
        what=lambda graph, node: "ReLU: max(x, 0).",
        clamps=True,
        image=(0.0, inf),
        passes_scale=True,
    ),
    Kind(
        "relu6",
        aten={"relu6": shapes.keep},
        follows=True,
        in_place=True,
        short="ReLU6",
        signature=lambda node: "ReLU6()",
        what=lambda graph, node: "ReLU6: min(max(x, 0), 6); the bound keeps 8-bit values precise.",
        clamps=True,
        image=(0.0, 6.0),
    ),
    Kind(
        "clamp",
        what=lambda graph, node: "Clamp: no less than one number, no more than another.",
        aten={"clamp": shapes.keep, "hardtanh": shapes.keep, "clamp_min": None, "clamp_max": None},
        describe=_clamp,
        follows=True,
        in_place=True,
        clamps=True,
    ),
    Kind(
        "hardswish",
        aten={"hardswish": shapes.keep},
        operations=each(1, 1),
        follows=True,
        in_place=True,
        short="h-swish",
        signature=lambda node: "Hardswish()",
        what=lambda graph, node: (
            "h-swish: x · ReLU6(x + 3) / 6, swish (x · sigmoid(x)) without the exponential; "
            "an add, a clamp and a multiply."
        ),
        table=True,
        domain=(-3.0, inf),
    ),
    Kind(
        "hardsigmoid",
        aten={"hardsigmoid": shapes.keep},
        operations=each(1, 0),
        follows=True,
        in_place=True,
        short="h-sigmoid",
        signature=lambda node: "Hardsigmoid()",
        what=_hardsigmoid,
        table=True,
        domain=(-3.0, 3.0),
        image=(0.0, 1.0),
    ),
    Kind(
        "sigmoid",
        aten={"sigmoid": shapes.keep},
        what=_looked_up,
        operations=each(1, 1),
        follows=True,
        in_place=True,
        table=True,
        image=(0.0, 1.0),
    ),
    Kind(
        "silu",
        aten={"silu": shapes.keep},
        what=_looked_up,
        operations=each(1, 1),
        follows=True,
        in_place=True,
        short="swish",
        table=True,
    ),
    Kind(
        "leaky_relu",
        aten={"leaky_relu": shapes.keep},
        short="leaky ReLU",
        what=lambda graph, node: "Leaky ReLU: x above 0, a small part of x under it.",
        thop={"LeakyReLU": lambda graph, node: node.numel},
        operations=each(0, 1),
        follows=True,
        in_place=True,
        table=True,
    ),
    Kind(
        "prelu",
        aten={"prelu": None},
        short="PReLU",
        what=lambda graph, node: "PReLU: x above 0; under it x times a slope that is learned, one or one a channel.",
        describe=with_constant,
        operations=each(0, 1),
        follows=True,
        in_place=True,
        table=True,
    ),
    *(_table(name) for name in ("tanh", "gelu", "elu", "mish", "softplus")),
    _table("selu", known=False),
    Kind(
        "sign",
        aten={"sign": shapes.keep, "copysign": None},
        follows=True,
        in_place=True,
        what=lambda graph, node: (
            "Sign: −1 or +1, so that the next layer multiplies by XNOR; behind a batch norm it is a threshold."
        ),
        table=True,
    ),
    *(_table(name, cost=(0, 0)) for name in ("abs", "neg")),
    *(_table(name, known=False, cost=(0, 0)) for name in ("sqrt", "rsqrt", "exp", "pow")),
    *(
        _table(name, known=False)
        for name in ("log", "log1p", "expm1", "exp2", "erf", "sin", "cos", "atan", "reciprocal")
    ),
    *(_table(name, known=False) for name in ("celu", "log_sigmoid")),
    *(
        _table(name, known=False, cost=(0, 0))
        for name in ("threshold", "hardshrink", "softshrink", "round", "floor", "ceil", "trunc", "square")
    ),
    Kind(
        "compare",
        aten=dict.fromkeys(("eq", "ne", "ge", "gt", "le", "lt"), shapes.broadcast)
        | dict.fromkeys(f"{how}_{word}" for how in ("bitwise", "logical") for word in ("and", "or", "not", "xor")),
        dtype="bool",
        follows=True,
        in_place=True,
        what=lambda graph, node: f"Compares each of {node.numel:,} elements with a threshold.",
    ),
    Kind(
        "where",
        aten={"where": shapes.where, "masked_fill": None},
        dtype="real",
        follows=True,
        in_place=True,
        what=lambda graph, node: (
            "Chooses between two values for each element; after a comparison with 0 that is its sign, −1 or +1."
        ),
    ),
    Kind(
        "softmax",
        aten=dict.fromkeys(("softmax", "_softmax", "_safe_softmax")),
        operations=each(1, 1),
        what=lambda graph, node: "Softmax: exp(x) divided by the sum of all exp(x) along an axis.",
        image=(0.0, 255 / 256),  # as TensorFlow Lite has it
        fixed=True,
    ),
    Kind(
        "log_softmax",
        aten=dict.fromkeys(("log_softmax", "_log_softmax")),
        operations=each(1, 1),
        instead="end the network before it; which class is first stays the same",
    ),
)
