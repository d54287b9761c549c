"""Convolutions and linear layers."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import RescaledConvolve
from ...integer.program import Pair, Shape, Tensor
from ...integer.rescale import LARGEST, rescale
from .activations import fused
from .file import Node, Value
from .layout import Held, Places, shape_in_order
from .lowering import Around, Lowering, Refused

Real = NDArray[np.float64]
_SAME = 0
_MOST_TAPS, _MOST_WEIGHTS = 2**16, 2**24  # that zeros may make of a kernel
_NONE: Around = ((0, 0), (0, 0))


def conv_2d(lowering: Lowering, node: Node) -> None:
    """CONV_2D: weights (outputs, rows, columns, inputs / groups)."""
    _begin(lowering, node, _weights(lowering, node, 4, axis=0).transpose(0, 3, 1, 2))


def depthwise_conv_2d(lowering: Lowering, node: Node) -> None:
    """DEPTHWISE_CONV_2D: weights (1, rows, columns, channels · multiplier), the outputs of a channel together."""
    weights = _weights(lowering, node, 4, axis=3)
    if weights.shape[0] != 1:
        raise Refused(f"its weights are {list(weights.shape)}; the first axis must be 1")
    _begin(lowering, node, weights.transpose(3, 0, 1, 2))


def fully_connected(lowering: Lowering, node: Node) -> None:
    """FULLY_CONNECTED: weights (outputs, inputs), of the input flattened, or of each position's channels."""
    if node.options.get("WeightsFormat", 0):
        raise Refused("its weights are shuffled; convert the network for the reference kernels")
    x, y = lowering.input(node, 0), lowering.output(node)
    weights = _weights(lowering, node, 2, axis=0)
    outputs, inputs = weights.shape
    held = lowering.read(x)
    rows, more = divmod(prod(held.shape), inputs)
    if more:
        raise Refused(f"multiplies {list(x.shape)} by weights for {inputs} inputs")
    if rows == 1:
        tensor, places = lowering.tensors[held.tensor], held.places.reshape(-1)
        scattered = prod(tensor.shape) > 4 * inputs or len(np.unique(places)) != inputs
        if scattered or tensor.dtype != "int8":
            tensor = lowering.ordered(held)
            places = Held(tensor.name, held.shape).places.reshape(-1)
        flat = np.zeros((outputs, prod(tensor.shape)), np.int8)
        flat[:, places] = weights
        kernel, shape = flat.reshape(outputs, *tensor.shape), (outputs, 1, 1)
    else:
        tensor = lowering.ordered(held.moved(held.places.reshape(rows, inputs)))
        kernel, shape = weights.reshape(outputs, inputs, 1, 1), (outputs, *tensor.shape[1:])
    at = lowering.shaped(Held("", (rows, outputs)).places, y)
    _emit(lowering, node, _Sums(tensor, kernel, (1, 1), (0, 0), 1, shape), y, at=at)


