"""What a chip would run one after the other: operators fused into steps.

An elementwise operator with one input (batch norm, activation) is done while the step before it writes its output, if
nobody else reads that output in between; batch norm after a convolution folds into its weights and bias. A reshape
moves nothing: it is no step, its readers read the tensor behind it.
"""

from collections import Counter
from dataclasses import dataclass

from .graph import Graph, Node
from .kinds import kind_of


@dataclass(frozen=True)
class Step:
    """Operators that run as one. `name` and `kind` are those of the first, `shape` of the last one's output."""

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]  # names of the steps whose outputs it reads, "input" among them; each once

    @property
    def head(self) -> Node:
        """The operator that does the work."""
        return self.nodes[0]

    @property
    def name(self) -> str:
        """Its name in the table."""
        return self.head.name

    @property
    def kind(self) -> str:
        """The first operator's kind."""
        return self.head.kind

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the output, without the batch."""
        return self.nodes[-1].shape

    @property
    def numel(self) -> int:
        """Elements of the output."""
        return self.nodes[-1].numel

    @property
    def elementwise(self) -> bool:
        """Each output element needs only the input elements at its own place, so it may be written over an input."""
        return kind_of(self.kind).in_place


def fuse(graph: Graph) -> tuple[Step, ...]:
    """The steps of a network, in the order they ran."""
    behind: dict[str, str] = {}  # each node: the node whose output it hands on
    for node in graph:
        behind[node.name] = behind[node.inputs[0]] if kind_of(node.kind).reshapes else node.name
    readers = Counter(name for node in graph if not kind_of(node.kind).reshapes for name in _inputs(node, behind))
    readers += Counter(behind[name] for name in graph.outputs)
    groups: dict[str, list[Node]] = {}
    home: dict[str, str] = {name: name for name in graph.inputs}  # each node: the step it is in
    for node in graph:
        if kind_of(node.kind).reshapes or node.name in home:
            continue
        before = _inputs(node, behind)
        if (
            kind_of(node.kind).follows
            and len(before) == 1
            and before[0] not in graph.inputs
            and readers[before[0]] == 1
        ):
            group = groups[home[before[0]]]
            if group[0].kind != "concat" and graph[before[0]] is group[-1]:
                group.append(node)
                home[node.name] = group[0].name
                continue
        groups[node.name] = [node]
        home[node.name] = node.name
    return tuple(
        Step(tuple(group), tuple(dict.fromkeys(home[name] for name in _inputs(group[0], behind))))
        for group in groups.values()
    )


def _inputs(node: Node, behind: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(behind[name] for name in node.inputs))
