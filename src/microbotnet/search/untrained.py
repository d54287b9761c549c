"""An integer program with a design's shapes and made-up weights: what the memory plan and the C are measured on.

Shapes, scratch and lists depend on the weights only through how many of them are zero, so that a program with drawn
weights costs what a trained one will. Needs no torch.
"""

from dataclasses import dataclass, replace
from functools import cache
from math import prod
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph
from ..graph.kinds import kind_of
from ..graph.steps import Step, fuse
from ..integer import ranges
from ..integer.fixed import fixed_point, tolerance_of
from ..integer.operators import Add, Convolve, Extreme, Gate, Lookup, Operator, SumPool, View
from ..integer.program import LIMITS, Pair, Program, Requantize, Shape, Tensor

PICTURE = "picture"
_ZERO_POINTS = {"": 5, "relu": -128, "relu6": -128, "hardswish": -118, "hardsigmoid": -128}
_KINDS = {
    "mul": "gate", "add": "add", "maximum": "larger", "transpose": "shuffle", "roll": "shuffle", "slice": "slice",
}  # fmt: skip
_SPREAD = {True: 60.0, False: 25.0}  # units that a sum's usual deviation becomes, before a table and elsewhere


@dataclass(frozen=True)
class Layer:
    """One operator by all that its cost depends on.

    kind: lookup, convolve, pool, gate, add, larger, slice or shuffle. activation: that follows; "" is none. before: of
    the layer it reads.
    bits: of its weights, 2 or 8. nonzero: how many weights are not zero. scores: whether its output is the network's.
    alike: whether all channels have one scale and no bias. number: of the layers before that are the same.
    """

    kind: str
    inputs: tuple[Shape, ...]
    output: Shape
    before: str = ""
    activation: str = ""
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1
    bits: int = 8
    nonzero: int = 0
    scores: bool = False
    alike: bool = False
    number: int = 0

    @property
    def weights(self) -> tuple[int, int, int, int]:
        """The shape of a convolution's."""
        return self.output[0], self.inputs[0][0] // self.groups, *self.kernel


@dataclass(frozen=True)
class UntrainedProgram:
    """A program, and for each of its operators the layer that it was made from."""

    program: Program
    layers: tuple[Layer, ...]


def untrained_program(graph: Graph) -> UntrainedProgram:
    """The program of a graph of convolutions, linears, global pools, gates, shortcuts, shuffles; named as its steps."""
    picture = _shape(graph["input"].shape)
    found = {"input": Layer("lookup", (picture,), picture)}
    operators = [_renamed(operator_of(found["input"]).operators[-1], "input", (PICTURE,))]
    behind = {"input": "input"}  # each step: the one whose output it hands on
    for step in fuse(graph):
        reads = tuple(behind[name] for name in step.inputs)
        alone = step.kind == "avg_pool" and step.head.kernel == (1, 1)
        behind[step.name] = reads[0] if alone else step.name
        if alone:
            continue
        layer = _layer(step, tuple(found[name].output for name in reads), found[reads[0]].activation)
        layer = replace(layer, scores=step.nodes[-1].name in graph.outputs)
        layer = replace(layer, number=sum(replace(other, number=0) == layer for other in found.values()))
        found[step.name] = layer
        operators.append(_renamed(operator_of(layer).operators[-1], step.name, reads))
    tensors = {name: replace(_output(layer), name=name) for name, layer in found.items()}
    tensors[PICTURE] = Tensor(PICTURE, picture, "uint8", 1 / 255, 0, 0, 255)
    return UntrainedProgram(Program(tensors, tuple(operators), PICTURE, (operators[-1].name,)), tuple(found.values()))


@cache
def operator_of(layer: Layer) -> Program:
    """A program of this one operator."""
    draw = np.random.default_rng(crc32(repr(layer).encode()))
    inputs = [f"x{i}" for i in range(len(layer.inputs))]
    kinds = [layer.before, "hardsigmoid" if layer.kind == "gate" else ""]
    tensors = {
        name: replace(_tensor(shape, kind), name=name)
        for name, shape, kind in zip(inputs, layer.inputs, kinds, strict=False)
    }
    if layer.kind == "lookup":
        tables = draw.integers(-128, 128, (layer.output[0], 256)).astype(np.int8)
        tensors["x0"] = Tensor("x0", layer.output, "uint8", 1 / 255, 0, 0, 255)
        return Program(tensors | {"y": _output(layer)}, (Lookup("y", "x0", "y", tables),), "x0", ("y",))
    if layer.kind == "shuffle":
        channels, rows, columns = layer.output
        groups = next(n for n in range(2, channels + 1) if channels % n == 0)  # all cost the same
        sizes, strides = (channels // groups, groups), (rows * columns, channels // groups * rows * columns)
        view = View("y", "x0", "y", (*sizes, rows * columns), (*strides, 1), 0)
        return Program(tensors | {"y": _output(layer)}, (view,), "x0", ("y",))
    if layer.kind == "slice":
        view = View("y", "x0", "y", (prod(layer.output),), (1,), 0)
        return Program(tensors | {"y": _output(layer)}, (view,), "x0", ("y",))
    if layer.kind == "larger":
        return Program(tensors | {"y": _output(layer)}, (Extreme("y", ("x0", "x1"), "y", True),), "x0", ("y",))
    blank = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -128, 127)
    operator: Convolve | SumPool | Gate | Add
    if layer.kind == "convolve":
        operator = Convolve(
            "y", "x0", "y", _weights(layer, draw), layer.bits, layer.stride, layer.padding, layer.groups, blank
        )
    elif layer.kind == "pool":
        operator = SumPool("y", "x0", "y", layer.kernel, layer.stride, blank)
    elif layer.kind == "gate":
        operator = Gate("y", ("x0", "x1"), "y", blank)
    else:
        operator = Add("y", ("x0", "x1"), "y", (2**18, 2**18), replace(blank, shift=19))
        return Program(tensors | {"y": _output(layer)}, (operator,), "x0", ("y",))
    program = Program(tensors | {"y": _output(layer)}, (), "x0", ("y",))
    (found,) = ranges.sums(program, operator)
    return replace(program, operators=(replace(operator, requantize=_requantize(layer, operator, found, draw)),))


