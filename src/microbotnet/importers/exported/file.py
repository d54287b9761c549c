"""A .pt2 file as data: the nodes of its graph, and its tensors."""

import io
import json
import pickle
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import BadInput

# The schema's numbers of types (torch/_export/serde/schema.py, ScalarType).
DTYPES = {
    1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64, 6: torch.float16, 7: torch.float32,
    8: torch.float64, 12: torch.bool, 13: torch.bfloat16,
}  # fmt: skip
_LARGEST = 2**31  # bytes of a file's tensors


@dataclass(frozen=True)
class Node:
    """A call. target: the operator's name, as "aten.conv2d.default". arguments: name and value as JSON has them.

    outputs: the names of what it makes. path, place: the module that called it, and the line, "" where not known.
    """

    target: str
    arguments: tuple[tuple[str, Any], ...]
    outputs: tuple[str, ...]
    path: str
    place: str


@dataclass(frozen=True)
class File:
    """tensors: parameters, buffers and constants by their names in the module; learned: the parameters among them.

    values: the graph's name of each of these. input: the graph's name of what goes in; shape: its, with the batch,
    None where that is free. outputs: the graph's names. sizes: the shape of every value, None where it is free.
    """

    path: Path
    nodes: tuple[Node, ...]
    tensors: dict[str, Tensor]
    learned: frozenset[str]
    values: dict[str, str]
    input: str
    shape: tuple[int | None, ...]
    outputs: tuple[str, ...]
    sizes: dict[str, tuple[int | None, ...]]


