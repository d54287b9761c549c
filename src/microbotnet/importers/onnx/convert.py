"""From a file of real numbers to a `Network`."""

import numpy as np
import torch

from ...errors import BadInput
from .activations import recognise
from .build import BATCHES, Build, Known, Value
from .constants import FOLDED, evaluate, fold
from .file import File, Node, Refused
from .network import Network
from .operators import FUNCTIONS, OPERATORS

_ADVICE = {
    **dict.fromkeys(("LSTM", "GRU", "RNN"), "use convolutions over time, or Linear layers over a window"),
    **dict.fromkeys(("ArgMax", "ArgMin", "TopK", "NonMaxSuppression"), "end the network before it and choose outside"),
    **dict.fromkeys(("If", "Loop", "Scan"), "export the network without branches and loops"),
    "LRN": "use a batch norm",
    "MaxRoiPool": "end the network before it",
    "Attention": "use convolutions",
    "Einsum": "use MatMul",
    "MaxUnpool": "use Resize or ConvTranspose",
}


def convert(file: File) -> Network:
    """The network that a file of real numbers holds.

    Raises:
        BadInput: an operator that has no form in torch here, named with its node.
    """
    path = file.path
    try:
        fold(file)
        recognise(file)
    except Refused as reason:
        raise BadInput(f"{path}: {reason}") from None
    if not file.nodes:
        raise BadInput(f"{path}: its outputs are constants; nothing depends on the input")
    build = Build(file)
    start = _start(file)
    build.values[file.input] = start
    for name, array in file.constants.items():
        build.values[name] = Known((array, array))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):  # new layers draw weights, which are not kept
        for node in file.nodes:
            build.node = node
            try:
                _take(build, node)
            except Refused as reason:
                raise BadInput(f"{node.place}: {reason}") from None
            except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AssertionError, OverflowError,
                    MemoryError, NotImplementedError) as error:  # fmt: skip
                line = " ".join(str(error).split())[:200] or type(error).__name__
                raise BadInput(f"{node.place}: does not fit what it is given: {line}") from None
        return build.network(start)


def _start(file: File) -> Value:
    """The network's input."""
    sizes = [n or 0 for n in file.dims[1:]]
    axes = tuple(range(len(sizes) + 1))
    if len(sizes) == 3 and _channels_last(file):
        sizes = [sizes[2], sizes[0], sizes[1]]
        axes = (0, 2, 3, 1)
    return Value("", tuple(torch.zeros(n, *sizes) for n in BATCHES), axes)


def _channels_last(file: File) -> bool:
    """Whether the first thing that happens to the input, but for functions of each element, brings channels forward."""
    names, found = {file.input}, False
    one = len(file.dims) == 4 and file.dims[3] == 1 and (-1, 1, *file.dims[1:3])
    for node in file.nodes:
        if not names & set(node.inputs):
            continue
        if node.kind == "Transpose":
            found = node.get("perm", None) == [0, 3, 1, 2]
            if not found:
                return False
        elif node.kind == "Reshape" and one:
            target = file.constants.get(node.inputs[1])
            found = target is not None and target.tolist() in (list(one), [file.dims[0], *one[1:]])
            if not found:
                return False
        elif node.kind in FUNCTIONS or node.kind in ("Add", "Sub", "Mul", "Div", "Cast", "Identity"):
            names |= set(node.outputs)
        else:
            return False
    return found


def _take(build: Build, node: Node) -> None:
    """Add one node."""
    given = [build.values[name] for name in node.inputs if name]
    if node.kind in ("Shape", "Size") and isinstance(given[0], Value):
        made = []
        for shape in given[0].shapes:
            whole = np.array(shape, np.int64)
            made.append(whole[node.get("start", 0) : node.get("end", None)] if node.kind == "Shape" else whole.prod())
        build.values[node.outputs[0]] = Known((np.asarray(made[0]), np.asarray(made[1])))
    elif given and all(isinstance(value, Known) for value in given):
        _compute(build, node)
    elif node.kind in OPERATORS:
        found = OPERATORS[node.kind](build)
        values = [found] if isinstance(found, Value) else list(found)
        build.values.update(zip(node.outputs, values, strict=False))
    else:
        advice = (
            f": {_ADVICE[node.kind]}" if node.kind in _ADVICE else "; write it with operators that docs/onnx.md lists"
        )
        raise Refused(f"this operator has no form here{advice}")


def _compute(build: Build, node: Node) -> None:
    """What follows from shapes and constants."""
    if node.kind not in FOLDED:
        raise Refused("is given constants only")
    found = []
    for which in (0, 1):
        values = {}
        for name in node.inputs:
            known = build.values.get(name)
            if isinstance(known, Known):
                values[name] = known.at[which]
        found.append(evaluate([node], build.file.opset, values, node.outputs))
        if all(build.values[name].fixed for name in node.inputs if name):  # type: ignore[union-attr]
            found.append(found[0])
            break
    for place, name in enumerate(node.outputs):
        build.values[name] = Known((found[0][place], found[1][place]))
