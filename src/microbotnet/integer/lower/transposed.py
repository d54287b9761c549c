"""Transposed convolutions: an ordinary one that makes stride × stride outputs for each, which are then interleaved."""

from math import prod

import numpy as np

from ...quant.stages import Stage
from ..kernels import encode
from ..operators import Convolve
from ..program import Pair
from .constants import affine, dilated, real, two
from .lowering import IDENTITY, Lowering, lowers
from .refused import Refused
from .value import Value, canonical, whole


@lowers("conv_transpose")
def spread(lowering: Lowering, stage: Stage) -> None:
    """An output at place s·q + r is a sum over taps r + padding + s·t of the kernel, at inputs q − t."""
    head, call = stage.head, lowering.calls[stage.head.name]
    (x,) = lowering.inputs(stage)
    weight = real(call.named["weight"])  # (inputs, outputs / groups, rows, columns)
    if weight.ndim > 4:
        raise Refused("has three axes; programs hold maps and signals: fold one axis into the channels")
    groups, inputs, each = head.groups, weight.shape[0], weight.shape[1]
    weight = dilated(weight.reshape(inputs, each, *two(weight.shape[2:])), two(head.dilation))
    outputs, stride = groups * each, two(head.stride)
    grouped = weight.reshape(groups, inputs // groups, each, *weight.shape[2:]).transpose(0, 2, 1, 3, 4)
    factor, constant = np.ones(outputs), np.zeros(outputs) if call.named["bias"] is None else real(call.named["bias"])
    for node in stage.norms:
        a, b = affine(node, lowering.calls[node.name])
        factor, constant = factor * a, constant * a + b
    # One scale for an output's whole kernel, as in training.
    kernel = encode(
        grouped.reshape(outputs, inputs // groups, *weight.shape[2:]),
        factor if lowering.quantizers.power_of_two else None,
    )
    _, height, width = canonical(head.shape)
    rows = _taps(weight.shape[2], stride[0], two(head.padding, 0)[0])
    columns = _taps(weight.shape[3], stride[1], two(head.padding, 0)[1])
    if rows[1] < 0 or columns[1] < 0:
        raise Refused("its padding is larger than its kernel; make it smaller")
    padded = np.pad(kernel.codes, ((0, 0), (0, 0), (0, 1), (0, 1)))  # the last tap is none
    picked = padded[:, :, rows[0]][:, :, :, :, columns[0]]  # outputs, inputs, r, v, r, v
    codes = picked.transpose(0, 2, 4, 1, 3, 5).reshape(-1, inputs // groups, rows[0].shape[1], columns[0].shape[1])
    bits = 2 if kernel.bits == 1 and not codes.all() else kernel.bits
    high, wide = -(-height // stride[0]), -(-width // stride[1])
    shape = (len(codes), high, wide)
    padding = rows[1], columns[1]
    operator = Convolve(head.name, x.name, stage.name, codes, bits, (1, 1), padding, groups, IDENTITY)
    sums = codes.reshape(len(codes), -1).sum(1, dtype=np.int64)
    factor, constant = (np.repeat(values, prod(stride)) for values in (factor * kernel.scale * x.scale, constant))
    places = np.arange(prod(shape), dtype=np.int64).reshape(outputs, *stride, high, wide)
    places = places.transpose(0, 3, 1, 4, 2).reshape(outputs, high * stride[0], wide * stride[1])
    cut = places[:, :height, :width]
    lowering.finish(stage, operator, shape, factor, sums * x.zero_point, constant, Value(stage.name, cut))
    if cut.shape != places.shape:  # interleaving and cutting are two moves
        made = lowering.values[stage.name]
        full = lowering.materialize(Value(made.tensor, places), places.shape, f"{stage.name}.whole")
        numbers = whole(full.name, full.shape).index[:, :height, :width]
        lowering.values[stage.name] = Value(full.name, numbers.reshape(made.index.shape))


def _taps(kernel: int, stride: int, padding: int) -> tuple[np.ndarray[Pair, np.dtype[np.int64]], int]:
    """For each place r of an output in its stride, the kernel's tap at each input, −1 for none; and the padding."""
    most = (kernel - 1 - padding) // stride
    least = -((stride - 1 + padding) // stride)
    taps = np.arange(stride)[:, None] + padding + stride * np.arange(most, least - 1, -1)[None]
    return np.where((taps >= 0) & (taps < kernel), taps, -1), most
