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

    `inputs` are the names of the stages that head reads, in order. The functions together are one function of one
    value, whatever they read of each other.
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
    def shape(self) -> tuple[int, ...]:
        """Of its output, without the batch."""
        return self.nodes[-1].shape

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
    """Where values become integers of `bits`: at the output of `node`. Values outside low…high are all alike.

    fixed: the integers cover low…high exactly, whatever values come.
    """

    node: str
    bits: int
    low: float = -inf
    high: float = inf
    fixed: bool = False


@dataclass(frozen=True)
class Stages:
    """The stages in the order they ran.

    points: by node. held: for each stage, the point whose scale its output has; None for what is −1 or +1.
    behind: for each node, the node whose output it hands on unchanged (itself, unless it only changes the shape).
    source: for each node, the stage whose output it is or hands on, and for what is inside of a stage that stage.
    """

    stages: tuple[Stage, ...]
    points: dict[str, Point]
    held: dict[str, str | None]
    behind: dict[str, str]
    source: dict[str, str]


def cut(graph: Graph, bits: int = 8) -> Stages:
    """Cut a network into stages; activations have `bits`, the picture and tables' indices 8, the scores 16."""
    behind: dict[str, str] = {}
    for node in graph:
        behind[node.name] = behind[node.inputs[0]] if _hands_on(node, graph) else node.name
    units = _units(graph, behind)
    readers = Counter(name for unit in units for name in unit.inputs)
    readers += Counter(behind[name] for name in graph.outputs)
    heads: dict[str, list[list[Node]]] = {}  # by the first node: its own list, norms, clamps, functions
    home: dict[str, str] = {}
    for unit in units:
        first = unit.nodes[0]
        before = unit.inputs[0] if unit.inputs else ""
        parts = heads.get(home.get(before, ""))
        if parts and len(unit.inputs) == 1 and readers[before] == 1 and _last(parts).name == before:
            place = _place(parts, unit)
            if place:
                parts[place] += unit.nodes
                home |= dict.fromkeys((node.name for node in unit.nodes), parts[0][0].name)
                continue
        heads[first.name] = [[first], [], [], [*unit.nodes[1:]]]
        home |= dict.fromkeys((node.name for node in unit.nodes), first.name)
    names = {head: _last(parts).name for head, parts in heads.items()}
    source = {name: names[home[behind[name]]] for name in behind}
    stages = tuple(
        Stage(
            parts[0][0],
            tuple(source[name] for name in parts[0][0].inputs),
            *(tuple(part) for part in parts[1:]),
        )
        for parts in heads.values()
    )
    return _with_points(graph, stages, behind, source, readers, bits)


def has_sum(node: Node) -> bool:
    """Whether the operator makes a sum that must be rounded."""
    return kind_of(node.kind).sums and not is_function(node)


def is_function(node: Node) -> bool:
    """Whether each output is one function of one input, the same or one for each channel."""
    kind = kind_of(node.kind)
    with_number = kind.with_number and prod(node.operand) == 1
    return (kind.clamps or kind.table or with_number) and len(set(node.inputs)) == 1


def has_integer_form(node: Node) -> bool:
    """Whether an integer engine may have the operator; what its arguments rule out, lowering says."""
    kind = kind_of(node.kind)
    moves = kind.keeps or kind.reshapes or kind.fixed or node.kind == "input"
    return node.known and (moves or kind.sums or kind.shares or is_function(node) or is_affine(node) or kind.in_place)


def by_channel(node: Node) -> bool:
    """Whether the function is one for each channel."""
    return node.kind == "prelu" and prod(node.operand) > 1


def is_affine(node: Node) -> bool:
    """Whether it is a·x + b, with a and b for each channel, or for each element."""
    constant = kind_of(node.kind).with_number and kind_of(node.kind).operations(node) != (0, 0)
    return node.kind == "batch_norm" or (constant and len(set(node.inputs)) == 1 and prod(node.operand) > 1)


def varies(node: Node) -> tuple[int, ...]:
    """The axes of the output, without the batch, along which the constant beside the input does."""
    if node.kind == "batch_norm":
        return (0,)
    missing = len(node.shape) + 1 - len(node.operand)
    return tuple(axis + missing - 1 for axis, size in enumerate(node.operand) if size > 1)


@dataclass(frozen=True)
class _Unit:
    """A node, or several that together are one function of one value; `inputs` are the nodes it reads, each once."""

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]


def _units(graph: Graph, behind: dict[str, str]) -> list[_Unit]:
    """All nodes that do something, in order."""
    readers: dict[str, set[str]] = {}
    for node in graph:
        for name in node.inputs if behind[node.name] == node.name else ():
            readers.setdefault(behind[name], set()).add(node.name)
    outputs = {behind[name] for name in graph.outputs}
    order = {node.name: index for index, node in enumerate(graph)}
    roots: dict[str, set[str]] = {}  # for each node: those that it is a function of
    made_of: dict[str, list[Node]] = {}  # for the last node of a function of several: all of them
    for node in graph:
        if behind[node.name] != node.name:
            continue
        before = [behind[name] for name in dict.fromkeys(node.inputs)]
        one_value = _is_pointwise(node) and all(graph[name].shape == node.shape for name in before)
        common = set.intersection(*(roots[name] for name in before)) if one_value else set()
        alone = is_function(node) or not _is_pointwise(node)
        is_mask = kind_of(node.kind).dtype == "bool"  # of use only within a function
        roots[node.name] = common | ({node.name} if not is_mask and (alone or len(before) > 1) else set())
        if is_mask or (alone and len(before) < 2) or not common:
            continue
        root = max(common, key=order.__getitem__)
        inner = [graph[name] for name in _between(graph, behind, root, node.name)]
        own = {node.name, *(other.name for other in inner)}
        if all(readers[other.name] <= own and other.name not in outputs for other in inner):
            made_of = {last: nodes for last, nodes in made_of.items() if last not in own}
            made_of[node.name] = [*inner, node]
    inside = {node.name: last for last, nodes in made_of.items() for node in nodes}
    units = []
    for node in graph:
        if behind[node.name] == node.name and inside.get(node.name, node.name) == node.name:
            nodes = made_of.get(node.name, [node])
            own = {other.name for other in nodes}
            reads = dict.fromkeys(behind[name] for other in nodes for name in other.inputs)
            units.append(_Unit(tuple(nodes), tuple(name for name in reads if name not in own)))
    return units


