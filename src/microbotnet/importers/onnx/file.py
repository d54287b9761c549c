"""An ONNX file as plain data: nodes, constants, one input, outputs. Nothing in it is run.

Data outside the file is read from the file's own folder only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from ...errors import BadInput

Array = NDArray[Any]
OLDEST, NEWEST = 11, 25  # opsets
STANDARD = ("", "ai.onnx")
QUANTIZED = "com.microsoft"  # the domain of onnxruntime's own quantized operators
_LARGEST = 2**26  # elements of an input
_GRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)


class Refused(Exception):
    """Why a node cannot be taken."""


@dataclass(frozen=True)
class Node:
    """One operator. place: the file and the node's name, for people; number: its place in the file's list."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    place: str
    number: int

    def get(self, name: str, default: Any) -> Any:
        """An attribute, or `default` where the file says nothing."""
        return self.attributes.get(name, default)


@dataclass
class File:
    """An ONNX graph.

    constants: by name, the arrays it holds. input, dims, dtype: of its one input; the first is the batch, None where it
    is free. outputs: their names, in order.
    """

    path: Path
    opset: int
    nodes: list[Node]
    constants: dict[str, Array]
    input: str
    dims: tuple[int | None, ...]
    dtype: type
    outputs: tuple[str, ...]
    producer: str = ""
    readers: dict[str, int] = field(default_factory=dict)  # how often a value is read, outputs included

    def count_readers(self) -> None:
        """Set `readers` anew."""
        self.readers = {}
        for name in [name for node in self.nodes for name in node.inputs] + list(self.outputs):
            self.readers[name] = self.readers.get(name, 0) + 1


def read(path: Path, input_shape: Sequence[int] | None = None) -> File:
    """Read an ONNX file.

    Args:
        path: of the file.
        input_shape: what the file leaves open of one input's.

    Raises:
        BadInput: it is no ONNX file or cut short, needs a newer or older opset, has control flow or operators of a
            domain of its own, more inputs than one, one of no size, or data outside its own folder.
    """
    model = _parse(path)
    graph = model.graph
    if not graph.node:
        raise BadInput(f"{path}: holds no ONNX graph; the file is empty, cut short or of another kind")
    opset = _opset(path, model)
    if model.functions:
        raise BadInput(f"{path}: has functions of its own ({model.functions[0].name}); export it with them inlined")
    texts = [value.name for value in (*graph.input, *graph.output, *graph.initializer)]
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise BadInput(f"{path}: a name in it is no text; the file is broken")
    constants = {tensor.name: _array(path, tensor) for tensor in graph.initializer}
    if graph.sparse_initializer:
        raise BadInput(f"{path}: has sparse initializers; export it with dense ones")
    nodes = [_node(path, number, node) for number, node in enumerate(graph.node)]
    _check_order(path, nodes, {*constants, *(value.name for value in graph.input)})
    name, dims, dtype = _input(path, [value for value in graph.input if value.name not in constants])
    dims = (dims[0] if dims else None, *_sizes(path, name, dims[1:], input_shape))
    outputs = tuple(value.name for value in graph.output)
    made = {name for node in nodes for name in node.outputs}
    for output in outputs:
        if output not in made:
            raise BadInput(f"{path}: no node makes its output {output}")
    if not outputs:
        raise BadInput(f"{path}: has no output")
    file = File(path, opset, nodes, constants, name, dims, dtype, outputs, model.producer_name)
    file.count_readers()
    return file


def _parse(path: Path) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"{path}: there is no such file") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except (DecodeError, ValueError, RuntimeError):
        raise BadInput(f"{path}: is no ONNX file, or was cut short") from None
    return model


def _opset(path: Path, model: onnx.ModelProto) -> int:
    versions = {entry.domain: entry.version for entry in model.opset_import}
    found = [versions[domain] for domain in STANDARD if domain in versions]
    opset = int(found[0]) if found else 0
    if not OLDEST <= opset <= NEWEST:
        raise BadInput(f"{path}: uses opset {opset}; {OLDEST} to {NEWEST} are read: export it again with one of them")
    return opset


