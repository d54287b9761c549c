"""Convolutions and linear layers."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ....integer.operators import Convolve, Pad, View
from ....integer.program import LIMITS, Pair, Requantize, Shape, Tensor
from ....integer.ranges import Range
from ....integer.steps import rounding_of
from ..file import Array, Refused
from ..windows import pads_of
from .arithmetic import Float, Whole, requantized
from .lowering import Lowering
from .values import Held, Operand, Pending, Target, demand, in_order, program_shape

_SHIFTED = 2**31 - 1


@dataclass(frozen=True)
class Weights:
    """A constant's integers less their zero points, and their float32 scales, one or one for each output."""

    values: Whole
    scale: Float


def qlinear_conv(b: Lowering) -> None:
    """QLinearConv."""
    x = b.operand(0)
    weights = _weights(b.constant(3), b.constant(4), b.constant(5) if b.has(5) else None, 0)
    bias = b.constant(8) if b.has(8) else None
    pending = _convolution(b, x, weights, bias)
    b.values[b.node.outputs[0]] = b.quantize(pending, Target(*b.quantization(6)))


def conv(b: Lowering) -> None:
    """Conv between DequantizeLinear and QuantizeLinear."""
    weights = dequantized_weights(b, 1, 0)
    b.values[b.node.outputs[0]] = _convolution(b, b.operand(0), weights, bias_of(b, 2))


def qgemm(b: Lowering) -> None:
    """QGemm; without a scale for its output that is in real numbers."""
    weights = _weights(b.constant(3), b.constant(4), b.constant(5), 0 if b.node.get("transB", 0) else 1)
    demand(not b.node.get("transA", 0), "transposes its input")
    values = weights.values if b.node.get("transB", 0) else weights.values.T
    scale = weights.scale * np.float32(b.node.get("alpha", 1.0))
    pending = _linear(b, b.operand(0), Weights(values, scale), b.constant(6) if b.has(6) else None)
    made = b.quantize(pending, Target(*b.quantization(7))) if b.has(7) else pending
    b.values[b.node.outputs[0]] = made


def qlinear_matmul(b: Lowering) -> None:
    """QLinearMatMul by a constant matrix."""
    weights = _weights(b.constant(3), b.constant(4), b.constant(5), 1)
    pending = _linear(b, b.operand(0), Weights(weights.values.T, weights.scale), None)
    b.values[b.node.outputs[0]] = b.quantize(pending, Target(*b.quantization(6)))


def gemm(b: Lowering) -> None:
    """Gemm between DequantizeLinear and QuantizeLinear."""
    demand(not b.node.get("transA", 0), "transposes its input")
    rows = bool(b.node.get("transB", 0))
    weights = dequantized_weights(b, 1, 0 if rows else 1)
    values, scale = weights.values if rows else weights.values.T, weights.scale * np.float32(b.node.get("alpha", 1.0))
    demand(float(b.node.get("beta", 1.0)) == 1.0 or not b.has(2), "scales its bias")
    b.values[b.node.outputs[0]] = _linear(b, b.operand(0), Weights(values, scale), bias_of(b, 2))


def matmul(b: Lowering) -> None:
    """MatMul by a constant matrix between DequantizeLinear and QuantizeLinear."""
    weights = dequantized_weights(b, 1, 1)
    b.values[b.node.outputs[0]] = _linear(b, b.operand(0), Weights(weights.values.T, weights.scale), None)


def dequantized_weights(b: Lowering, place: int, axis: int) -> Weights:
    """A constant behind DequantizeLinear."""
    found = b.dequantized.get(b.node.inputs[place] if b.has(place) else "")
    if found is None:
        raise Refused(f"its weights {b.node.inputs[place]} are not quantized constants")
    return _weights(*found, axis)


def bias_of(b: Lowering, place: int) -> Array | None:
    """A bias: int32 behind DequantizeLinear, or real numbers."""
    if not b.has(place):
        return None
    found = b.dequantized.get(b.node.inputs[place])
    return b.constant(place) if found is None else found[0].astype(np.int64)