def _is_pointwise(node: Node) -> bool:
    kind = kind_of(node.kind)
    return kind.in_place and bool(node.inputs) and node.kind != "batch_norm" and prod(node.operand) == 1


def _between(graph: Graph, behind: dict[str, str], start: str, end: str) -> list[str]:
    """What is computed of `start` for `end`, without both, in order."""
    found, stack = set(), [end]
    while stack:
        for name in (behind[name] for name in graph[stack.pop()].inputs):
            if name != start and name not in found:
                found.add(name)
                stack.append(name)
    return [node.name for node in graph if node.name in found]


def _hands_on(node: Node, graph: Graph) -> bool:
    if kind_of(node.kind).reshapes:
        return node.numel == graph[node.inputs[0]].numel
    if node.kind in ("softmax", "log_softmax"):  # at the end it does not change which class is first
        return node.name in graph.outputs
    alone = prod(node.kernel) == 1 and prod(node.stride) == 1 and not any(node.padding)
    same = bool(node.inputs) and node.numel == graph[node.inputs[0]].numel
    return node.kind in ("avg_pool", "max_pool") and bool(node.kernel) and alone and same


def _last(parts: list[list[Node]]) -> Node:
    return next(part[-1] for part in reversed(parts) if part)


def _place(parts: list[list[Node]], unit: _Unit) -> int:
    """Which part of a stage `unit` joins: 1 norms, 2 clamps, 3 functions; 0 none."""
    (head, *_), _, clamps, functions = parts
    node, alone = unit.nodes[0], len(unit.nodes) == 1
    if alone and is_affine(node):
        same = node.shape[0] == head.shape[0]  # not so after a flatten
        by_channels = varies(node) == (0,) and kind_of(head.kind).convolves and not _along_last(head)
        return 1 if by_channels and not clamps and not functions and same else 0
    if alone and kind_of(node.kind).clamps and has_sum(head) and not functions:
        return 2
    if not alone and has_sum(head) and any(by_channel(other) for other in unit.nodes):
        return 0
    table = head.kind == "input" or is_function(head)
    if by_channel(node):
        return 3 if table and node.shape == head.shape else 0
    function = is_function(node) or not alone
    return 3 if function and (table or (has_sum(head) and head.kind != "concat")) else 0


def _along_last(node: Node) -> bool:
    return node.kind == "linear" and len(node.shape) > 1


def _with_points(
    graph: Graph,
    stages: tuple[Stage, ...],
    behind: dict[str, str],
    source: dict[str, str],
    readers: Counter[str],
    bits: int,
) -> Stages:
    points: dict[str, Point] = {}
    held: dict[str, str | None] = {}
    outputs = {behind[name] for name in graph.outputs}
    shares = {name: stage.name for stage in stages if _shares(stage) for name in stage.inputs}
    for stage in reversed(stages):  # readers come first, so that a concatenation's inputs can take its scale
        last = kind_of(stage.nodes[-1].kind)
        own = Point(stage.name, TABLE_BITS if last.fixed else bits, *last.image, last.fixed)
        if stage.is_sign or kind_of(stage.nodes[-1].kind).dtype == "bool":
            held[stage.name] = None
            continue
        if _keeps(stage):
            continue
        into = shares.get(stage.name)
        if into is not None and readers[stage.name] == 1 and has_sum(stage.head) and into in held:
            held[stage.name] = held[into]
        else:
            held[stage.name] = stage.name
            if stage.head.kind == "input":
                own = Point(stage.name, TABLE_BITS)
            wide = stage.name in outputs and kind_of(stage.head.kind).wide and prod(stage.shape[1:]) == 1
            wide &= (
                not _along_last(stage.head) and has_sum(stage.head) and not stage.functions and readers[stage.name] == 1
            )
            points[stage.name] = Point(stage.name, SCORE_BITS) if wide else own
        if stage.index is not None:
            used = [node for node in stage.functions if stage.index.name in (behind[name] for name in node.inputs)]
            low, high = kind_of(used[0].kind).domain if len(used) == 1 else (-inf, inf)
            points[stage.index.name] = Point(stage.index.name, TABLE_BITS, low, high)
    for stage in stages:  # and now what only has other's values
        if _keeps(stage):
            held[stage.name] = held[stage.inputs[0]]
    order = [node.name for node in graph if node.name in points]
    return Stages(stages, {name: points[name] for name in order}, held, behind, source)


def _keeps(stage: Stage) -> bool:
    return kind_of(stage.head.kind).keeps


def _shares(stage: Stage) -> bool:
    return kind_of(stage.head.kind).shares and len(stage.inputs) > 1
