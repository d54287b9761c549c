"""Convolutions, linear layers, and batch norms that follow neither."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ...quant.stages import Stage
from ..kernels import encode
from ..operators import Convolve
from ..program import Pair, Shape, Tensor
from .constants import Real, affine, dilated, linear, real, two
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused
from .value import FILL, Value, box, canonical


@lowers("conv", "depthwise_conv")
def convolve(lowering: Lowering, stage: Stage) -> None:
    """Over maps or signals. Zeros around its input, and an exchange of its channels, cost nothing."""
    head, call = stage.head, lowering.calls[stage.head.name]
    weight = real(call.named["weight"])
    if weight.ndim > 4:
        raise Refused("has three axes; programs hold maps and signals: fold one axis into the channels")
    weight = dilated(weight.reshape(*weight.shape[:2], *two(weight.shape[2:])), two(head.dilation))
    bias = np.zeros(len(weight)) if call.named["bias"] is None else real(call.named["bias"])
    padding, value = two(head.padding, 0), lowering.value(head.inputs[0])
    bordered = _without_border(lowering, value, padding, weight.shape[2:])
    if bordered is not None:
        value, padding = bordered
    x, order = _channels(lowering, value) if head.groups == 1 else (None, None)
    if x is None:
        x = lowering.materialize(value, canonical(value.index.shape), head.inputs[0])
    elif order is not None:
        weight = weight[:, np.argsort(order)]
    finish_convolution(lowering, stage, x, weight, bias, two(head.stride), padding, head.groups, canonical(head.shape))


@lowers("linear")
def linear_layer(lowering: Lowering, stage: Stage) -> None:
    """Its kernel covers the whole input; along one axis of several, it is a 1×1 convolution over the others."""
    head = stage.head
    weight, bias, axis = linear(lowering.calls[head.name])
    value = lowering.value(head.inputs[0])
    if value.index.ndim == 1:
        x = lowering.tensors[value.tensor]
        if not value.has_border and value.rearranges(x.shape):
            weight = weight[:, np.argsort(value.index)].reshape(len(weight), *x.shape)
        else:
            x = lowering.read(head.inputs[0])
            weight = weight[:, :, None, None]
        finish_convolution(lowering, stage, x, weight, bias, (1, 1), (0, 0), 1, (len(weight), 1, 1))
        return
    first = replace(value, index=np.moveaxis(value.index, axis, 0))
    x = lowering.materialize(first, canonical(first.index.shape), f"{head.inputs[0]}.turned")
    shape = (len(weight), *x.shape[1:])
    index = np.arange(prod(shape), dtype=np.int64).reshape(len(weight), *first.index.shape[1:])
    like = Value(stage.name, np.moveaxis(index, 0, axis))
    finish_convolution(lowering, stage, x, weight[:, :, None, None], bias, (1, 1), (0, 0), 1, shape, like)


@lowers("batch_norm")
def norm(lowering: Lowering, stage: Stage) -> None:
    """Alone it is a 1×1 depthwise convolution."""
    (x,) = lowering.inputs(stage)
    ones, zeros = np.ones((x.shape[0], 1, 1, 1)), np.zeros(x.shape[0])
    first = affine(stage.head, lowering.calls[stage.head.name])
    finish_convolution(lowering, stage, x, ones, zeros, (1, 1), (0, 0), x.shape[0], x.shape, first=first)


def finish_convolution(
    lowering: Lowering,
    stage: Stage,
    x: Tensor,
    weight: Real,
    bias: Real,
    stride: Pair,
    padding: Pair,
    groups: int,
    shape: Shape,
    like: Value | None = None,
    first: tuple[Real, Real] | None = None,
) -> None:
    """Add the convolution of `x` by `weight` (outputs, inputs / groups, rows, columns) to the output's `shape`.

    first: a and b of a·x + b that comes before the stage's norms. like: see `Lowering.finish`.
    """
    factor, constant = np.ones(len(weight)), bias
    if first is not None:
        factor, constant = first[0], bias * first[0] + first[1]
    for node in stage.norms:
        a, b = affine(node, lowering.calls[node.name])
        factor, constant = factor * a, constant * a + b
    kernel = encode(weight, factor if lowering.quantizers.power_of_two else None)
    name = stage.head.name
    operator = Convolve(name, x.name, stage.name, kernel.codes, kernel.bits, stride, padding, groups, IDENTITY)
    sums = kernel.codes.reshape(len(weight), -1).sum(1, dtype=np.int64)
    lowering.finish(stage, operator, shape, factor * kernel.scale * x.scale, sums * x.zero_point, constant, like)


def _without_border(
    lowering: Lowering, value: Value, padding: Pair, kernel: Sequence[int]
) -> tuple[Value, Pair] | None:
    """What is in a border of zeros, and the padding that takes its place; None where there is none that can go."""
    index = value.index.reshape(canonical(value.index.shape))
    ends = box(index) if value.has_border and not value.fill else None
    if ends is None or (ends[0][1] - ends[0][0]) != len(index):
        return None
    more = padding[0] + ends[1][0], padding[1] + ends[2][0]
    if any(p > k for p, k in zip(more, kernel, strict=True)):
        return None
    inner = index[:, ends[1][0] : ends[1][1], ends[2][0] : ends[2][1]]
    return replace(value, index=inner), more


def _channels(lowering: Lowering, value: Value) -> tuple[Tensor | None, np.ndarray | None]:
    """The tensor that the value is, and the order that its channels have there; None where it is not so."""
    x = lowering.tensors[value.tensor]
    index = value.index.reshape(canonical(value.index.shape))
    if index.shape != x.shape or FILL in index:
        return None, None
    planes = index.reshape(len(index), -1)
    order, rest = np.divmod(planes[:, 0], planes.shape[1])
    if (planes - planes[:, :1] != np.arange(planes.shape[1])).any() or rest.any() or len({*order}) != len(order):
        return None, None
    return x, order if (order != np.arange(len(order))).any() else None
