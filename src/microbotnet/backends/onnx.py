"""An integer program as ONNX: standard operators that give the interpreter's integers, bit for bit.

The picture goes in as (N, channels, rows, columns) uint8, the scores come out as (N, classes) int16. Between them:

- A tensor's integers q are kept as q + 128 in uint8, the bytes that ConvInteger takes everywhere. Weights are kept so
  too: on processors without VNNI, onnxruntime's kernels for unsigned times signed bytes saturate.
- Sums are ConvInteger's, in int32; a sum pool is one whose weights are 1.
- Requantization is ⌊acc·m/2^s + o/2^s⌋ in float64, in two such steps where there is a pre-shift p. Everything in it is
  an integer below 2⁵³ over a power of two, so nothing but Floor rounds: by `ranges.check` (acc >> p)·m and (2^p − 1)·m
  are below 2³¹, so acc·m is below 2⁴⁸ whatever p is.

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
from ..errors import BadInput
from ..integer import ranges
from ..integer.program import (
    Add,
    Concatenate,
    Convolve,
    Gate,
    Lookup,
    MaxPool,
    Operator,
    Pair,
    Program,
    Requantize,
    SumPool,
)

OPSET, IR = 13, 7
SHIFT = 128  # between a tensor's integers and the bytes that stand for them
SCORES = "scores"

Real = NDArray[np.float64]


def to_onnx(program: Program) -> onnx.ModelProto:
    """The ONNX model of `program`: input "picture", output "scores", any number of pictures at once.

    Every tensor but the scores is also a value of the model, under its own name, 128 above the program's integers.
    The classes' names, what a unit of the scores stands for, and the network's source are in the metadata.

    Raises:
        BadInput: see `ranges.check`; or the scores are made by an operator that cannot.
    """
    ranges.check(program)
    graph = _Graph()
    for operator in program.operators:
        graph.operator = operator.name
        _operator(graph, program, operator)
    graph.operator = SCORES
    graph.add("Squeeze", program.output, graph.constant(np.array([2, 3])), output=SCORES)
    shape = program.tensors[program.input].shape
    scores = program.tensors[program.output]
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "microbotnet",
            [helper.make_tensor_value_info(program.input, TensorProto.UINT8, ["N", *shape])],
            [helper.make_tensor_value_info(SCORES, TensorProto.INT16, ["N", scores.shape[0]])],
            graph.constants,
        ),
        producer_name="microbotnet",
        producer_version=__version__,
        ir_version=IR,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    labels = json.dumps(program.labels, ensure_ascii=False)
    helper.set_model_props(made, {**program.source, "labels": labels, "score_scale": repr(scores.scale)})
    return made


def write_onnx(program: Program, path: Path) -> None:
    """Write `to_onnx(program)`.

    Raises:
        BadInput: see `to_onnx`. Failed: the disk is full, or the folder cannot be written.
    """
    write_atomically(path, to_onnx(program).SerializeToString())


class _Graph:
    """Collects nodes and constants; what is equal is kept once."""

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

    def cast(self, value: str, dtype: int, output: str = "") -> str:
        """`value` as one of onnx's types."""
        return self.add("Cast", value, to=dtype, output=output)

    def floor(self, value: str, factor: Real, term: Real) -> str:
        """⌊value·factor + term⌋; float64."""
        return self.add("Floor", self.add("Add", self.add("Mul", value, self.real(factor)), self.real(term)))