def transpose_conv(lowering: Lowering, node: Node) -> None:
    """TRANSPOSE_CONV: weights (outputs, rows, columns, inputs), of input 1; the map is input 2.

    Output row o·stride + r is a convolution of its own for every remainder r, by the kernel's rows that meet it: what
    they make are channels, which are then put in order.
    """
    weights = _weights(lowering, node, 4, axis=0).transpose(0, 3, 1, 2)
    x, y = lowering.input(node, 2), lowering.output(node)
    _check_map(x)
    _check_map(y)
    outputs, inputs, *kernel = weights.shape
    if inputs != x.shape[3] or y.shape[3] != outputs:
        raise Refused(f"its weights do not fit {list(x.shape)}")
    stride = _pair(node, "StrideH", "StrideW")
    before, spans = [], []
    for n, m, k, s in zip(x.shape[1:3], y.shape[1:3], kernel, stride, strict=True):
        p = max(0, (n - 1) * s + k - m) // 2 if node.options.get("Padding", _SAME) == _SAME else 0
        if not (n - 1) * s < m + p <= n * s + k:
            raise Refused(f"makes {m} rows or columns of {n}, which its stride and kernel cannot")
        # y[s·i + r] = Σ x[i − t]·w[s·t + r + p], over the t for which the kernel has such a row.
        spans.append((-((s - 1 + p) // s), (k - 1 - p) // s))
        before.append(p)
    size = [-(-m // s) for m, s in zip(y.shape[1:3], stride, strict=True)]
    if prod(stride) * prod(last - first + 1 for first, last in spans) * outputs * inputs > _MOST_WEIGHTS:
        raise Refused(f"has strides of {stride[0]} and {stride[1]}")
    if min(last for _, last in spans) < 0:
        raise Refused("its padding is larger than its kernel")
    made = np.zeros((outputs, *stride, inputs, *(last - first + 1 for first, last in spans)), np.int8)
    for r, q, i, j in np.ndindex(*stride, *made.shape[-2:]):
        a, b = (
            s * (span[1] - place) + rest + p
            for s, span, place, rest, p in zip(stride, spans, (i, j), (r, q), before, strict=True)
        )
        if 0 <= a < kernel[0] and 0 <= b < kernel[1]:
            made[:, r, q, :, i, j] = weights[:, :, a, b]
    phases = prod(stride)
    shape = (outputs * phases, size[0], size[1])
    places = np.arange(prod(shape)).reshape(outputs, *stride, *size).transpose(3, 1, 4, 2, 0)
    places = places.reshape(1, size[0] * stride[0], size[1] * stride[1], outputs)
    sums = _Sums(lowering.tensor(x), made.reshape(outputs * phases, inputs, *made.shape[-2:]), (1, 1),
                 (spans[0][1], spans[1][1]), 1, shape)  # fmt: skip
    _emit(lowering, node, sums, y, x=x, bias=3, at=places[:, : y.shape[1], : y.shape[2]])
    if places.shape != y.shape:  # cut in two steps
        whole = lowering.ordered(lowering.read(y).moved(places))
        cut = Held(whole.name, places.shape).places[:, : y.shape[1], : y.shape[2]]
        lowering.hold(y, Held(whole.name, y.shape, cut))


def batch_to_space(lowering: Lowering, node: Node) -> None:
    """BATCH_TO_SPACE_ND behind a convolution behind SPACE_TO_BATCH_ND: a dilated convolution.

    The border is of the zero point, as in TensorFlow Lite; its kernel for microcontrollers leaves it undefined.
    """
    found = lowering.batched.get(node.inputs[0])
    block, crops = lowering.whole(node, 1), lowering.whole(node, 2)
    if found is None or found.weights is None or found.node is None or list(found.block) != block or len(crops) != 4:
        raise Refused("only as part of a dilated convolution is it read: before and behind one convolution")
    if crops[0] or crops[2]:
        raise Refused("crops the first rows or columns; convert the network with dilations")
    _convolve(lowering, found.node, found.weights, found.x, lowering.output(node), found.block, found.around)


def space_to_batch(lowering: Lowering, node: Node) -> None:
    """SPACE_TO_BATCH_ND: see `batch_to_space`."""
    block, around = lowering.whole(node, 1), lowering.whole(node, 2)
    if len(block) != 2 or len(around) != 4 or min(block) < 1 or min(around) < 0:
        raise Refused("only rows and columns are read in blocks")
    sides = (around[0], around[1]), (around[2], around[3])
    lowering.batched[node.outputs[0]] = Batched(lowering.input(node, 0), (block[0], block[1]), sides)


@dataclass(frozen=True)
class Batched:
    """A map in blocks, x as it was, and the convolution of it, if that has been met: its node and weights."""

    x: Value
    block: Pair
    around: Around
    node: Node | None = None
    weights: NDArray[np.int8] | None = None


@dataclass(frozen=True)
class _Sums:
    """What is convolved how; the fields are those of `Convolution`. shape: of the sums."""

    x: Tensor
    weights: NDArray[np.int8]
    stride: Pair
    padding: Pair
    groups: int
    shape: Shape


def _begin(lowering: Lowering, node: Node, weights: NDArray[np.int8]) -> None:
    x, y = lowering.input(node, 0), lowering.output(node)
    dilation = _pair(node, "DilationHFactor", "DilationWFactor")
    blocks = lowering.batched.get(x.index)
    if blocks is None:
        _convolve(lowering, node, weights, x, y, dilation, None)
    elif blocks.node is not None or _pair(node, "StrideH", "StrideW") != (1, 1) or dilation != (1, 1):
        raise Refused("reads blocks; only one convolution of stride 1 can stand between them")
    elif node.options.get("Padding", _SAME) == _SAME:
        raise Refused("pads blocks; only a convolution without padding can stand between them")
    else:
        lowering.batched[y.index] = Batched(blocks.x, blocks.block, blocks.around, node, weights)


def _convolve(
    lowering: Lowering,
    node: Node,
    weights: NDArray[np.int8],
    x: Value,
    y: Value,
    dilation: Pair,
    around: Around | None,
) -> None:
    """around: the padding, where another operator says it."""
    _check_map(x)
    _check_map(y)
    stride = _pair(node, "StrideH", "StrideW")
    weights = _dilated(weights, dilation)
    outputs, depth, *kernel = weights.shape
    channels = x.shape[3]
    if channels % depth or outputs % (channels // depth) or y.shape[3] != outputs:
        raise Refused(f"its weights, {outputs} outputs of {depth} inputs, do not fit {list(x.shape)}")
    same = around is None and node.options.get("Padding", _SAME) == _SAME
    x, border = lowering.without_border(x, (kernel[0], kernel[1])) if around is None else (x, _NONE)
    padding = []
    sides = border if around is None else around
    for n, m, k, s, side in zip(x.shape[1:3], y.shape[1:3], kernel, stride, sides, strict=True):
        size = n + sum(side)
        count = -(-size // s) if same else (size - k) // s + 1
        if not (m == count or (around is not None and 1 <= m <= count)):
            raise Refused(f"makes {count} rows or columns of {n}; the file says {m}")
        padding.append(side[0] + (max(0, (count - 1) * s + k - size) // 2 if same else 0))
    shape = (outputs, y.shape[1], y.shape[2])
    sums = _Sums(lowering.tensor(x), weights, stride, (padding[0], padding[1]), channels // depth, shape)
    _emit(lowering, node, sums, y)


def _emit(
    lowering: Lowering,
    node: Node,
    sums: _Sums,
    y: Value,
    *,
    x: Value | None = None,
    bias: int = 2,
    at: Places | None = None,
) -> None:
    """Append the convolution, rounded as the kernels of TensorFlow Lite for Microcontrollers do.

    x: the input whose scale counts, by default the node's first. bias: which input that is. Channels of an output lie
    together. at: where the elements of y are in what is made.
    """
    scale = lowering.scale(x or lowering.input(node, 0))[0]
    scales = lowering.input(node, 1).scales
    if node.kind == "FULLY_CONNECTED" and len(scales) == 1:
        products = (scale * scales).astype(np.float64)  # in float32, here only
    else:
        products = scale.astype(np.float64) * scales.astype(np.float64)
    found = lowering.maybe(node, bias)
    if found is not None and (found.dtype != "int32" or found.data is None):
        raise Refused(f"its bias {found} is no constant of int32")
    outputs = lowering.input(node, 1).shape[3 if node.kind == "DEPTHWISE_CONV_2D" else 0]
    biases = np.zeros(outputs, np.int64) if found is None or found.data is None else found.data.astype(np.int64)
    if biases.shape != (outputs,) or len(products) not in (1, outputs):
        raise Refused(f"has {biases.size} biases and {len(products)} scales for {outputs} outputs")
    phases = len(sums.weights) // outputs
    biases, products = np.repeat(biases, phases), np.repeat(np.broadcast_to(products, outputs), phases)
    biases = biases - sums.x.zero_point * sums.weights.reshape(len(biases), -1).sum(1, dtype=np.int64)
    if np.abs(biases).max() > LARGEST:
        raise Refused("a bias is too large for sums of 32 bits")
    y_scale, zero_point = lowering.scale(y)
    low, high = fused(node, y_scale, zero_point)
    how = rescale(products / y_scale.astype(np.float64), biases, zero_point=zero_point, low=low, high=high)
    name = lowering.name()
    weights = np.ascontiguousarray(sums.weights)
    operator = RescaledConvolve(name, sums.x.name, name, weights, 8, sums.stride, sums.padding, sums.groups, how)
    held = None if at is None else Held(name, y.shape, at)
    if at is None and sums.shape != shape_in_order(y.shape):
        raise Refused(f"makes {sums.shape}; the file says {list(y.shape)} of {y}")
    lowering.make(y, operator, sums.shape, (low, high), held=held)


def _weights(lowering: Lowering, node: Node, rank: int, *, axis: int) -> NDArray[np.int8]:
    """The weights less their zero point."""
    value = lowering.input(node, 1)
    if value.dtype != "int8":
        raise Refused(
            f"its weights {value} are {value.dtype}; only int8 weights are read: quantize the network in full"
        )
    if value.data is None:
        raise Refused(f"its weights {value} are computed or missing where a constant is needed")
    if len(value.shape) != rank or not value.data.size or not len(value.scales):
        raise Refused(f"its weights {value} have the shape {list(value.shape)} or no scale")
    if len(value.scales) > 1 and value.axis != axis:
        raise Refused(f"its weights {value} have scales along axis {value.axis}, not for each output")
    zeros = value.zero_points
    if len(value.scales) > 1 and zeros.any():
        raise Refused(f"its weights {value} have zero points for each output")
    moved = value.data.astype(np.int16) - zeros[0]
    if moved.min() < -128 or moved.max() > 127:
        raise Refused(f"its weights {value} less their zero point {zeros[0]} need more than 8 bits")
    made: NDArray[np.int8] = moved.astype(np.int8)
    return made


def _pair(node: Node, rows: str, columns: str) -> Pair:
    """Two numbers from 1 on of the node's options."""
    found = int(node.options.get(rows, 1)), int(node.options.get(columns, 1))
    if not 1 <= min(found) <= max(found) <= 2**12:
        raise Refused(f"has {rows} {found[0]} and {columns} {found[1]}")
    return found


def _dilated(weights: NDArray[np.int8], dilation: Pair) -> NDArray[np.int8]:
    """The kernel with zeros between its taps."""
    if dilation == (1, 1):
        return weights
    size = [(k - 1) * gap + 1 for k, gap in zip(weights.shape[2:], dilation, strict=True)]
    if prod(size) > _MOST_TAPS or prod(size) * prod(weights.shape[:2]) > _MOST_WEIGHTS:
        raise Refused(f"is dilated to a kernel of {size[0]}×{size[1]}")
    wide = np.zeros((*weights.shape[:2], *size), np.int8)
    wide[:, :, :: dilation[0], :: dilation[1]] = weights
    return wide


def _check_map(value: Value) -> None:
    if len(value.shape) != 4 or value.shape[0] != 1 or not prod(value.shape):
        raise Refused(f"{value} is {list(value.shape)}; only maps (1, rows, columns, channels) are convolved")
