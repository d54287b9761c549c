"""An integer program as ONNX: standard operators that give the interpreter's integers, bit for bit.

A picture goes in as (N, channels, rows, columns) uint8, features as int8; scores come out as (N, classes) int16, any
other output in its own shape and dtype. Between them:

- A tensor's integers q are kept as q + 128 in uint8, the bytes that ConvInteger takes everywhere. Weights are kept so
  too: on processors without VNNI, onnxruntime's kernels for unsigned times signed bytes saturate.
- Sums are ConvInteger's, in int32; a sum pool is one whose weights are 1.
- Requantization is ⌊acc·m/2^s + o/2^s⌋ in float64, in two such steps where there is a pre-shift p. Everything in it is
  an integer below 2⁵³ over a power of two, so nothing but Floor rounds: by `ranges.check` (acc >> p)·m and (2^p − 1)·m
  are below 2³¹, so acc·m is below 2⁴⁸ whatever p is.

Which nodes an operator becomes, its file in `integer/operators` says; what they share is `OnnxGraph`.
Opset 13 and IR 7, of 2020, are read by every runtime in use.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .. import __version__
from ..atomic import write_atomically
from ..integer import ranges
from ..integer.operators.operator import more_fit
from ..integer.program import Pair, Program, Requantize, Shape, Tensor
from ..integer.rescale import Rescale

OPSET, IR = 13, 7
SCORES, OUTPUT = "scores", "output"
_DTYPES = {
    "uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "int16": TensorProto.INT16, "int32": TensorProto.INT32,
    "int64": TensorProto.INT64, "float64": TensorProto.DOUBLE,
}  # fmt: skip

Real = NDArray[np.float64]


def to_onnx(program: Program) -> onnx.ModelProto:
    """The ONNX model of `program`, for any number of pictures at once.

    A picture has the program's name for it; features are called "input". A classifier's output is "scores", any other
    "output", several are "output0", "output1", … Every tensor inside is also a value of the model, under its own name,
    128 above the program's integers. The classes' names, what a unit of the output stands for, and the network's source
    are in the metadata.

    Raises:
        BadInput: see `ranges.check`.
    """
    ranges.check(program)
    graph = OnnxGraph()
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
            [helper.make_tensor_value_info(given, _DTYPES[x.dtype], ["N", *x.shape])],
            made,
            graph.constants,
        ),
        producer_name="microbotnet",
        producer_version=__version__,
        ir_version=IR,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    labels = json.dumps(program.labels, ensure_ascii=False)
    scale = program.tensors[program.outputs[0]].scale
    helper.set_model_props(model, {**program.source, "labels": labels, "score_scale": repr(scale)})
    return model


def write_onnx(program: Program, path: Path | str) -> None:
    """Write a program as an ONNX model of integers, which gives the interpreter's numbers in any runtime, bit for bit.

    Args:
        program: of `lower`, `to_program`, `load_program` or an importer.
        path: of the .onnx file, whole or not at all; see `to_onnx` for what is in it.

    Raises:
        BadInput: see `to_onnx`. Failed: the disk is full, or the folder cannot be written.
    """
    write_atomically(Path(path), to_onnx(program).SerializeToString())


class OnnxGraph:
    """Collects nodes and constants; what is equal is kept once."""

    SHIFT = 128  # between a tensor's integers and the bytes that stand for them

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.operator = ""  # whose nodes are being added
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node; the name of its output."""
        name = f"{self.operator}/{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output or name], name=name, **attributes))
        return output or name

    def constant(self, values: NDArray[Any]) -> str:
        """The name of a constant of these values."""
        key = values.dtype.name, values.shape, values.tobytes()
        if key not in self._names:
            self._names[key] = f"constant{len(self._names)}"
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), self._names[key]))
        return self._names[key]

    def real(self, value: float | Real) -> str:
        """The name of a float64 constant: one number, or one a channel."""
        values = np.asarray(value, np.float64)
        return self.constant(values.reshape(-1, 1, 1) if values.ndim else values)

    def cast(self, value: str, dtype: str, output: str = "") -> str:
        """`value` as uint8, int8, int16, int32, int64 or float64."""
        return self.add("Cast", value, to=_DTYPES[dtype], output=output)

    def bytes(self, values: NDArray[np.int8]) -> NDArray[np.uint8]:
        """Integers as the bytes that stand for them."""
        return (values.astype(np.int16) + self.SHIFT).astype(np.uint8)

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
        acc = self.add(
            "ConvInteger",
            x.name,
            self.constant(self.bytes(weights)),
            self.constant(np.array(zero_point + self.SHIFT, np.uint8)),
            self.constant(np.array(self.SHIFT, np.uint8)),
            group=groups,
            kernel_shape=weights.shape[2:],
            strides=stride,
            pads=[side[end] for end in (0, 1) for side in around],
        )
        if more_fit(x, shape, (weights.shape[2], weights.shape[3]), stride, around):
            acc = self.cut(acc, shape)
        return self.cast(acc, "float64")

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
        y = self.add("Clip", y, self.real(how.low + shift), self.real(how.high + shift))
        if how.table is None:
            return self.cast(y, "int16" if wide else "uint8", name)
        return self.add("Gather", self.constant(self.bytes(how.table)), self.cast(y, "int32"), output=name)

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
            self.add("Gather", self.constant(self.bytes(how.table)), index, output=output.name)
        else:
            self.cast(self.add("Add", y, column(np.array([self.SHIFT]))), "uint8", output.name)

    def handed_on(self, program: Program, name: str, number: int) -> onnx.ValueInfoProto:
        """An output of the model: the program's output of that name, in its own dtype."""
        tensor = program.tensors[name]
        flat = tensor.shape[1:] == (1, 1)
        called = SCORES if flat and tensor.dtype == "int16" else OUTPUT
        self.operator = called = called if len(program.outputs) == 1 else f"{OUTPUT}{number}"
        if tensor.dtype == "int8":
            wide = self.cast(name, "int32")
            wide = self.add("Sub", wide, self.constant(np.array(self.SHIFT, np.int32)))
            name = self.cast(wide, "int8", "" if flat else called)
        if flat:
            self.add("Squeeze", name, self.constant(np.array([2, 3])), output=called)
        elif tensor.dtype == "int16":
            self.add("Identity", name, output=called)
        shape = tensor.shape[:1] if flat else tensor.shape
        return helper.make_tensor_value_info(called, _DTYPES[tensor.dtype], ["N", *shape])