def read(path: Path) -> File:
    """Read a file.

    Raises:
        BadInput: it is none, or not whole.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from None
    except zipfile.BadZipFile as error:
        raise BadInput(f"{path}: no torch.export file, or cut short at byte {path.stat().st_size}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, EOFError) as error:
        raise BadInput(f"{path}: is not written as torch.export writes: {' '.join(str(error).split())}") from None


def _read(path: Path, archive: zipfile.ZipFile) -> File:
    names = archive.namelist()
    if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
        raise BadInput(f"{path}: over {_LARGEST >> 30} GiB; networks for microcontrollers are read here")
    models = [name for name in names if "/models/" in name and name.endswith(".json")]
    if len(models) != 1:
        older = any(name.endswith("serialized_exported_program.json") for name in names)
        what = "written by a torch before 2.8; export it again" if older else f"holds {len(models)} models, not one"
        script = any(name.endswith("constants.pkl") for name in names)
        what = "a TorchScript file, which is code; use torch.export.save" if script and not older else what
        raise BadInput(f"{path}: {what}")
    root, _, _ = models[0].partition("/models/")
    stem = Path(models[0]).stem
    order = archive.read(f"{root}/byteorder") if f"{root}/byteorder" in names else b"little"
    if order.strip() != b"little":
        raise BadInput(f"{path}: its numbers are {order.decode('ascii', 'replace')}-endian; little is read")
    module = json.loads(archive.read(models[0]))["graph_module"]
    graph, signature = module["graph"], module["signature"]
    stored: dict[str, Tensor] = {}
    for kind in ("weights", "constants"):
        config = f"{root}/data/{kind}/{stem}_{kind}_config.json"
        if config in names:
            for name, entry in json.loads(archive.read(config))["config"].items():
                stored[name] = _tensor(path, name, entry, archive, f"{root}/data/{kind}")
    values, learned, inputs = _inputs(path, signature["input_specs"])
    sizes = {name: _sizes(meta["sizes"]) for name, meta in graph["tensor_values"].items()}
    if len(inputs) != 1:
        raise BadInput(f"{path}: has {len(inputs)} inputs ({', '.join(inputs)}); networks with one are read")
    outputs = [spec.get("user_output") for spec in signature["output_specs"]]
    if None in outputs:
        raise BadInput(f"{path}: writes into its own buffers; export it in eval mode: model.eval()")
    if any("as_tensor" not in found["arg"] for found in outputs if found):
        raise BadInput(f"{path}: has an output that is no tensor")
    return File(
        path,
        tuple(_node(entry) for entry in graph["nodes"]),
        {name: stored[name] for name in values.values()},
        learned,
        values,
        inputs[0],
        sizes[inputs[0]],
        tuple(found["arg"]["as_tensor"]["name"] for found in outputs if found),
        sizes,
    )


def _inputs(path: Path, specs: list[Any]) -> tuple[dict[str, str], frozenset[str], list[str]]:
    values, learned, inputs = {}, [], []
    for spec in specs:
        ((kind, found),) = spec.items()
        if kind == "user_input":
            if "as_tensor" not in found["arg"]:
                raise BadInput(f"{path}: has an input that is no tensor")
            inputs.append(found["arg"]["as_tensor"]["name"])
        elif kind in ("parameter", "buffer", "tensor_constant"):
            name = found[f"{kind}_name"]
            values[found["arg"]["name"]] = name
            learned += [name] if kind == "parameter" else []
        else:
            raise BadInput(f"{path}: has an input of the kind {kind!r}; parameters, buffers and constants are read")
    return values, frozenset(learned), inputs


def _tensor(path: Path, name: str, entry: dict[str, Any], archive: zipfile.ZipFile, folder: str) -> Tensor:
    content = archive.read(f"{folder}/{entry['path_name']}")
    meta = entry["tensor_meta"]
    if meta is None:
        raise BadInput(f"{path}: {name!r} is an object of the one who wrote it, no tensor; nothing of it was read")
    if entry.get("use_pickle"):
        try:
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            raise BadInput(f"{path}: refused: {name!r} carries code, not only numbers; nothing of it was run") from None
        if not isinstance(found, Tensor):
            raise BadInput(f"{path}: {name!r} is a {type(found).__name__}, no tensor")
        return _real(found)
    dtype, sizes = DTYPES.get(meta["dtype"]), _sizes(meta["sizes"])
    if dtype is None or None in sizes:
        raise BadInput(f"{path}: {name!r} has a type or a shape that is not read")
    shape = [size for size in sizes if size is not None]
    if not prod(shape):
        return torch.empty(shape, dtype=dtype)
    strides, offset = _sizes(meta["strides"]), _sizes([meta["storage_offset"]])
    flat = torch.frombuffer(bytearray(content), dtype=dtype)
    return _real(flat.as_strided(shape, strides, *offset).clone())  # type: ignore[arg-type]


def _real(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _sizes(entries: list[Any]) -> tuple[int | None, ...]:
    return tuple(entry.get("as_int") for entry in entries)


def _node(entry: dict[str, Any]) -> Node:
    outputs = []
    for output in entry["outputs"]:
        ((kind, found),) = output.items()
        many = found if isinstance(found, list) else [found]
        outputs += [one["name"] if isinstance(one, dict) and "name" in one else _symbol(kind, one) for one in many]
    metadata = entry.get("metadata", {})
    path = metadata.get("nn_module_stack", "").rpartition(";")[2].split(",")
    target = entry["target"].removeprefix("torch.ops.")
    arguments = tuple((argument["name"], argument["arg"]) for argument in entry["inputs"])
    return Node(target, arguments, tuple(outputs), path[1] if len(path) == 3 else "", _place(metadata))


def _symbol(kind: str, found: Any) -> str:
    """The name of a number that is computed from shapes."""
    return str(found["as_name"]) if isinstance(found, dict) and "as_name" in found else f"a {kind}"


def _place(metadata: dict[str, Any]) -> str:
    """The innermost line of the user's code: FILE:LINE."""
    places = []
    for line in metadata.get("stack_trace", "").splitlines():
        words = line.strip().split('"')
        if len(words) == 3 and words[0] == "File " and "line " in words[2]:
            places.append((words[1], words[2].split("line ")[1].split(",")[0]))
    own = [place for place in places if "/torch/" not in place[0].replace("\\", "/")]
    return ":".join(own[-1]) if own else ""
