"""From a name to a float network with its card, or to an integer program."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..design.file import SUFFIXES as DESIGNS
from ..errors import BadInput
from ..hub.fetch import PREFIX as HUB
from ..importers.imported import Imported, Layer
from ..integer.file import SUFFIX as PROGRAM
from ..integer.file import load_program
from ..integer.program import Program
from ..weights import shipped_cards
from .given import NOTHING, Given
from .pixels import taking_pixels

if TYPE_CHECKING:
    from torch import nn

    from ..training.checkpoint import Checkpoint

_MODULES = (".pt2", ".onnx")


def is_outside(name: str) -> bool:
    """Whether a name is that of a network of another's making, with its own layers: it is no checkpoint of the zoo."""
    return name.lower().endswith((*_MODULES, ".tflite", PROGRAM)) or ".py:" in name


def is_checkpoint(name: str) -> bool:
    """Whether a name is that of weights: in a file or a folder of the user's, or on the hub."""
    if is_outside(name) or name.endswith(DESIGNS):
        return False
    return Path(name).exists() or name.startswith(HUB) or Path(name).suffix in (".safetensors", ".pth", ".mbz")


def is_integer(name: str) -> bool:
    """Whether a name is that of a file that holds integers whatever is in it."""
    return name not in shipped_cards() and Path(name).suffix.lower() in (PROGRAM, ".tflite")


def open_network(name: str, given: Given = NOTHING) -> "Checkpoint | Imported":
    """The network that `name` names: in floats a `Checkpoint`, in integers the program with its layers' report.

    Args:
        name: see this package.
        given: what the file cannot say.

    Raises:
        BadInput: there is no such network, its file is damaged or cannot be read, or `given` says what does not fit.

    Warns:
        UserWarning: a Python file's code is run, or something was assumed (what is said).
    """
    suffix = Path(name).suffix.lower()
    if is_integer(name):
        return _integers(Path(name), given)
    if suffix == ".onnx":
        _exists(Path(name))
        from ..importers.onnx import import_onnx

        found: Any = import_onnx(Path(name), given.input_shape, mean=given.mean, std=given.std)
        if isinstance(found, Imported):
            return _labelled(found, name, given)
        return _outside(name, found, given)
    if suffix == ".pt2":
        _exists(Path(name))
        from ..importers.exported import import_exported

        return _outside(name, import_exported(Path(name)), given)
    if ".py:" in name:
        from .module import load_module, split_name

        if (parts := split_name(name)) is None:
            raise BadInput(f"{name}: write FILE.py:NAME, the class or function that makes the module")
        return _outside(name, load_module(*parts), given)
    if suffix == ".py":
        raise BadInput(f"{name}: say what makes the network: {name}:NAME")
    if given.weights is not None:
        raise BadInput(f"{name}: holds its weights; --weights is for my_net.py:Net, a .pt2 or an .onnx")
    return _checkpoint(name, given)


def float_network(name: str, given: Given = NOTHING) -> "Checkpoint":
    """`open_network`, where only floats will do.

    Raises:
        BadInput: it is in integers already; and as `open_network`.
    """
    found = open_network(name, given)
    if isinstance(found, Imported):
        raise BadInput(
            f"{name}: is in integers already and has no float weights; evaluate, classify, export and firmware take it"
        )
    return found


def _checkpoint(name: str, given: Given) -> "Checkpoint":
    from ..training.checkpoint import has_card, load_checkpoint

    asked: dict[str, Any] | None = None
    if given.net is not None or given.width is not None:
        if name in shipped_cards() or has_card(Path(name)):
            raise BadInput(f"{name}: its card says which network it holds; leave out --net and --width")
        asked = {"name": given.net or "microbotnet", "width": 1.0 if given.width is None else given.width}
    found = load_checkpoint(name, asked)
    data = found.card["data"]
    if given.labels is not None and len(given.labels) != len(data["classes"]):
        raise BadInput(f"{name}: has {len(data['classes'])} outputs, and {len(given.labels)} labels are given")
    said = {"mean": given.mean, "std": given.std, "classes": given.labels}
    changed = data | {key: list(value) for key, value in said.items() if value is not None}
    return replace(found, card=found.card | {"data": changed})


