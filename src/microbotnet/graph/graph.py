"""What a traced network is: operators, the shapes they make, the edges between them. Needs no torch."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import prod
from typing import Any

Shape = tuple[int, ...]


def times(sizes: Shape) -> str:
    """3×32×32."""
    return "×".join(map(str, sizes))


@dataclass(frozen=True)
class Parameter:
    """A learned tensor as an operator uses it.

    `name` is its key in the state dict. Where the operator uses a value computed from learned tensors (a weight
    behind a parametrization), `name` is that of the value, `sources` are the keys it was computed from, and
    `nonzero` and `ternary` describe the computed value.
    """

    name: str
    role: str  # "weight", "bias"
    shape: Shape
    sources: tuple[str, ...]
    nonzero: int
    ternary: bool  # every value is one of −n, 0, +p, for some n and p > 0

    @property
    def numel(self) -> int:
        """How many values."""
        return prod(self.shape)

    @property
    def density(self) -> float:
        """The share of values that are not zero, 0…1."""
        return self.nonzero / self.numel if self.numel else 0.0


@dataclass(frozen=True)
class Node:
    """One operator. Shapes leave the batch out: (channels, height, width) or (features,).

    `kind` is the field's word for it: input, conv, depthwise_conv, conv_transpose, linear, matmul, batch_norm,
    relu, relu6, hardswish, hardsigmoid, add, mul, avg_pool, max_pool, concat, flatten, …; an operator that has
    no such word keeps its ATen name and has `known` false: no count may take it for free.
    `kernel`, `stride`, `padding` and `dilation` have one entry per spatial axis, and are empty where they mean nothing.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: Shape
    module: str = ""  # path of the innermost module that ran it, "" for the network itself
    module_type: str = ""  # that module's class
    source: str = ""  # file:line of the user's code
    kernel: Shape = ()
    stride: Shape = ()
    padding: Shape = ()
    dilation: Shape = ()
    groups: int = 1
    in_channels: int = 0  # of conv and linear; 0 elsewhere
    operand: Shape = ()  # of the constant tensor beside the one input of an elementwise operator; () for a number
    parameters: tuple[Parameter, ...] = ()
    known: bool = True

    @property
    def numel(self) -> int:
        """Elements of the output, for one picture."""
        return prod(self.shape)

    @property
    def out_channels(self) -> int:
        """Channels (or features) of the output."""
        return self.shape[0] if self.shape else 0

    @property
    def weight(self) -> Parameter | None:
        """The kernel of a conv or linear, the scale of a batch norm; None without one."""
        return next((p for p in self.parameters if p.role == "weight"), None)

    @property
    def bias(self) -> Parameter | None:
        """The bias, or None."""
        return next((p for p in self.parameters if p.role == "bias"), None)


@dataclass(frozen=True)
class Residual:
    """A shortcut: `add` joins the tensor of node `start` again to what `branch` made from it."""

    add: str
    start: str
    branch: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """A squeeze-and-excite branch: `mul` scales each channel of node `start` by what `branch` computed from it."""

    mul: str
    start: str
    branch: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """A network: its nodes in the order they ran, inputs first.

    `parameters` gives every learned tensor of the network once, with its element count, used or not.
    `modules` gives the class of every module by its path, so that nodes can be grouped by block.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[str, int] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def consumers(self) -> dict[str, tuple[str, ...]]:
        """For each node, the nodes that read its output, in order."""
        readers: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node.name)
        return {name: tuple(found) for name, found in readers.items()}

    @property
    def parameter_count(self) -> int:
        """Learned values of the whole network, shared ones once."""
        return sum(self.parameters.values())

    @cached_property
    def residuals(self) -> tuple[Residual, ...]:
        """The shortcuts, found from the edges: an add of two equal shapes whose branches part at one node."""
        found = []
        for node in self.nodes:
            if node.kind == "add" and len(set(node.inputs)) == 2:
                start = self._fork(node)
                if start:
                    found.append(Residual(node.name, start, self._between(start, node.name)))
        return tuple(found)

    @cached_property
    def gates(self) -> tuple[Gate, ...]:
        """The squeeze-and-excite branches: a mul of (C, H, W) by (C, 1, 1) that was computed from it."""
        found = []
        for node in self.nodes:
            if node.kind != "mul" or len(set(node.inputs)) != 2:
                continue
            trunk, gate = sorted((self._spread(name) for name in node.inputs), key=lambda n: -n.numel)
            if trunk.shape and gate.numel == trunk.shape[0] < trunk.numel and trunk.name in self._ancestors(gate.name):
                found.append(Gate(node.name, trunk.name, self._between(trunk.name, node.name)))
        return tuple(found)

    def gate_of(self, node: Node) -> Gate | None:
        """The squeeze-and-excite that the node is part of."""
        return next((gate for gate in self.gates if node.name in (gate.mul, *gate.branch)), None)

    def _spread(self, name: str) -> Node:
        """The node, or the one that it only repeats."""
        while self[name].kind == "expand":
            name = self[name].inputs[0]
        return self[name]

    def _ancestors(self, name: str) -> set[str]:
        seen = {name}
        stack = [name]
        while stack:
            for before in self[stack.pop()].inputs:
                if before not in seen:
                    seen.add(before)
                    stack.append(before)
        return seen

    def _fork(self, join: Node) -> str | None:
        """The last node that both inputs of `join` come from."""
        left, right = (self._ancestors(name) for name in dict.fromkeys(join.inputs))
        both = left & right
        return next((node.name for node in reversed(self.nodes) if node.name in both), None)

    def _between(self, start: str, end: str) -> tuple[str, ...]:
        inside = self._ancestors(end) - self._ancestors(start) - {end}
        return tuple(node.name for node in self.nodes if node.name in inside)

    def to_json(self) -> dict[str, Any]:
        """The graph as plain lists, numbers and strings."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Graph":
        """The inverse of `to_json`."""
        nodes = tuple(_node(node) for node in value["nodes"])
        rest = {key: tuple(value[key]) for key in ("inputs", "outputs", "warnings")}
        return cls(nodes=nodes, parameters=dict(value["parameters"]), modules=dict(value["modules"]), **rest)


def _node(value: dict[str, Any]) -> Node:
    return Node(**_tuples(value | {"parameters": [Parameter(**_tuples(p)) for p in value["parameters"]]}))


def _tuples(value: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where we have tuples."""
    return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
