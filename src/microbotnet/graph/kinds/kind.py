"""What the house knows of an operator of the graph, in one record: its shape, its cost, its words, its drawing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ..graph import Graph, Node, Shape, times

Named = dict[str, Any]  # the arguments of an ATen call by name
ShapeRule = Callable[[Shape, Named], Shape | None]  # from the first argument's shape; None where torch should say
Count = Callable[[Graph, Node], int]
Operations = tuple[int, int]  # additions, multiplications


INSTEAD = (
    "integer programs hold convolutions, linear layers, pools, sums, products, concatenations, moves and functions of "
    "one value: write it with these"
)


@dataclass(frozen=True)
class Called:
    """An ATen call, with its tensors, of which only shapes are read.

    named: its arguments. given: the tensors among them that depend on the picture. made: a tensor that it returned.
    learned: whether a tensor is, or is computed from, parameters and buffers and not from the picture.
    """

    named: Named
    given: tuple[Any, ...]
    made: Any
    learned: Callable[[Any], bool]

    @property
    def axes(self) -> int:
        """Spatial axes of the first tensor."""
        return max(int(self.given[0].dim()) - 2, 0)


@dataclass(frozen=True)
class Description:
    """What a node says beside its name and place: its fields, the constant tensors it uses by role, its kind.

    kind: "" is that of the operator.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)
    kind: str = ""


def learned_weight(called: Called) -> Description:
    """The first learned tensor is its weight."""
    tensors = (value for value in called.named.values() if hasattr(value, "shape") and called.learned(value))
    return Description({}, {"weight": next(tensors, None)})


def with_constant(called: Called) -> Description:
    """`learned_weight`, and the shape of the constant tensor beside one input."""
    found = learned_weight(called)
    given = {id(tensor) for tensor in called.given}
    others = [v for v in called.named.values() if hasattr(v, "shape") and id(v) not in given]
    return Description({"operand": tuple(others[0].shape)} if others else {}, found.roles)


def nothing(graph: Graph, node: Node) -> int:
    """It counts for nothing."""
    return 0


def free(node: Node) -> Operations:
    """Comparisons and moves."""
    return 0, 0


def each(additions: int, multiplications: int) -> Callable[[Node], Operations]:
    """So many for each element of the output."""
    return lambda node: (node.numel * additions, node.numel * multiplications)


def anything(graph: Graph, node: Node) -> str:
    """In words, what nothing better is known of."""
    if not node.known:
        return f"An operator that the counts do not know ({node.source}); its operations are missing from every total."
    return f"{node.kind} on each of {node.numel:,} elements."


def rearranges(graph: Graph, node: Node) -> str:
    """In words, what only moves elements."""
    return f"Rearranges {times(before(graph, node))} to {times(node.shape)}. Nothing is computed."


def before(graph: Graph, node: Node) -> Shape:
    """The shape of what the node reads first; its own where it reads nothing."""
    return graph[node.inputs[0]].shape if node.inputs else node.shape


@dataclass(frozen=True)
class Kind:
    """An operator.

    From ATen to a node
        aten: ATen's names for it, without the trailing _ of in-place forms, each with the rule of its output's shape;
            None: torch is asked. dtype: of the output: "" that of the first tensor, "bool", or "real" (the default).
        describe: what its node says of one call.
        reshapes: hands on its elements as they lie; neither a step nor work.
        view: leaves no node where the shape stays.

    Cost
        macs: `conv_linear`. thop: `thop_2020`, by the class of the module that ran it (without 1d, 2d, 3d).
        operations: additions and multiplications beside MACs. Comparisons are free.
        weighted: its weight is a kernel, stored in the width that the format says.
        follows: with one input, done while the step before it writes. in_place: may be written over an input.

    Words and drawing
        short: in a table; "" is the name. signature: as its module is written. what: it does, in a sentence or two.
        formula: of its MACs, numbers filled in. thop_formula: of those in `thop_2020`.
        join: its sign where branches meet. heavy: counts for the size of a block.

    Integers
        sums: makes a sum that is rounded. convolves: its sum is one of products with constants.
        clamps, table: a function of one value, as the bounds of a rounding or as a table. with_number: a function of
            one value where the other is a number.
        domain: outside of these inputs a function keeps the value it has at the border. image: what it makes.
        fixed: the integers cover its image exactly.
        passes_scale: a positive factor of its input is one of its output.
        keeps: its values are among its input's, so that they stay integers of one scale. shares: brings its inputs to
            one scale, and what is only made for it has it from the start. wide: can be rounded to 16 bits.
        instead: what to use where there is no integer form.
    """

    name: str
    aten: Mapping[str, ShapeRule | None] = field(default_factory=dict)
    dtype: str = ""
    describe: Callable[[Called], Description] = learned_weight
    reshapes: bool = False
    view: bool = False

    macs: Count = nothing
    thop: Mapping[str, Count] = field(default_factory=dict)
    operations: Callable[[Node], Operations] = free
    weighted: bool = False
    follows: bool = False
    in_place: bool = False

    short: str = ""
    signature: Callable[[Node], str] = lambda node: node.kind
    what: Callable[[Graph, Node], str] = anything
    formula: Callable[[Graph, Node], tuple[str, ...]] = lambda graph, node: ()
    thop_formula: Callable[[Node], str] | None = None
    join: str = ""
    heavy: bool = False

    sums: bool = False
    convolves: bool = False
    clamps: bool = False
    table: bool = False
    with_number: bool = False
    domain: tuple[float, float] = (-inf, inf)
    image: tuple[float, float] = (-inf, inf)
    fixed: bool = False
    passes_scale: bool = False
    keeps: bool = False
    shares: bool = False
    wide: bool = False
    instead: str = INSTEAD
