"""A .tflite file as plain data. Its schema is the package `tflite`'s; here is checked what the file says of itself.

Offsets in a damaged file lead anywhere, and lengths may be of any size: nothing is read without a look at both, and no
loop is longer than the file.
"""

import struct
from dataclasses import dataclass
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput

_IDENTIFIER, _VERSION = b"TFL3", 3
_MOST = 20_000  # tensors or operators
_NAME = 120  # characters of a name that are kept
_LARGEST = 2**23  # elements of a tensor that is computed

# What is read of an operator's options: of which table, and which of its fields.
_CONVOLUTION = ("Padding", "StrideW", "StrideH", "DilationWFactor", "DilationHFactor", "FusedActivationFunction")
_POOL = ("Padding", "StrideW", "StrideH", "FilterWidth", "FilterHeight", "FusedActivationFunction")
_OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ADD": ("AddOptions", ("FusedActivationFunction",)),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _POOL),
    "CONCATENATION": ("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
    "CONV_2D": ("Conv2DOptions", _CONVOLUTION),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", (*_CONVOLUTION, "DepthMultiplier")),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", ("BlockSize",)),
    "FULLY_CONNECTED": ("FullyConnectedOptions", ("FusedActivationFunction", "WeightsFormat", "KeepNumDims")),
    "GATHER": ("GatherOptions", ("Axis", "BatchDims")),
    "LEAKY_RELU": ("LeakyReluOptions", ("Alpha",)),
    "MAX_POOL_2D": ("Pool2DOptions", _POOL),
    "MEAN": ("ReducerOptions", ("KeepDims",)),
    "MUL": ("MulOptions", ("FusedActivationFunction",)),
    "REDUCE_MAX": ("ReducerOptions", ("KeepDims",)),
    "PACK": ("PackOptions", ("Axis", "ValuesCount")),
    "RESHAPE": ("ReshapeOptions", ()),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", ("AlignCorners", "HalfPixelCenters")),
    "SOFTMAX": ("SoftmaxOptions", ("Beta",)),
    "SPACE_TO_DEPTH": ("SpaceToDepthOptions", ("BlockSize",)),
    "SPLIT": ("SplitOptions", ("NumSplits",)),
    "SPLIT_V": ("SplitVOptions", ("NumSplits",)),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset"),
    ),
    "SUB": ("SubOptions", ("FusedActivationFunction",)),
    "SUM": ("ReducerOptions", ("KeepDims",)),
    "TRANSPOSE_CONV": ("TransposeConvOptions", ("Padding", "StrideW", "StrideH", "FusedActivationFunction")),
    "UNPACK": ("UnpackOptions", ("Axis", "Num")),
}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """A tensor of the file: a constant if it has data.

    shape: as in the file, a batch first where there is one; a free batch is 1.
    fixed: whether the shape is what it says; only a batch may be free otherwise.
    scales, zero_points: one, or one for each slice along `axis`; empty where the tensor is not quantized.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int
    data: NDArray[Any] | None
    fixed: bool = True

    def __str__(self) -> str:
        return f"{self.name!r} (tensor {self.index})"


@dataclass(frozen=True)
class Node:
    """An operator of the file: kind is the schema's name for it. inputs: tensors; −1 is none."""

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, int | float | bool]