def _weights(values: Array, scale: Array, zero: Array | None, axis: int) -> Weights:
    if values.dtype not in (np.int8, np.uint8):
        raise Refused(f"its weights are {values.dtype}; 8 bits are read")
    zeros = np.zeros(1, np.int64) if zero is None else zero.reshape(-1).astype(np.int64)
    count = values.shape[axis]
    if scale.size not in (1, count) or zeros.size not in (1, count):
        raise Refused(f"has {scale.size} scales and {zeros.size} zero points for {count} outputs")
    if not np.isfinite(scale).all() or scale.min() <= 0:
        raise Refused("has a scale that is no number above 0")
    wide = zeros.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    return Weights(values.astype(np.int64) - wide, scale.reshape(-1).astype(np.float32))


@dataclass(frozen=True)
class _Sums:
    """What is convolved how; the fields are those of `Convolve`."""

    x: Tensor
    weights: Whole
    stride: Pair
    padding: Pair
    groups: int
    shape: Shape


def _convolution(b: Lowering, x: Operand, weights: Weights, bias: Array | None) -> Pending:
    w = weights.values
    axes = w.ndim - 2
    if axes not in (1, 2) or len(x.held.shape) != w.ndim - 1:
        raise Refused(f"convolves {len(x.held.shape) - 1} axes with a kernel of {axes}; 1 and 2 are read")
    groups = int(b.node.get("group", 1))
    demand(groups >= 1 and w.shape[1] * groups == x.held.shape[0] and len(w) % groups == 0, "its kernel does not fit")
    stride, dilation = b.node.get("strides", [1] * axes), b.node.get("dilations", [1] * axes)
    held, around = _without_border(b, x)
    size = held.shape[1:]
    pads = pads_of(b.node, [n + sum(s) for n, s in zip(size, around, strict=True)], w.shape[2:], stride, dilation)
    sides = [(p + r, q + t) for (p, q), (r, t) in zip(pads, around, strict=True)]
    count = [
        (n + sum(side) - (k - 1) * d - 1) // s + 1
        for n, side, k, d, s in zip(size, sides, w.shape[2:], dilation, stride, strict=True)
    ]
    demand(min(count) >= 1, "its kernel is larger than the map")
    demand(prod(w.shape) * prod(dilation) <= 2**26, "is dilated too far")
    wide = np.zeros((*w.shape[:2], *((k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True))), np.int64)
    taps: tuple[Any, ...] = (..., *(slice(None, None, int(d)) for d in dilation))
    wide[taps] = w
    before, steps = [side[0] for side in sides], list(stride)
    if axes == 1:
        wide, before, steps = wide[:, :, None], [0, *before], [1, *steps]
    shape = (len(w), *count)
    sums = _Sums(b.ordered(held), wide, (steps[0], steps[1]), (before[0], before[1]), groups, program_shape(shape))
    return _pending(b, sums, x, weights.scale, bias, shape)


def _without_border(b: Lowering, x: Operand) -> tuple[Held, list[Pair]]:
    """A map without the border of zeros that a Pad has put around it, and that border."""
    none: list[Pair] = [(0, 0)] * (len(x.held.shape) - 1)
    maker = next((o for o in b.operators if o.output == x.held.tensor), None)
    if not isinstance(maker, Pad) or maker.fill != x.zero_point or len(none) != 2 or maker.before[0]:
        return x.held, none
    inner, outer = b.tensors[maker.input].shape, b.tensors[maker.output].shape
    if outer[0] != inner[0] or x.held.shape != outer or not np.array_equal(x.held.at, in_order(outer)):
        return x.held, none
    sides = [(p, m - n - p) for p, n, m in zip(maker.before[1:], inner[1:], outer[1:], strict=True)]
    return Held(maker.input, in_order(inner), x.held.unsigned), sides


def _linear(b: Lowering, x: Operand, weights: Weights, bias: Array | None) -> Pending:
    """weights: (outputs, inputs), of the last axis."""
    outputs, inputs = weights.values.shape
    held = x.held
    demand(bool(held.shape) and held.shape[-1] == inputs, f"multiplies {list(held.shape)} by a matrix of {inputs} rows")
    shape = (*held.shape[:-1], outputs)
    if prod(held.shape) == inputs:
        tensor, places = b.tensors[held.tensor], held.at.reshape(-1)
        if len(np.unique(places)) != inputs or tensor.dtype != "int8":
            tensor = b.ordered(held)
            places = np.arange(inputs)
        kernel = np.zeros((outputs, prod(tensor.shape)), np.int64)
        kernel[:, places] = weights.values
        sums = _Sums(tensor, kernel.reshape(outputs, *tensor.shape), (1, 1), (0, 0), 1, (outputs, 1, 1))
        return _pending(b, sums, x, weights.scale, bias, shape)
    rows = prod(held.shape[:-1])
    tensor = b.ordered(held.moved(held.at.reshape(rows, inputs).T), (inputs, 1, rows))
    sums = _Sums(tensor, weights.values[:, :, None, None], (1, 1), (0, 0), 1, (outputs, 1, rows))
    at = in_order((outputs, rows)).T.reshape(shape)
    return _pending(b, sums, x, weights.scale, bias, shape, at)


