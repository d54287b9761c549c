"""Activations that an exporter wrote as arithmetic are found by what they compute.

A piece of the graph that reads one value and numbers, and makes one value, is a function of one number. It is run on
a grid, and where it equals an activation that has a name, that activation stands in its place.
"""

from collections.abc import Callable
from dataclasses import replace
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

from .constants import evaluate
from .file import File, Node, Refused

Real = NDArray[np.float64]
_NAMES = """
    Abs Add Clip Div Elu Erf Exp Greater HardSigmoid HardSwish LeakyRelu Less Log Max Min Mul Neg Pow Reciprocal Relu
    Sigmoid Softplus Softsign Sqrt Sub Tanh Where
"""
ELEMENTWISE = set(_NAMES.split())
ROOTS = {"Mul", "Div", "Clip", "Min", "Max", "Where"}  # what such arithmetic ends with
_DEEPEST = 12
_GRID = np.concatenate([np.linspace(-12, 12, 481), [-3, 3, 0, 6]]).astype(np.float32)
_CLOSE = 2e-5


def _sigmoid(x: Real) -> Real:
    return np.asarray(1 / (1 + np.exp(-x)))


def _cube(x: Real) -> Real:
    return np.asarray(x * 0.5 * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


NAMED: dict[str, tuple[str, dict[str, str | float], Callable[[Real], Real]]] = {
    "relu6": ("Clip", {}, lambda x: np.clip(x, 0, 6)),
    "hardswish": ("HardSwish", {}, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, lambda x: np.clip(x + 3, 0, 6) / 6),
    "silu": ("Swish", {}, lambda x: x * _sigmoid(x)),
    "gelu": ("Gelu", {}, lambda x: x * 0.5 * (1 + np.vectorize(erf)(x / sqrt(2)))),
    "gelu by tanh": ("Gelu", {"approximate": "tanh"}, _cube),
    "mish": ("Mish", {}, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
}


def recognise(file: File) -> None:
    """Put, in place, one node where arithmetic makes an activation."""
    makers = {name: node for node in file.nodes for name in node.outputs}
    gone: set[int] = set()
    for place, node in enumerate(file.nodes):
        if node.kind == "Add" and (found := _slopes(file, node, makers)):
            file.nodes[place], inside = found
            gone |= {other.number for other in inside}
        if node.kind not in ROOTS:
            continue
        found = _largest(file, node, makers)
        if found:
            file.nodes[place], inside = found
            makers[node.outputs[0]] = file.nodes[place]
            gone |= {other.number for other in inside if other is not node}
    file.nodes = [node for node in file.nodes if node.number not in gone]
    file.count_readers()


def _largest(file: File, root: Node, makers: dict[str, Node]) -> tuple[Node, list[Node]] | None:
    """The activation that ends at `root`, and the nodes it stands for."""
    inside = [root]
    best = None
    for _ in range(_DEEPEST):
        sources = _sources(file, inside)
        if len(sources) == 1 and len(inside) > 1:
            made = _named(file, inside, sources[0], root)
            best = (made, list(inside)) if made else best
        more = next((makers[name] for name in sources if _belongs(file, makers.get(name), inside)), None)
        if more is None:
            break
        inside.append(more)
    return best


def _slopes(file: File, root: Node, makers: dict[str, Node]) -> tuple[Node, list[Node]] | None:
    """Keras' PReLU, relu(x) + s·relu(−x): the slopes are −s."""
    sides = [makers.get(name) for name in root.inputs]
    for up, down in (sides, sides[::-1]):
        if up is None or down is None or (up.kind, down.kind) != ("Relu", "Mul"):
            continue
        for one, slope in (down.inputs, down.inputs[::-1]):
            rest = makers.get(one)
            negative = makers.get(rest.inputs[0]) if rest and rest.kind == "Relu" else None
            if slope not in file.constants or rest is None or negative is None or negative.kind != "Neg":
                continue
            inside = [up, down, rest, negative]
            alone = all(file.readers[node.outputs[0]] == 1 for node in inside)
            if alone and negative.inputs[0] == up.inputs[0]:
                file.constants[f"{root.name}.slope"] = -file.constants[slope]
                return replace(root, kind="PRelu", inputs=(up.inputs[0], f"{root.name}.slope")), inside
    return None


def _sources(file: File, inside: list[Node]) -> list[str]:
    made = {name for node in inside for name in node.outputs}
    read = [name for node in inside for name in node.inputs if name and name not in file.constants]
    return list(dict.fromkeys(name for name in read if name not in made))


def _belongs(file: File, node: Node | None, inside: list[Node]) -> bool:
    """Whether only what is inside reads the node's value, and its constants are numbers."""
    if node is None or node.kind not in ELEMENTWISE or len(node.outputs) != 1:
        return False
    constants = [file.constants[name] for name in node.inputs if name in file.constants]
    reads = sum(other.inputs.count(node.outputs[0]) for other in inside)
    return file.readers.get(node.outputs[0], 0) == reads and all(value.size == 1 for value in constants)


def _named(file: File, inside: list[Node], source: str, root: Node) -> Node | None:
    constants = {name: file.constants[name] for node in inside for name in node.inputs if name in file.constants}
    if any(value.size != 1 for value in constants.values()):
        return None
    numbers = {name: value.reshape(()) for name, value in constants.items()}
    nodes = sorted(inside, key=lambda node: node.number)
    try:
        (y,) = evaluate(nodes, file.opset, {source: _GRID, **numbers}, root.outputs)
    except Refused:
        return None
    if y.shape != _GRID.shape:
        return None
    with np.errstate(all="ignore"):
        for kind, attributes, function in NAMED.values():
            if np.abs(function(_GRID.astype(np.float64)) - y).max() < _CLOSE:
                if kind == "Clip":
                    bounds = f"{root.name}.low", f"{root.name}.high"
                    file.constants |= {bounds[0]: np.array(0, np.float32), bounds[1]: np.array(6, np.float32)}
                    return replace(root, kind=kind, inputs=(source, *bounds), attributes={})
                return replace(root, kind=kind, inputs=(source,), attributes=dict(attributes))
        slope = -float(y[np.flatnonzero(_GRID == -1)[0]])
        if 0 < slope < 1 and np.abs(np.where(_GRID > 0, _GRID, slope * _GRID) - y).max() < _CLOSE:
            return replace(root, kind="LeakyRelu", inputs=(source,), attributes={"alpha": slope})
    return None