def _operator(graph: _Graph, program: Program, operator: Operator) -> None:
    inputs, output = program.of(operator)
    wide = output.dtype == "int16"
    if wide and isinstance(operator, Lookup | MaxPool | Concatenate):
        raise BadInput(f"{operator.name}: cannot give the scores; end with a linear, a convolution or an average pool")
    x, none = operator.inputs[0], np.zeros(1)
    match operator:
        case Lookup(tables=tables):
            index = graph.cast(x, TensorProto.INT32)
            if len(tables) > 1:
                index = graph.add(
                    "Add", index, graph.constant(np.arange(0, tables.size, 256).astype(np.int32)[:, None, None])
                )
            graph.add("Gather", graph.constant(_bytes(tables.reshape(-1))), index, output=output.name)
        case Convolve(weights=weights):
            acc = _sums(graph, operator, inputs[0].zero_point, weights, operator.groups, operator.padding)
            centre = inputs[0].zero_point * weights.reshape(len(weights), -1).sum(1, dtype=np.float64)
            _requantized(graph, acc, centre, operator.requantize, wide, output.name)
        case SumPool(kernel=kernel):
            ones = np.ones((output.shape[0], 1, *kernel), np.int8)
            acc = _sums(graph, operator, 0, ones, output.shape[0], (0, 0))
            _requantized(graph, acc, none, operator.requantize, wide, output.name)
        case MaxPool(kernel=kernel, stride=stride, padding=padding):
            ends = [_end(output.shape[1 + i], kernel[i], stride[i], padding[i], inputs[0].shape[1 + i]) for i in (0, 1)]
            graph.add("MaxPool", x, kernel_shape=kernel, strides=stride, pads=[*padding, *ends], output=output.name)
        case Add(multipliers=multipliers):
            reals = [graph.cast(name, TensorProto.DOUBLE) for name in operator.inputs]
            terms = [graph.add("Mul", a, graph.real(m)) for a, m in zip(reals, multipliers, strict=True)]
            centre = np.array([-SHIFT * float(sum(multipliers))])
            _requantized(graph, graph.add("Add", *terms), centre, operator.requantize, wide, output.name)
        case Gate():
            reals = [graph.cast(name, TensorProto.DOUBLE) for name in operator.inputs]
            terms = [graph.add("Sub", a, graph.real(t.zero_point + SHIFT)) for a, t in zip(reals, inputs, strict=True)]
            _requantized(graph, graph.add("Mul", *terms), none, operator.requantize, wide, output.name)
        case Concatenate(requantize=hows):
            reals = [graph.cast(name, TensorProto.DOUBLE) for name in operator.inputs]
            centre = np.array([-float(SHIFT)])
            parts = [_requantized(graph, a, centre, how, False) for a, how in zip(reals, hows, strict=True)]
            graph.add("Concat", *parts, axis=1, output=output.name)


def _sums(
    graph: _Graph,
    operator: Convolve | SumPool,
    zero_point: int,
    weights: NDArray[np.int8],
    groups: int,
    padding: Pair,
) -> str:
    """Σ weight·(x − zero point), what is outside the map being the zero point; float64."""
    acc = graph.add(
        "ConvInteger",
        operator.input,
        graph.constant(_bytes(weights)),
        graph.constant(np.array(zero_point + SHIFT, np.uint8)),
        graph.constant(np.array(SHIFT, np.uint8)),
        group=groups,
        kernel_shape=weights.shape[2:],
        strides=operator.stride,
        pads=[*padding, *padding],
    )
    return graph.cast(acc, TensorProto.DOUBLE)


def _requantized(graph: _Graph, acc: str, centre: Real, how: Requantize, wide: bool, output: str = "") -> str:
    """`how` of the sums acc + centre; the name of the value. wide: as int16, not as a byte."""
    multiplier, offset = how.multiplier.astype(np.float64), how.offset.astype(np.float64)
    shift = 0 if wide else SHIFT
    if how.pre_shift:
        step = 2.0**how.pre_shift
        acc = graph.floor(acc, multiplier / step, centre * multiplier / step)
        multiplier, centre = np.ones(1), np.zeros(1)
    unit = 2.0**how.shift
    y = graph.floor(acc, multiplier / unit, (centre * multiplier + offset) / unit + shift)
    y = graph.add("Clip", y, graph.real(how.low + shift), graph.real(how.high + shift))
    if how.table is None:
        return graph.cast(y, TensorProto.INT16 if wide else TensorProto.UINT8, output)
    return graph.add("Gather", graph.constant(_bytes(how.table)), graph.cast(y, TensorProto.INT32), output=output)


def _bytes(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    return (values.astype(np.int16) + SHIFT).astype(np.uint8)


def _end(count: int, kernel: int, stride: int, padding: int, size: int) -> int:
    """Padding behind an axis, so that `count` windows fit."""
    return max(0, (count - 1) * stride + kernel - padding - size)