def _layer(step: Step, inputs: tuple[Shape, ...], before: str) -> Layer:
    head, output = step.head, _shape(step.shape)
    last = kind_of(step.nodes[-1].kind)
    activation = last.name if last.clamps or last.table else ""
    if kind_of(step.kind).convolves:
        weight = head.weight
        assert weight is not None
        normed = any(node.kind == "batch_norm" for node in step.nodes)
        return Layer(
            "convolve", inputs, output, before, activation, kernel=_pair(head.kernel),
            stride=_pair(head.stride), padding=_pair(head.padding, 0), groups=head.groups,
            bits=2 if weight.ternary else 8, nonzero=weight.nonzero,
            alike=weight.ternary and not normed and head.bias is None,
        )  # fmt: skip
    if step.kind == "avg_pool":
        return Layer("pool", inputs, output, before, activation, kernel=_pair(head.kernel), stride=_pair(head.stride))
    return Layer(_KINDS[step.kind], inputs, output, before, activation)


def _weights(layer: Layer, draw: np.random.Generator) -> NDArray[np.int8]:
    count = prod(layer.weights)
    if layer.bits == 8:
        values = np.clip(np.rint(draw.normal(0, 40, count)), -127, 127)
    else:
        values = np.zeros(count)
        values[: layer.nonzero] = 1
        values[: layer.nonzero // 2] = -1
        values = draw.permutation(values)
    return values.astype(np.int8).reshape(layer.weights)


def _requantize(
    layer: Layer, operator: Convolve | SumPool | Gate, found: ranges.Range, draw: np.random.Generator
) -> Requantize:
    """As lowering makes it: multipliers and offsets of each channel that differ, a table for what is no clamp."""
    channels = layer.output[0] if layer.kind == "convolve" else 1
    tabled = layer.activation.startswith("hard")
    reach = np.broadcast_to((found.high - found.low).astype(np.float64), channels)
    usual = np.maximum(reach / np.sqrt(12 * max(prod(layer.weights[1:]), 1)), 1)
    spread = _SPREAD[tabled] * (100 if layer.scores else 1)
    factor = spread / usual * np.exp(draw.normal(0, 0.5, channels))
    bias = draw.normal(0, 10, channels)
    if layer.alike:
        factor, bias = np.full(channels, factor.mean()), np.zeros(channels)
    if isinstance(operator, Convolve):
        sums = operator.weights.reshape(channels, -1).sum(1, dtype=np.int64)
        centre = sums * _ZERO_POINTS[layer.before]
    else:
        centre = (found.high + found.low) / 2
    low, high = LIMITS["int16" if layer.scores else "int8"]
    shared = np.random.default_rng(0)  # a gate's index covers −3…3, and so do all gates'
    table = (shared if layer.activation == "hardsigmoid" else draw).integers(-128, 128, 256).astype(np.int8)
    return fixed_point(
        found,
        factor,
        centre,
        bias,
        low=low,
        high=high,
        table=table if tabled else None,
        tolerance=tolerance_of(operator, scores=layer.scores),
    )


def _output(layer: Layer) -> Tensor:
    made = _tensor(layer.output, layer.activation)
    return replace(made, dtype="int16", low=LIMITS["int16"][0], high=LIMITS["int16"][1]) if layer.scores else made


def _tensor(shape: Shape, activation: str) -> Tensor:
    return Tensor("y", shape, "int8", 1.0, _ZERO_POINTS[activation], -128, 127)


def _renamed(operator: Operator, name: str, inputs: tuple[str, ...]) -> Operator:
    if isinstance(operator, Add | Gate | Extreme):
        return replace(operator, name=name, inputs=(inputs[0], inputs[1]), output=name)
    assert isinstance(operator, Lookup | Convolve | SumPool | View)
    return replace(operator, name=name, input=inputs[0], output=name)


def _shape(shape: tuple[int, ...]) -> Shape:
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (shape[0], 1, 1)


def _pair(values: tuple[int, ...], default: int = 1) -> Pair:
    return (values[0], values[1]) if values else (default, default)
