"""A network cut into what an integer engine runs one after the other, each with one sum and one rounding.

A stage is a layer with the batch norms, clamps and tables that follow it. Where its sum is rounded to integers stands
a point: there training quantizes activations, and there the integer program has its scale.
"""

from collections import Counter
from dataclasses import dataclass
from math import inf, prod

from ..graph.graph import Graph, Node
from ..graph.kinds import kind_of

TABLE_BITS = 8  # of a table's index, and of the picture
SCORE_BITS = 16


@dataclass(frozen=True)
class Stage:
    """`head` does the work, `norms` and `clamps` belong to its rounding, `functions` are one table behind it.

    `inputs` are the names of the stages that head reads, in order.
    """

    head: Node
    inputs: tuple[str, ...]
    norms: tuple[Node, ...] = ()
    clamps: tuple[Node, ...] = ()
    functions: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All of them, in order."""
        return (self.head, *self.norms, *self.clamps, *self.functions)

    @property
    def name(self) -> str:
        """The last node's: what other stages read."""
        return self.nodes[-1].name

    @property
    def is_sign(self) -> bool:
        """Whether it ends in −1 or +1, for which the sum is compared and not rounded."""
        return bool(self.functions) and self.functions[-1].kind == "sign"

    @property
    def index(self) -> Node | None:
        """The node whose output the table is read at; None without a table, or where its sign is all that counts."""
        if not self.functions or not has_sum(self.head) or self.functions[0].kind == "sign":
            return None
        return (self.head, *self.norms, *self.clamps)[-1]


@dataclass(frozen=True)
class Point:
    """Where values become integers of `bits`: at the output of `node`. Values outside low…high are all alike."""

    node: str
    bits: int
    low: float = -inf
    high: float = inf


@dataclass(frozen=True)
class Stages:
    """The stages in the order they ran.

    points: by node. held: for each stage, the point whose scale its output has; None for what is −1 or +1.
    behind: for each node, the node whose output it hands on unchanged (itself, unless it only changes the shape).
    """

    stages: tuple[Stage, ...]
    points: dict[str, Point]
    held: dict[str, str | None]
    behind: dict[str, str]


def cut(graph: Graph, bits: int = 8) -> Stages:
    """Cut a network into stages; activations have `bits`, the picture and tables' indices 8, the scores 16."""
    behind: dict[str, str] = {}
    for node in graph:
        behind[node.name] = behind[node.inputs[0]] if _hands_on(node, graph) else node.name
    readers = Counter(behind[name] for node in graph if behind[node.name] == node.name for name in node.inputs)
    readers += Counter(behind[name] for name in graph.outputs)
    heads: dict[str, list[list[Node]]] = {}  # by the first node: its own list, norms, clamps, functions
    home: dict[str, str] = {}
    for node in graph:
        if behind[node.name] != node.name:
            continue
        before = behind[node.inputs[0]] if node.inputs else ""
        parts = heads.get(home.get(before, ""))
        if parts and len(node.inputs) == 1 and readers[before] == 1 and _last(parts).name == before:
            place = _place(parts, node, graph)
            if place:
                parts[place].append(node)
                home[node.name] = parts[0][0].name
                continue
        heads[node.name] = [[node], [], [], []]
        home[node.name] = node.name
    names = {head: _last(parts).name for head, parts in heads.items()}
    stages = tuple(
        Stage(
            parts[0][0],
            tuple(names[home[behind[name]]] for name in parts[0][0].inputs),
            *(tuple(part) for part in parts[1:]),
        )
        for parts in heads.values()
    )
    return _with_points(graph, stages, behind, readers, bits)


def has_sum(node: Node) -> bool:
    """Whether the operator makes a sum that must be rounded."""
    return kind_of(node.kind).sums and not is_function(node)


def is_function(node: Node) -> bool:
    """Whether each output is one function of one input."""
    kind = kind_of(node.kind)
    with_number = kind.with_number and len(node.inputs) == 1 and not node.parameters
    return kind.clamps or kind.table or with_number


def _hands_on(node: Node, graph: Graph) -> bool:
    if kind_of(node.kind).reshapes:
        return True
    if node.kind in ("softmax", "log_softmax"):  # at the end it does not change which class is first
        return node.name in graph.outputs and len(node.shape) == 1
    alone = prod(node.kernel) == 1 and prod(node.stride) == 1 and not any(node.padding)
    return node.kind in ("avg_pool", "max_pool") and bool(node.kernel) and alone


def _last(parts: list[list[Node]]) -> Node:
    return next(part[-1] for part in reversed(parts) if part)


def _place(parts: list[list[Node]], node: Node, graph: Graph) -> int:
    """Which part of a stage `node` joins: 1 norms, 2 clamps, 3 functions; 0 none."""
    (head, *_), _, clamps, functions = parts
    if node.kind == "batch_norm":
        same = node.shape[0] == head.shape[0]  # not so after a flatten
        return 1 if kind_of(head.kind).convolves and not clamps and not functions and same else 0
    if kind_of(node.kind).clamps and has_sum(head) and not functions:
        return 2
    table = head.kind == "input" or is_function(head)
    return 3 if is_function(node) and (table or (has_sum(head) and head.kind != "concat")) else 0


def _with_points(
    graph: Graph, stages: tuple[Stage, ...], behind: dict[str, str], readers: Counter[str], bits: int
) -> Stages:
    points: dict[str, Point] = {}
    held: dict[str, str | None] = {}
    outputs = {behind[name] for name in graph.outputs}
    concats = {name: stage.name for stage in stages if stage.head.kind == "concat" for name in stage.inputs}
    for stage in reversed(stages):  # readers come first, so that a concatenation's inputs can take its scale
        own = Point(stage.name, bits, *kind_of(stage.nodes[-1].kind).image)
        if stage.is_sign:
            held[stage.name] = None
            continue
        if stage.head.kind == "max_pool":
            continue
        into = concats.get(stage.name)
        if into is not None and readers[stage.name] == 1 and has_sum(stage.head) and into in held:
            held[stage.name] = held[into]
        else:
            held[stage.name] = stage.name
            if stage.head.kind == "input":
                own = Point(stage.name, TABLE_BITS)
            scores = stage.name in outputs and has_sum(stage.head) and not stage.functions
            scores &= readers[stage.name] == 1
            points[stage.name] = Point(stage.name, SCORE_BITS) if scores else own
        if stage.index is not None:
            low, high = kind_of(stage.functions[0].kind).domain
            points[stage.index.name] = Point(stage.index.name, TABLE_BITS, low, high)
    for stage in stages:  # and now the largest of what is held
        if stage.head.kind == "max_pool":
            held[stage.name] = held[stage.inputs[0]]
    order = [node.name for node in graph if node.name in points]
    return Stages(stages, {name: points[name] for name in order}, held, behind)
