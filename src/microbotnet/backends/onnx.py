"""An integer program as ONNX: standard operators that give the interpreter's integers, bit for bit.

A picture goes in as (N, channels, rows, columns) uint8, features as int8; scores come out as (N, classes) int16, any
other output in its own shape and dtype. Between them:

- A tensor's integers q are kept as q + 128 in uint8, the bytes that ConvInteger takes everywhere. Weights are kept so
  too: on processors without VNNI, onnxruntime's kernels for unsigned times signed bytes saturate.
- Sums are ConvInteger's, in int32. Those of a convolution in groups, which some converters refuse, are a Conv's in
  float32 where they are below 2²⁴, and so whole numbers; a sum pool is one whose weights are 1.
- Requantization is ⌊acc·m/2^s + o/2^s⌋ in float64, in two such steps where there is a pre-shift p. Everything in it is
  an integer below 2⁵³ over a power of two, so nothing but Floor rounds: by `ranges.check` (acc >> p)·m and (2^p − 1)·m
  are below 2³¹, so acc·m is below 2⁴⁸ whatever p is.

Which nodes an operator becomes, its file in `integer/operators` says; what they share is `OnnxGraph`.
Opset 13 and IR 7, of 2020, are read by every runtime in use. Opset 25, of 2025, has integers of 2 bits: ternary kernels
are kept in them.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .. import __version__
from ..atomic import write_atomically
from ..errors import BadInput
from ..integer import ranges
from ..integer.operators.operator import more_fit
from ..integer.program import Pair, Program, Requantize, Shape, Tensor
from ..integer.rescale import Rescale

IR = {13: 7, 25: 13}  # by opset
EXACT = 2**24  # below it float32 holds every whole number
SCORES, OUTPUT = "scores", "output"
_DTYPES = {
    "uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "int16": TensorProto.INT16, "int32": TensorProto.INT32,
    "int64": TensorProto.INT64, "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE,
}  # fmt: skip

_SHORT = ("uint8", "int8", "int16")

Real = NDArray[np.float64]


def to_onnx(program: Program, opset: int = 13, *, plain: bool = False) -> onnx.ModelProto:
    """The ONNX model of `program`, for any number of pictures at once.

    A picture has the program's name for it; features are called "input". A classifier's output is "scores", any other
    "output", several are "output0", "output1", … Every tensor inside is also a value of the model, under its own name,
    128 above the program's integers. Nodes and constants are named after the network's layers. The classes' names, what
    a unit of the output stands for, and the network's source are in the metadata.

    Args:
        program: of integers.
        opset: 13, which every runtime in use reads, or 25, which keeps ternary kernels in 2 bits a weight.
        plain: without integer operators, for converters that have none: the same whole numbers, in and out as float32,
            made by Conv, Mul, Add, Floor and Clip.

    Raises:
        BadInput: another opset; `plain`, and a group's sums need more than 24 bits; see `ranges.check`.
    """
    if opset not in IR:
        raise BadInput(f"opset {opset} is not written; there are {' and '.join(map(str, IR))}")
    ranges.check(program)
    graph = OnnxGraph(opset, real=set(program.tensors) - {program.input} if plain else None)
    x = program.tensors[program.input]
    given = x.name
    if x.dtype == "int8":
        graph.operator = given = "input" if x.name != "input" else "features"
        wide = graph.cast(given, "int32")
        graph.cast(graph.add("Add", wide, graph.constant(np.array(graph.SHIFT, np.int32))), "uint8", x.name)
    for operator in program.operators:
        graph.operator = operator.name
        operator.onnx(graph, *program.of(operator))
    made = [graph.handed_on(program, name, i) for i, name in enumerate(program.outputs)]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "microbotnet",
            [helper.make_tensor_value_info(given, _DTYPES["float32" if plain else x.dtype], ["N", *x.shape])],
            made,
            graph.constants,
        ),
        producer_name="microbotnet",
        producer_version=__version__,
        ir_version=IR[opset],
        opset_imports=[helper.make_opsetid("", opset)],
    )
    labels = json.dumps(program.labels, ensure_ascii=False)
    scale = program.tensors[program.outputs[0]].scale
    helper.set_model_props(model, {**program.source, "labels": labels, "score_scale": repr(scale)})
    return model


def write_onnx(program: Program, path: Path | str, opset: int = 13, *, plain: bool = False) -> None:
    """Write a program as an ONNX model of integers, which gives the interpreter's numbers in any runtime, bit for bit.

    Args:
        program: of `lower`, `to_program`, `load_program` or an importer.
        path: of the .onnx file, whole or not at all; see `to_onnx` for what is in it.
        opset: 13, or 25 for ternary kernels in 2 bits a weight.
        plain: the same numbers without integer operators, for converters that have none.

    Raises:
        BadInput: see `to_onnx`. Failed: the disk is full, or the folder cannot be written.
    """
    write_atomically(Path(path), to_onnx(program, opset, plain=plain).SerializeToString())


class OnnxGraph:
    """Collects nodes and constants; what is equal is kept once."""

    SHIFT = 128  # between a tensor's integers and the bytes that stand for them

    def __init__(self, opset: int, real: set[str] | None = None) -> None:
        """real: of a plain model, the tensors inside, which are whole numbers in float64."""
        self.opset, self.plain, self.real_tensors = opset, real is not None, real or set()
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.operator = ""  # whose nodes are being added
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._taken: set[str] = set()

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node; the name of its output."""
        name = f"{self.operator}/{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output or name], name=name, **attributes))
        return output or name

    def constant(self, values: NDArray[Any], role: str = "constant") -> str:
        """The name of a constant of these values: that of the first operator with it, and its role there."""
        key = values.dtype.name, values.shape, values.tobytes()
        if key not in self._names:
            base = name = f"{self.operator}.{role}"
            while name in self._taken:
                name = f"{base}{len(self._taken)}"
            self._names[key] = name
            self._taken.add(name)
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return self._names[key]

    def real(self, value: float | Real) -> str:
        """The name of a float64 constant: one number, or one a channel."""
        values = np.asarray(value, np.float64)
        return self.constant(values.reshape(-1, 1, 1) if values.ndim else values)

    def cast(self, value: str, dtype: str, output: str = "") -> str:
        """`value` as uint8, int8, int16, int32, int64, float32 or float64; `plain`, short ones are float64."""
        if self.plain and dtype in _SHORT:
            dtype = "float64"
        if dtype == "float64" and value in self.real_tensors and not output:
            return value
        return self.add("Cast", value, to=_DTYPES[dtype], output=output)

    def bytes(self, values: NDArray[np.int8]) -> NDArray[Any]:
        """Integers as the bytes that stand for them; `plain`, as float64."""
        return (values.astype(np.int16) + self.SHIFT).astype(np.float64 if self.plain else np.uint8)

    def floor(self, value: str, factor: Real, term: Real) -> str:
        """⌊value·factor + term⌋; float64."""
        return self.add("Floor", self.add("Add", self.add("Mul", value, self.real(factor)), self.real(term)))

    def windowed(
        self,
        x: Tensor,
        weights: NDArray[np.int8],
        zero_point: int,
        groups: int,
        stride: Pair,
        around: tuple[Pair, Pair],
        shape: Shape,
    ) -> str:
        """Σ weight·(x − zero point), what is outside the map being the zero point; float64.

        around: rows, and columns, before and behind the map. shape: of the sums.
        """
        window: dict[str, Any] = {
            "group": groups,
            "kernel_shape": weights.shape[2:],
            "strides": stride,
            "pads": [side[end] for end in (0, 1) for side in around],
        }
        parts = _parts(weights, max(x.high - zero_point, zero_point - x.low, 1))
        if self.plain and len(parts) > 1 and groups > 1:
            raise BadInput(f"{self.operator}: its sums can need more than 24 bits; a plain model has not so many")
        if self.plain or (groups > 1 and len(parts) == 1):
            dtype = np.float64 if self.plain else np.float32
            real = self.cast(x.name, "float64" if self.plain else "float32")
            real = self.add("Sub", real, self.constant(np.array(zero_point + self.SHIFT, dtype), "zero_point"))
            sums = [self._convolved(real, weights, part if len(parts) > 1 else None, window) for part in parts]
            acc = sums[0]
            for other in sums[1:]:
                acc = self.add("Add", self.cast(acc, "float64"), self.cast(other, "float64"))
        else:
            zero = self.constant(np.array(zero_point + self.SHIFT, np.uint8), "zero_point")
            kernel, zeros = self._unsigned(weights)
            acc = self.add("ConvInteger", x.name, kernel, zero, *zeros, **window)
        if more_fit(x, shape, (weights.shape[2], weights.shape[3]), stride, around):
            acc = self.cut(acc, shape)
        return self.cast(acc, "float64")

    def _convolved(self, real: str, weights: NDArray[np.int8], part: slice | None, window: dict[str, Any]) -> str:
        """A convolution in float32, of some of the channels if `part` says which."""
        if part is not None:
            ends = [self.constant(np.array([end], np.int64)) for end in (part.start, part.stop, 1)]
            real, weights = self.add("Slice", real, *ends), weights[:, part]
        real = self.cast(real, "float32") if self.plain else real
        if self.plain and self.opset < 25:
            return self.add("Conv", real, self.constant(weights.astype(np.float32), "weight"), **window)
        return self.add("Conv", real, self.cast(self._kernel(weights), "float32"), **window)

    def _kernel(self, weights: NDArray[np.int8]) -> str:
        """The name of weights: in 2 bits where they are ternary and the opset has such integers."""
        if self.opset >= 25 and np.abs(weights).max() <= 1:
            return self.constant(weights.astype(ml_dtypes.int2), "weight")
        return self.constant(weights, "weight")

    def _unsigned(self, weights: NDArray[np.int8]) -> tuple[str, list[str]]:
        """The name of weights as ConvInteger takes them, and that of their zero point, if they have one."""
        if self.opset >= 25 and np.abs(weights).max() <= 1:
            return self.cast(self._kernel(weights), "int8"), []  # far from saturating
        return self.constant(self.bytes(weights), "weight"), [self.constant(np.array(self.SHIFT, np.uint8), "middle")]

    def largest(self, value: str) -> str:
        """The largest of the channels; its axes were an attribute before opset 18."""
        if self.opset < 18:
            return self.add("ReduceMax", value, axes=[1], keepdims=1)
        return self.add("ReduceMax", value, self.constant(np.array([1], np.int64)), keepdims=1)

    def cut(self, value: str, shape: Shape, output: str = "") -> str:
        """The first rows and columns of maps that have more."""
        ends = self.constant(np.array(shape[1:], np.int64))
        return self.add("Slice", value, self.constant(np.zeros(2, np.int64)), ends,
                        self.constant(np.array([2, 3], np.int64)), output=output)  # fmt: skip

    def requantized(
        self, acc: str, centre: Real, how: Requantize, output: Tensor | None = None, *, wide: bool = False
    ) -> str:
        """`how` of the sums acc + centre, as `output`, or as bytes, or `wide` as int16; the name of the value."""
        name = "" if output is None else output.name
        wide = wide or (output is not None and output.dtype == "int16")
        multiplier, offset = how.multiplier.astype(np.float64), how.offset.astype(np.float64)
        shift = 0 if wide else self.SHIFT
        if how.pre_shift:
            step = 2.0**how.pre_shift
            acc = self.floor(acc, multiplier / step, centre * multiplier / step)
            multiplier, centre = np.ones(1), np.zeros(1)
        unit = 2.0**how.shift
        y = self.floor(acc, multiplier / unit, (centre * multiplier + offset) / unit + shift)
        done = name if self.plain and how.table is None else ""
        y = self.add("Clip", y, self.real(how.low + shift), self.real(how.high + shift), output=done)
        if self.plain and how.table is None:
            return y
        if how.table is None:
            return self.cast(y, "int16" if wide else "uint8", name)
        return self.add("Gather", self.constant(self.bytes(how.table), "table"), self.cast(y, "int32"), output=name)

    def rescaled(self, acc: str, centre: NDArray[np.int64], how: Rescale, output: Tensor) -> None:
        """`how` of the sums acc + centre, as `output`; in int64, where a sum times 31 bits fits."""

        def column(values: NDArray[Any]) -> str:
            return self.constant(values.astype(np.int64).reshape(-1, 1, 1))

        left, right = np.maximum(-how.shift, 0), np.maximum(how.shift, 0)
        x = self.add("Add", self.cast(acc, "int64"), column(how.bias + centre))
        x = self.add("Mul", x, column(how.multiplier.astype(np.int64) << left))
        # Div rounds towards zero: it is given what is not negative, 2^31·2^31 more.
        x = self.add("Add", x, column(np.array([2**62 + 2**30])))
        x = self.add("Sub", self.add("Div", x, column(np.array([2**31]))), column(np.array([2**31])))
        half = (np.int64(1) << right.astype(np.int64)) >> 1
        size = self.add("Add", self.add("Abs", x), column(half))
        size = self.add("Div", size, column(np.int64(1) << right.astype(np.int64)))
        y = self.add("Add", self.add("Mul", self.add("Sign", x), size), column(np.array([how.zero_point])))
        bounds = [self.constant(np.array(end, np.int64)) for end in (how.low, how.high)]
        y = self.add("Clip", y, *bounds)
        if how.table is not None:
            index = self.add("Add", y, column(np.array([self.SHIFT])))
            self.add("Gather", self.constant(self.bytes(how.table), "table"), index, output=output.name)
        else:
            self.cast(self.add("Add", y, column(np.array([self.SHIFT]))), "uint8", output.name)

    def handed_on(self, program: Program, name: str, number: int) -> onnx.ValueInfoProto:
        """An output of the model: the program's output of that name, in its own dtype."""
        tensor = program.tensors[name]
        flat = tensor.shape[1:] == (1, 1)
        called = SCORES if flat and tensor.dtype == "int16" else OUTPUT
        self.operator = called = called if len(program.outputs) == 1 else f"{OUTPUT}{number}"
        if tensor.dtype == "int8":
            wide = name if self.plain else self.cast(name, "int32")
            wide = self.add("Sub", wide, self.constant(np.array(self.SHIFT, np.float64 if self.plain else np.int32)))
            name = wide if self.plain else self.cast(wide, "int8", "" if flat else called)
        if flat:
            name = self.add("Squeeze", name, self.constant(np.array([2, 3])), output="" if self.plain else called)
        elif tensor.dtype == "int16" and not self.plain:
            self.add("Identity", name, output=called)
        if self.plain:
            self.add("Cast", name, to=TensorProto.FLOAT, output=called)
        shape = tensor.shape[:1] if flat else tensor.shape
        dtype = _DTYPES["float32" if self.plain else tensor.dtype]
        return helper.make_tensor_value_info(called, dtype, ["N", *shape])


def _parts(weights: NDArray[np.int8], largest: int) -> list[slice]:
    """Pieces of a kernel's input channels whose sums float32 holds, whatever the inputs up to `largest`."""
    count = weights.shape[1]
    for pieces in range(1, count + 1):
        ends = [count * i // pieces for i in range(pieces + 1)]
        parts = [slice(a, b) for a, b in pairwise(ends)]
        size = np.abs(weights.astype(np.int64))
        if max(int(size[:, part].reshape(len(weights), -1).sum(1).max()) for part in parts) * largest < EXACT:
            return parts
    return [slice(0, count)] * 2  # no piece is small enough
