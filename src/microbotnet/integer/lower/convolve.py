"""Convolutions, linear layers, and batch norms that follow neither."""

from math import prod

import numpy as np

from ...graph.graph import Node, times
from ...quant.stages import Stage
from ..kernels import encode
from ..operators import Convolve
from ..program import Pair, Tensor
from .constants import Real, batch_norm, dilated, linear, pair, real
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused


@lowers("conv", "depthwise_conv", "linear", "batch_norm")
def convolve(lowering: Lowering, stage: Stage) -> None:
    """A linear layer's kernel covers the whole map; a batch norm alone is a 1×1 depthwise convolution."""
    head = stage.head
    (x,) = lowering.inputs(stage)
    weight, bias, stride, padding, groups = _kernel(lowering, head, x)
    outputs, _, rows, columns = weight.shape
    size = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(x.shape[1:], padding, (rows, columns), stride, strict=True)]
    shape = (outputs, size[0], size[1])
    lowering.expect(head, shape)
    factor, constant = np.ones(outputs), bias
    for norm in ((head,) if head.kind == "batch_norm" else ()) + stage.norms:
        a, b = batch_norm(norm, lowering.calls[norm.name])
        factor, constant = factor * a, constant * a + b
    kernel = encode(weight, factor if lowering.quantizers.power_of_two else None)
    operator = Convolve(head.name, x.name, stage.name, kernel.codes, kernel.bits, stride, padding, groups, IDENTITY)
    sums = kernel.codes.reshape(outputs, -1).sum(1, dtype=np.int64)
    lowering.finish(stage, operator, shape, factor * kernel.scale * x.scale, sums * x.zero_point, constant)


def _kernel(lowering: Lowering, head: Node, x: Tensor) -> tuple[Real, Real, Pair, Pair, int]:
    """Weight (outputs, inputs / groups, rows, columns), bias, stride, padding and groups."""
    call = lowering.calls[head.name]
    seen = lowering.graph[head.inputs[0]].shape
    if head.kind == "batch_norm":
        if seen[0] != x.shape[0]:
            raise Refused(f"normalises each of {seen[0]} values of a flattened map; put it before the flatten")
        return np.ones((x.shape[0], 1, 1, 1)), np.zeros(x.shape[0]), (1, 1), (0, 0), x.shape[0]
    if head.kind == "linear":
        weight, bias = linear(call)
        if len(head.shape) != 1 or weight.shape[1] != prod(x.shape):
            raise Refused(f"is applied along an axis of {times(seen)}, not to all values of a picture")
        return weight.reshape(len(weight), *x.shape), bias, (1, 1), (0, 0), 1
    if len(head.kernel) != 2 or seen != x.shape:
        raise Refused(f"reads {times(seen)}; only convolutions of maps (channels, height, width) are lowered")
    weight = dilated(real(call.named["weight"]), head.dilation)
    bias = np.zeros(len(weight)) if call.named["bias"] is None else real(call.named["bias"])
    return weight, bias, pair(head.stride), pair(head.padding), head.groups