@dataclass(frozen=True)
class File:
    """What is used of the one graph of a file."""

    values: tuple[Value, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str


class Damaged(Exception):
    """What in the file cannot be."""


def read(path: Path) -> File:
    """What a .tflite file holds.

    Raises:
        BadInput: it cannot be read, is damaged or cut short, is no .tflite file of schema 3, has several graphs or
            shapes that are not fixed.
        ModuleNotFoundError: the package `tflite` is missing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    if content[4:8] != _IDENTIFIER:
        raise BadInput(f"{path}: no .tflite file of schema {_VERSION} ({len(content):,} bytes)")
    try:
        return _Reader(content).file()
    except Damaged as error:
        raise BadInput(f"{path}: {error}") from None
    except (struct.error, ValueError, IndexError, TypeError, OverflowError, KeyError, MemoryError) as error:
        raise BadInput(f"{path}: damaged or cut short ({len(content):,} bytes): {error}") from None


def _table(name: str) -> Any:
    return getattr(import_module(f"tflite.{name}"), name)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)
        self.kinds = {v: k for k, v in vars(_table("BuiltinOperator")).items() if isinstance(v, int)}
        self.dtypes = {v: k.lower() for k, v in vars(_table("TensorType")).items() if isinstance(v, int)}
        self.options = {v: k for k, v in vars(_table("BuiltinOptions")).items() if isinstance(v, int)}
        self.model = _table("Model").GetRootAs(content, 0)

    def file(self) -> File:
        model = self.model
        if model.Version() != _VERSION:
            raise Damaged(f"is of schema {model.Version()}; {_VERSION} is read here")
        graphs = self.count(model.SubgraphsLength())
        if graphs != 1:
            raise Damaged(f"holds {graphs} graphs; one without control flow is read here")
        graph = model.Subgraphs(0)
        values = [self.value(i, graph.Tensors(i)) for i in range(self.count(graph.TensorsLength()))]
        nodes = [self.node(i, graph.Operators(i), len(values)) for i in range(self.count(graph.OperatorsLength()))]
        inputs, outputs = (self.places(found, len(values)) for found in (graph.InputsAsNumpy(), graph.OutputsAsNumpy()))
        if -1 in (*inputs, *outputs):
            raise Damaged("an input or output of the graph is no tensor")
        return File(tuple(values), tuple(nodes), inputs, outputs, self.text(model.Description()))

    def count(self, length: int) -> int:
        if not 0 <= length <= min(_MOST, self.size):
            raise Damaged(f"says that it holds {length} of something; it is damaged or cut short")
        return length

    def text(self, found: bytes | None) -> str:
        return (found or b"")[:_NAME].decode("utf-8", "replace")

    def numbers(self, found: Any, dtype: type) -> NDArray[Any]:
        """A vector, which the library gives as 0 where there is none."""
        return np.zeros(0, dtype) if isinstance(found, int) else np.asarray(found).astype(dtype)

    def places(self, found: Any, values: int) -> tuple[int, ...]:
        numbers = self.numbers(found, np.int64)
        if len(numbers) > _MOST or (len(numbers) and not -1 <= numbers.min() <= numbers.max() < values):
            raise Damaged("an operator or the graph names a tensor that is not there")
        return tuple(int(n) for n in numbers)

    def value(self, index: int, tensor: Any) -> Value:
        name = self.text(tensor.Name())
        place = f"{name!r} (tensor {index})"
        shape = [int(n) for n in self.numbers(tensor.ShapeAsNumpy(), np.int64)]
        signature = [int(n) for n in self.numbers(tensor.ShapeSignatureAsNumpy(), np.int64)]
        if len(shape) > 8 or min(shape, default=1) < 0:
            raise Damaged(f"{place}: has the shape {shape}")
        fixed = len(signature) != len(shape) or min(signature[1:], default=1) >= 0
        dtype = self.dtypes.get(tensor.Type(), f"type {tensor.Type()}")
        if tensor.Sparsity() is not None:
            raise Damaged(f"{place}: is stored sparsely; convert the network without sparsity")
        quantization = tensor.Quantization()
        scales, zeros, axis = np.zeros(0, np.float32), np.zeros(0, np.int64), 0
        if quantization is not None:
            scales = self.numbers(quantization.ScaleAsNumpy(), np.float32)
            zeros = self.numbers(quantization.ZeroPointAsNumpy(), np.int64)
            axis = int(quantization.QuantizedDimension())
        if len(scales) and not (np.isfinite(scales).all() and scales.min() > 0):
            raise Damaged(f"{place}: a scale of it is not above 0")
        if len(scales) != len(zeros):
            zeros = np.resize(zeros, len(scales)) if len(zeros) == 1 else np.zeros(len(scales), np.int64)
        data = self.data(tensor, shape, dtype, place)
        if data is None and prod(shape) > _LARGEST:
            raise Damaged(f"{place}: its shape {shape} has more than {_LARGEST:,} elements")
        return Value(index, name, tuple(shape), dtype, scales, zeros, axis, data, fixed)

    def data(self, tensor: Any, shape: list[int], dtype: str, place: str) -> NDArray[Any] | None:
        number = tensor.Buffer()
        if not 0 <= number < self.model.BuffersLength():
            raise Damaged(f"{place}: its buffer {number} is missing")
        buffer = self.model.Buffers(number)
        start, length = (getattr(buffer, what, int)() for what in ("Offset", "Size"))
        if start > 1:  # in files over 2 GB, and in some others, behind the tables
            if start + length > self.size:
                raise Damaged(f"{place}: its buffer lies outside the file, which is cut short")
            raw: Any = np.frombuffer(self.content, np.uint8, length, start)
        else:
            raw = buffer.DataAsNumpy()
        if isinstance(raw, int) or not len(raw):
            return None
        if dtype not in ("int8", "uint8", "int16", "int32", "int64", "float32", "bool"):
            return np.zeros(0, np.uint8)  # whoever reads it refuses its dtype
        kind = np.dtype(dtype).newbyteorder("<")
        if len(raw) != prod(shape) * kind.itemsize:
            raise Damaged(f"{place}: its buffer holds {len(raw)} bytes, not {prod(shape)} of {dtype}")
        found: NDArray[Any] = np.frombuffer(raw.tobytes(), kind).astype(dtype).reshape(shape)
        return found

    def node(self, index: int, operator: Any, values: int) -> Node:
        number = operator.OpcodeIndex()
        if not 0 <= number < self.model.OperatorCodesLength():
            raise Damaged(f"operator {index}: its kind {number} is missing")
        code = self.model.OperatorCodes(number)
        kind = self.kinds.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "of an unknown kind")
        if kind == "CUSTOM":
            kind = f"CUSTOM {self.text(code.CustomCode())}"
        inputs = self.places(operator.InputsAsNumpy(), values)
        outputs = self.places(operator.OutputsAsNumpy(), values)
        if -1 in outputs:
            raise Damaged(f"operator {index} ({kind}): an output of it is no tensor")
        return Node(index, kind, inputs, outputs, self.chosen(index, kind, operator))

    def chosen(self, index: int, kind: str, operator: Any) -> dict[str, int | float | bool]:
        if kind not in _OPTIONS:
            return {}
        name, fields = _OPTIONS[kind]
        given, found = self.options.get(operator.BuiltinOptionsType(), "?"), operator.BuiltinOptions()
        if found is None or given == "NONE":
            return {}
        if given != name:
            raise Damaged(f"operator {index} ({kind}): has {given} where {name} belong")
        options = _table(name)()
        options.Init(found.Bytes, found.Pos)
        # A field may be younger than the installed schema; its default is then meant.
        return {field: getattr(options, field)() for field in fields if hasattr(options, field)}