def _pending(
    b: Lowering,
    sums: _Sums,
    x: Operand,
    scale: Float,
    bias: Array | None,
    shape: tuple[int, ...],
    at: Array | None = None,
) -> Pending:
    node = b.node
    outputs = len(sums.weights)
    biases = np.zeros(outputs, np.int64)
    if bias is not None:
        demand(bias.size in (1, outputs), f"has {bias.size} biases for {outputs} outputs")
        numbers = bias.reshape(-1)
        if numbers.dtype.kind == "f":
            numbers = np.rint(numbers.astype(np.float64) / (np.float64(x.scale) * scale.astype(np.float64)))
        biases = biases + numbers.astype(np.int64)
    sums = _in_bytes(b, sums)
    biases = biases - x.zero_point * sums.weights.reshape(outputs, -1).sum(1)
    demand(bool((np.abs(biases) <= 2**30).all()), "has a bias that is too large for sums of 32 bits")

    def finish(target: Target) -> Held:
        b.node = node
        name = b.name()
        factor = np.float32(x.scale) * scale
        convolve(b, sums, factor, biases, target, name)
        return Held(name, in_order(shape) if at is None else at, target.unsigned)

    return Pending(finish, shape)


def convolve(b: Lowering, sums: _Sums, factor: Float, biases: Whole, target: Target, name: str) -> None:
    """Append the convolution, rounded to the target; where that has the scale 0, to the finest 16 bits."""
    raw = Convolve(name, sums.x.name, name, sums.weights.astype(np.int8), 8, sums.stride, sums.padding, sums.groups,
                   Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -128, 127))  # fmt: skip
    (found,) = raw.sums((sums.x,))
    shifted = Range(found.low + np.minimum(biases, 0), found.high + np.maximum(biases, 0))
    demand(shifted.high.max() <= _SHIFTED and shifted.low.min() >= -_SHIFTED, "its sums can need more than 32 bits")
    wide = target.scale == 0
    if wide:
        ends = np.abs(np.stack([found.low + biases, found.high + biases])) * factor.astype(np.float64)
        target = Target(
            np.float32(max(float(ends.max()), 1e-30) / LIMITS["int16"][1]), 0, False, target.least, target.most
        )
        low, high = LIMITS["int16"]
    else:
        low, high = target.limits
    by = np.broadcast_to((factor / target.scale).astype(np.float32), (len(biases),))
    exact = requantized(by, target.zero_point, low, high)
    bias = biases[:, None]
    how = rounding_of(
        lambda acc: exact(acc + bias),
        found,
        by.astype(np.float64),
        low=low,
        high=high,
        centre=target.zero_point,
        name=name,
    )
    operator = Convolve(name, raw.input, name, raw.weights, raw.bits, raw.stride, raw.padding, raw.groups, how.how)
    b.append(operator, sums.shape, how.how.span, target, "int16" if wide else "int8")
    b.tell(name, int(how.worst.max()))


def _in_bytes(b: Lowering, sums: _Sums) -> _Sums:
    """The same sums with weights of at most ±127: what is beyond, a copy of the input is weighted with."""
    copies = -(-int(np.abs(sums.weights).max(initial=1)) // 127)
    if copies <= 1:
        return sums
    groups, (channels, rows, columns) = sums.groups, sums.x.shape
    depth, size = channels // groups, rows * columns
    name = b.name(".twice")
    view = View(name, sums.x.name, name, (groups, copies, depth, size), (depth * size, 0, size, 1), 0)
    b.operators.append(view)
    x = sums.x
    b.tensors[name] = Tensor(name, (channels * copies, rows, columns), x.dtype, x.scale, x.zero_point, x.low, x.high)
    parts, rest = [], sums.weights
    for _ in range(copies):
        part = np.clip(rest, -127, 127)
        parts.append(part)
        rest = rest - part
    return _Sums(b.tensors[name], np.concatenate(parts, 1), sums.stride, sums.padding, groups, sums.shape)