def _outside(name: str, model: "nn.Module", given: Given) -> "Checkpoint":
    """A module of another's making with a card made for it."""
    import warnings

    from ..data.augment import contiguous
    from ..graph.trace import trace
    from ..preprocessing import picture_size
    from ..training.checkpoint import Checkpoint, data_of, is_ordered
    from ..training.state import check_values, fitted, read_state
    from .module import attribute

    if given.net is not None or given.width is not None:
        raise BadInput(f"{name}: is a network itself; leave out --net and --width")
    own = attribute(model, "input_shape")
    fixed = own if Path(name).suffix.lower() in _MODULES else None
    if given.input_shape is not None and fixed not in (None, given.input_shape):
        raise BadInput(f"{name}: takes {'×'.join(map(str, fixed or ()))}; leave out the input's size")
    shape = given.input_shape or own or (3, 32, 32)
    if given.weights is not None:
        _exists(given.weights)
        state = fitted(
            read_state(given.weights), model.state_dict(), str(given.weights), ordered=is_ordered(given.weights)
        )
        model.load_state_dict(state)
    elif ".py:" in name:
        warnings.warn(
            f"{name}: its weights are untrained, as its code makes them; --weights FILE loads trained ones",
            stacklevel=2,
        )
    check_values(model.state_dict(), name)
    graph = trace(model, shape)
    outputs = graph[graph.outputs[0]].shape[0]
    scores = len(graph.outputs) == 1 and len(graph[graph.outputs[0]].shape) == 1
    data = data_of(outputs, shape) if scores else data_of(outputs, shape) | {"name": "unknown", "classes": []}
    for key, said in (("mean", given.mean), ("std", given.std), ("classes", given.labels)):
        value = said or attribute(model, "labels" if key == "classes" else key)
        data |= {} if value is None else {key: list(value)}
    channels = shape[0] if len(shape) == 3 else 1
    for key in ("mean", "std"):
        if len(data[key]) == 1:
            data[key] = list(data[key]) * channels
        if len(data[key]) != channels:
            raise BadInput(f"{name}: has {channels} channels, and {len(data[key])} numbers of --{key} are given")
    if len(data["classes"]) != (outputs if scores else 0):
        raise BadInput(f"{name}: has {outputs} outputs, and {len(data['classes'])} labels are given")
    assumed = bool(picture_size(shape)) and given.mean is None and attribute(model, "mean") is None
    card = {
        "architecture": {
            "name": name.rpartition(":")[2] if ".py:" in name else Path(name).stem,
            "file": name,
            "width": 1.0,
            "num_classes": outputs,
            "input_size": picture_size(shape),
            "input_shape": list(shape),
        },
        "data": data,
        "assumed": assumed,
    }
    return Checkpoint(contiguous(model.eval()), card)


def tell_assumed(checkpoint: "Checkpoint", name: str) -> None:
    """Warn, before pictures are shown to a network from outside, that nobody said how they are normalised."""
    if checkpoint.card.get("assumed"):
        warnings.warn(
            f"{name}: its pictures are normalised as CIFAR-10's; if it was trained otherwise, give --mean and --std",
            stacklevel=2,
        )


def _integers(path: Path, given: Given) -> Imported:
    said = {
        "--weights": given.weights,
        "--net": given.net,
        "--width": given.width,
    }
    for option, value in said.items():
        if value is not None:
            raise BadInput(f"{path}: is in integers, weights and scales included; leave out {option}")
    if path.suffix.lower() == PROGRAM:
        program = load_program(path)
        found = Imported(program, tuple(Layer(operator.name, True, 0) for operator in program.operators))
    else:
        _exists(path)
        from ..importers.tflite import import_tflite

        normalised = given.mean is not None or given.std is not None
        found = import_tflite(path, pixels=False if normalised else None)
    if given.mean is not None or given.std is not None:
        if found.program.tensors[found.program.input].dtype == "uint8":
            raise BadInput(f"{path}: takes pixels and normalises them itself; leave out --mean and --std")
        found = replace(found, program=taking_pixels(found.program, str(path), given.mean, given.std))
    shape = found.program.tensors[found.program.input].shape
    if given.input_shape is not None and given.input_shape != shape:
        raise BadInput(f"{path}: takes {'×'.join(map(str, shape))}; leave out the input's size")
    return _labelled(found, str(path), given)


def _labelled(found: Imported, name: str, given: Given) -> Imported:
    if given.labels is None:
        return found
    return replace(found, program=labelled(found.program, given.labels, name))


def labelled(program: Program, labels: tuple[str, ...], name: str) -> Program:
    """`program` with the classes' names; BadInput if they are not as many as its scores."""
    count = program.result.shape[0]
    if len(labels) != count:
        raise BadInput(f"{name}: has {count} outputs, and {len(labels)} labels are given")
    return replace(program, labels=labels)


def _exists(path: Path) -> None:
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "no such file"
        raise BadInput(f"{path}: {what}")