def _node(path: Path, number: int, proto: onnx.NodeProto) -> Node:
    texts = (proto.name, proto.op_type, proto.domain, *proto.input, *proto.output, *(a.name for a in proto.attribute))
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise BadInput(f"{path}: a name in node {number} is no text; the file is broken")
    name = proto.name or (proto.output[0] if proto.output else f"{proto.op_type}_{number}")
    place = f"{path}: node {name} ({proto.op_type})"
    if proto.domain not in (*STANDARD, QUANTIZED):
        raise BadInput(f"{place}: is of the domain {proto.domain}; only ONNX's own operators have a meaning here")
    attributes = {}
    for attribute in proto.attribute:
        if attribute.type in _GRAPHS:
            raise BadInput(f"{place}: holds a graph of its own (control flow); export it without if and loop")
        try:
            value = helper.get_attribute_value(attribute)
        except ValueError:
            raise BadInput(f"{place}: its attribute {attribute.name} is of an unknown kind") from None
        if isinstance(value, TensorProto):
            value = _array(path, value)
        elif isinstance(value, bytes):
            value = value.decode(errors="replace")
        attributes[attribute.name] = value
    return Node(name, proto.op_type, tuple(proto.input), tuple(proto.output), attributes, place, number)


def _check_order(path: Path, nodes: list[Node], known: set[str]) -> None:
    for node in nodes:
        for name in node.inputs:
            if name and name not in known:
                raise BadInput(f"{node.place}: reads {name}, which nothing before it makes")
        for name in node.outputs:
            if name and name in known:
                raise BadInput(f"{node.place}: makes {name}, which is there already")
            known.add(name)


def _input(path: Path, inputs: list[onnx.ValueInfoProto]) -> tuple[str, tuple[int | None, ...], type]:
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise BadInput(f"{path}: has {len(inputs)} inputs{f' ({names})' if names else ''}; a network here has one")
    tensor = inputs[0].type.tensor_type
    if not inputs[0].type.HasField("tensor_type") or not tensor.HasField("shape"):
        raise BadInput(f"{path}: its input {inputs[0].name} has no shape; export it with one")
    dims = tuple(int(d.dim_value) if d.dim_value > 0 else None for d in tensor.shape.dim)
    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)).type
    except (KeyError, TypeError):
        raise BadInput(f"{path}: its input {inputs[0].name} has no type") from None
    return inputs[0].name, dims, dtype


def _sizes(path: Path, name: str, dims: tuple[int | None, ...], given: Sequence[int] | None) -> list[int]:
    """The sizes of one input, those that are given where the file leaves them open."""
    shown = "×".join("?" if n is None else str(n) for n in dims)
    if not dims:
        raise BadInput(f"{path}: its input {name} has no shape beyond the batch")
    if given is not None and (
        len(given) != len(dims) or any(d not in (None, n) for d, n in zip(dims, given, strict=True))
    ):
        raise BadInput(f"{path}: its input {name} is {shown}, not {'×'.join(map(str, given))}")
    sizes = [dim if dim is not None else int(given[axis]) if given else 0 for axis, dim in enumerate(dims)]
    if min(sizes) < 1:
        raise BadInput(f"{path}: its input {name} is {shown}, left open beyond the batch; export it with a size")
    if prod(sizes) > _LARGEST:
        raise BadInput(f"{path}: its input {name} is too large, {shown}")
    return sizes


def _array(path: Path, tensor: TensorProto) -> Array:
    place = f"{path}: {tensor.name or 'a constant'}"
    try:
        if tensor.data_location == TensorProto.EXTERNAL:
            tensor = _fetched(path, place, tensor)
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{place}: its data cannot be read, the file may be cut short: {reason}") from None


def _fetched(path: Path, place: str, tensor: TensorProto) -> TensorProto:
    """The tensor with its data, from a file that lies in the model's own folder."""
    where = {entry.key: entry.value for entry in tensor.external_data}
    folder = path.resolve().parent
    named = where.get("location", "")
    file = (folder / named).resolve()
    if not named or not file.is_relative_to(folder):
        raise BadInput(f"{place}: its data lies outside the model's folder, in {named or 'no file'}; it is not read")
    try:
        offset = int(where.get("offset", 0))
        length = int(where["length"]) if "length" in where else None
        if offset < 0 or (length is not None and length < 0):
            raise ValueError
        with file.open("rb") as stream:
            stream.seek(offset)
            data = stream.read() if length is None else stream.read(length)
    except (OSError, ValueError):
        raise BadInput(f"{place}: its data, in {named}, cannot be read; keep that file beside the model") from None
    if length is not None and len(data) < length:
        raise BadInput(f"{place}: {named} is too short for its data")
    filled = TensorProto(dims=tensor.dims, data_type=tensor.data_type, name=tensor.name)
    filled.raw_data = data
    return filled
