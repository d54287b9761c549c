"""A program as the graph that costs, drawings and words read: what it computes for one input."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node, Parameter
from ..graph.graph import Shape
from .operators import Operator
from .program import Program

_KINDS = {
    "Add": "add", "Concatenate": "concat", "Gate": "mul", "Lookup": "lookup", "MaxPool": "max_pool", "Pad": "pad",
    "Softmax": "softmax", "SumPool": "avg_pool", "View": "slice", "WindowSum": "avg_pool",
}  # fmt: skip


def graph_of(program: Program) -> Graph:
    """The graph of a program: its operators under their names, its weights under theirs and `.weight`.

    A sum's offsets count as biases, one a channel. A table is a `lookup`; kinds that no cost knows cost nothing.
    """
    shapes = {name: _plain(tensor.shape) for name, tensor in program.tensors.items()}
    nodes = [Node(program.input, "input", (), shapes[program.input])]
    behind = {program.input: program.input}
    for operator in program.operators:
        name = operator.name
        if name in {node.name for node in nodes}:
            name = f"{name}#{len(nodes)}"
        inputs = tuple(behind[read] for read in operator.inputs)
        nodes.append(_node(program, operator, name, inputs, shapes[operator.output]))
        behind[operator.output] = name
    learned = {source: p.numel for node in nodes for p in node.parameters for source in p.sources}
    return Graph(tuple(nodes), (program.input,), tuple(behind[name] for name in program.outputs), learned)


def _node(program: Program, operator: Operator, name: str, inputs: tuple[str, ...], shape: Shape) -> Node:
    weights = getattr(operator, "weights", None)
    kernel, stride = getattr(operator, "kernel", None), getattr(operator, "stride", None)
    padding = getattr(operator, "padding", (0, 0))
    if not isinstance(weights, np.ndarray):
        kind = _KINDS.get(type(operator).__name__, type(operator).__name__.lower())
        window = (tuple(kernel), tuple(stride), tuple(padding)) if kernel and stride else ((), (), ())
        return Node(name, kind, inputs, shape, kernel=window[0], stride=window[1], padding=window[2])
    x = program.tensors[operator.inputs[0]]
    groups = int(getattr(operator, "groups", 1))
    parameters = _parameters(name, weights)
    if prod(shape[1:]) == 1 and weights.shape[1:] == x.shape and groups == 1:
        return Node(name, "linear", inputs, (shape[0],), in_channels=prod(x.shape), parameters=parameters)
    kind = "depthwise_conv" if groups == x.shape[0] > 1 else "conv"
    sizes = tuple(weights.shape[2:])
    return Node(
        name, kind, inputs, shape, kernel=sizes, stride=tuple(stride or (1, 1)), padding=tuple(padding),
        dilation=(1,) * len(sizes), groups=groups, in_channels=x.shape[0], parameters=parameters,
    )  # fmt: skip


def _parameters(name: str, weights: NDArray[np.int8]) -> tuple[Parameter, ...]:
    ternary = bool((np.abs(weights.astype(np.int16)) <= 1).all())
    weight = f"{name}.weight"
    bias = f"{name}.bias"
    return (
        Parameter(weight, "weight", weights.shape, (weight,), int(np.count_nonzero(weights)), ternary),
        Parameter(bias, "bias", (len(weights),), (bias,), len(weights), False),
    )


def _plain(shape: Shape) -> Shape:
    """A list of features without its two empty axes."""
    return shape[:1] if shape[1:] == (1, 1) else shape
