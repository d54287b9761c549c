"""Networks of an operator each, as TensorFlow's converters write them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .written import Net

SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3


def conv(net: Net, x: int, outputs: int, kernel: tuple[int, int] = (3, 3), **options: Any) -> int:
    """CONV_2D behind a value (1, rows, columns, channels)."""
    _, rows, columns, inputs = net.tensors[x]["shape"]
    given = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1,
             "FusedActivationFunction": NONE} | options  # fmt: skip
    groups, bias = given.pop("groups", 1), given.pop("bias", True)
    axis = given.pop("axis", 0)
    weights = net.weights(outputs, *kernel, inputs // groups, axis=axis)
    size = [
        -(-n // s) if given["Padding"] == SAME else (n - ((k - 1) * d + 1)) // s + 1
        for n, k, s, d in zip(
            (rows, columns), kernel, (given["StrideH"], given["StrideW"]),
            (given["DilationHFactor"], given["DilationWFactor"]), strict=True,
        )
    ]  # fmt: skip
    zero = -128 if given["FusedActivationFunction"] in (RELU, RELU6) else None
    y = net.value(1, *size, outputs, scale=net.rng.uniform(0.02, 0.2), zero=zero)
    read = [x, weights, net.bias(outputs)] if bias else [x, weights]
    return net.node("CONV_2D", read, [y], "Conv2DOptions", **given)


def _dead(net: Net) -> None:
    """A channel that training has left without weights: converters give it a tiny scale and a bias of 30 bits."""
    conv(net, net.value(1, 5, 5, 3), 5)
    _, (_, weights, bias), *_ = net.nodes[0]
    for channel, number in ((1, 2**30), (3, -(2**30) - 128)):
        net.tensors[weights]["data"][channel] = 0
        net.tensors[weights]["scales"][channel] = 1e-9
        net.tensors[bias]["data"][channel] = number
    net.tensors[bias] |= {"scales": [1e-4] * 5, "zeros": [0] * 5, "axis": 3}  # an axis that it has not, as some write


def depthwise(net: Net, x: int, multiplier: int = 1, kernel: tuple[int, int] = (3, 3), **options: Any) -> int:
    """DEPTHWISE_CONV_2D."""
    _, rows, columns, inputs = net.tensors[x]["shape"]
    given = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1,
             "DepthMultiplier": multiplier, "FusedActivationFunction": NONE} | options  # fmt: skip
    weights = net.weights(1, *kernel, inputs * multiplier, axis=3)
    size = [
        -(-n // s) if given["Padding"] == SAME else (n - ((k - 1) * d + 1)) // s + 1
        for n, k, s, d in zip(
            (rows, columns), kernel, (given["StrideH"], given["StrideW"]),
            (given["DilationHFactor"], given["DilationWFactor"]), strict=True,
        )
    ]  # fmt: skip
    y = net.value(1, *size, inputs * multiplier)
    bias = net.bias(inputs * multiplier)
    return net.node("DEPTHWISE_CONV_2D", [x, weights, bias], [y], "DepthwiseConv2DOptions", **given)


def linear(net: Net, x: int, outputs: int, *, bias: bool = True, axis: int | None = None, keep: bool = False) -> int:
    """FULLY_CONNECTED."""
    shape = net.tensors[x]["shape"]
    inputs = shape[-1] if keep else int(np.prod(shape))
    y = net.value(*(shape[:-1] if keep else (1,)), outputs, scale=net.rng.uniform(0.02, 0.2))
    read = [x, net.weights(outputs, inputs, axis=axis), *([net.bias(outputs)] if bias else [])]
    return net.node("FULLY_CONNECTED", read, [y], "FullyConnectedOptions", KeepNumDims=keep, FusedActivationFunction=0)


def pool(net: Net, x: int, kind: str, kernel: tuple[int, int], stride: tuple[int, int], padding: int, act: int) -> int:
    """MAX_POOL_2D or AVERAGE_POOL_2D."""
    _, rows, columns, channels = net.tensors[x]["shape"]
    size = [
        -(-n // s) if padding == SAME else (n - k) // s + 1
        for n, k, s in zip((rows, columns), kernel, stride, strict=True)
    ]
    y = net.like(x, 1, *size, channels)
    return net.node(kind, [x], [y], "Pool2DOptions", Padding=padding, StrideH=stride[0], StrideW=stride[1],
                    FilterHeight=kernel[0], FilterWidth=kernel[1], FusedActivationFunction=act)  # fmt: skip


def unary(kind: str, table: str = "", zero: Any = None, scale: Any = None, **options: Any) -> Callable[[Net], Any]:
    """An operator on a value (1, 5, 4, 3)."""

    def make(net: Net) -> None:
        x = net.value(1, 5, 4, 3)
        net.node(kind, [x], [net.value(1, 5, 4, 3, scale=scale, zero=zero)], table, **options)

    return make


def binary(kind: str, table: str = "", **options: Any) -> Callable[[Net], Any]:
    """An operator on a value and a convolution of it."""

    def make(net: Net) -> None:
        x = net.value(1, 6, 5, 4)
        y = conv(net, x, 4)
        read = [x, y] if net.seed % 2 else [y, x]
        net.node(kind, read, [net.value(1, 6, 5, 4)], table, **options)

    return make


def constant_binary(kind: str, table: str, shape: tuple[int, ...], **options: Any) -> Callable[[Net], Any]:
    """An operator on a value and a constant."""

    def make(net: Net) -> None:
        x = net.value(1, 6, 5, 4)
        data = net.rng.integers(-128, 128, shape).astype(np.int8)
        c = net.constant(data, [net.rng.uniform(0.01, 0.1)], int(net.rng.integers(-128, 128)))
        net.node(kind, [x, c] if net.seed % 2 else [c, x], [net.value(1, 6, 5, 4)], table, **options)

    return make


def _mean(
    net: Net, axes: tuple[int, ...], keep: bool, shape: tuple[int, ...] = (1, 7, 6, 5), same: bool = False
) -> None:
    x = net.value(*shape)
    made = (
        [1 if i in axes else n for i, n in enumerate(shape)]
        if keep
        else [n for i, n in enumerate(shape) if i not in axes]
    )
    y = net.like(x, *made) if same else net.value(*made)
    net.node("MEAN", [x, net.numbers(*axes)], [y], "ReducerOptions", KeepDims=keep)


def _reduce_max(net: Net) -> None:
    x = net.value(1, 7, 6, 5)
    net.node("REDUCE_MAX", [x, net.numbers(1, 2)], [net.like(x, 1, 5)], "ReducerOptions", KeepDims=False)


def _relu6(net: Net) -> None:
    x = net.value(1, 5, 4, 3)
    net.node("RELU6", [x], [net.like(x)])


def _relu6_mean(net: Net) -> None:
    x = conv(net, net.value(1, 7, 6, 3), 8, FusedActivationFunction=RELU6)
    net.node("MEAN", [x, net.numbers(1, 2)], [net.value(1, 8, zero=-128, scale=0.03)], "ReducerOptions", KeepDims=False)


def _flatten(net: Net) -> None:
    x = conv(net, net.value(1, 6, 5, 3), 4)
    flat = net.node("RESHAPE", [x, net.numbers(1, 120)], [net.like(x, 1, 120)], "ReshapeOptions")
    linear(net, flat, 7)


def _concatenation(net: Net, axis: int) -> None:
    x = net.value(1, 6, 5, 4)
    y = net.node("MAX_POOL_2D", [x], [net.like(x)], "Pool2DOptions", Padding=SAME, StrideH=1, StrideW=1, FilterHeight=3,
                 FilterWidth=3, FusedActivationFunction=0)  # fmt: skip
    shape = [1, 6, 5, 4]
    shape[axis] *= 2
    net.node("CONCATENATION", [x, y], [net.like(x, *shape)], "ConcatenationOptions", Axis=axis - 4 * (net.seed % 2),
             FusedActivationFunction=0)  # fmt: skip


def _pad(net: Net, sides: list[list[int]], *, then: bool, fill: bool = False) -> None:
    x = net.value(1, 6, 5, 3)
    shape = [n + a + b for n, (a, b) in zip((1, 6, 5, 3), sides, strict=True)]
    y = net.like(x, *shape)
    read = [x, net.constant(np.array(sides, np.int32))]
    if fill:
        t = net.tensors[x]
        read.append(net.constant(np.array([net.rng.integers(-128, 128)], np.int8), t["scales"], t["zeros"][0]))
    net.node("PADV2" if fill else "PAD", read, [y], "PadV2Options" if fill else "PadOptions")
    if then:
        conv(net, y, 5, Padding=VALID, StrideH=2, StrideW=2)


def _split(net: Net, axis: int) -> None:
    x = net.value(1, 6, 4, 4)
    shape = [1, 6, 4, 4]
    shape[axis] //= 2
    a, b = net.like(x, *shape), net.like(x, *shape)
    net.node("SPLIT", [net.numbers(axis), x], [a, b], "SplitOptions", NumSplits=2)
    net.node("ADD", [a, b], [net.value(*shape)], "AddOptions", FusedActivationFunction=0)


def _strided_slice(net: Net, begin: list[int], end: list[int], step: list[int], shape: list[int], **masks: int) -> None:
    x = net.value(1, 6, 5, 4)
    read = [x, net.numbers(*begin), net.numbers(*end), net.numbers(*step)]
    net.node("STRIDED_SLICE", read, [net.like(x, *shape)], "StridedSliceOptions", **masks)


def _slice(net: Net) -> None:
    x = net.value(1, 6, 5, 4)
    y = net.node(
        "SLICE", [x, net.numbers(0, 1, 2, 1), net.numbers(1, 4, -1, 2)], [net.like(x, 1, 4, 3, 2)], "SliceOptions"
    )
    conv(net, y, 3)


def _transpose(net: Net, order: list[int]) -> None:
    x = net.value(1, 6, 5, 4)
    y = net.like(x, *[(1, 6, 5, 4)[i] for i in order])
    net.node("TRANSPOSE", [x, net.numbers(*order)], [y], "TransposeOptions")
    conv(net, y, 3)


def _shuffle(net: Net) -> None:
    x = conv(net, net.value(1, 4, 5, 3), 6)
    a = net.node("RESHAPE", [x, net.numbers(1, 4, 5, 2, 3)], [net.like(x, 1, 4, 5, 2, 3)], "ReshapeOptions")
    b = net.node("TRANSPOSE", [a, net.numbers(0, 1, 2, 4, 3)], [net.like(x, 1, 4, 5, 3, 2)], "TransposeOptions")
    c = net.node("RESHAPE", [b, net.numbers(1, 4, 5, 6)], [net.like(x, 1, 4, 5, 6)], "ReshapeOptions")
    depthwise(net, c)


def _squeeze(net: Net) -> None:
    x = conv(net, net.value(1, 1, 6, 3), 4, kernel=(1, 3))
    y = net.node("SQUEEZE", [x], [net.like(x, 1, 6, 4)], "SqueezeOptions", SqueezeDims=[1])
    z = net.node("EXPAND_DIMS", [y, net.numbers(1)], [net.like(x, 1, 1, 6, 4)], "ExpandDimsOptions")
    conv(net, z, 3, kernel=(1, 5))


def _prelu(net: Net) -> None:
    x = net.value(1, 5, 4, 3)
    a = net.constant(net.rng.integers(-128, 128, (1, 1, 3)).astype(np.int8), [0.005], int(net.rng.integers(-20, 20)))
    net.node("PRELU", [x, a], [net.value(1, 5, 4, 3)])


def _resize(net: Net, size: tuple[int, int], corners: bool = False, centres: bool = False) -> None:
    x = net.value(1, 4, 5, 3)
    net.node("RESIZE_NEAREST_NEIGHBOR", [x, net.numbers(*size)], [net.like(x, 1, *size, 3)],
             "ResizeNearestNeighborOptions", AlignCorners=corners, HalfPixelCenters=centres)  # fmt: skip


def _transpose_conv(net: Net, kernel: tuple[int, int], stride: tuple[int, int], padding: int, bias: bool) -> None:
    x = net.value(1, 4, 5, 3)
    size = [
        n * s if padding == SAME else (n - 1) * s + max(k, s) for n, k, s in zip((4, 5), kernel, stride, strict=True)
    ]
    w = net.weights(6, *kernel, 3)
    y = net.value(1, *size, 6)
    read = [net.numbers(1, *size, 6), w, x, *([net.bias(6)] if bias else [])]
    net.node("TRANSPOSE_CONV", read, [y], "TransposeConvOptions", Padding=padding, StrideH=stride[0], StrideW=stride[1],
             FusedActivationFunction=0)  # fmt: skip


def _blocks(net: Net, kind: str) -> None:
    x = net.value(1, 4, 6, 8)
    shape = (1, 8, 12, 2) if kind == "DEPTH_TO_SPACE" else (1, 2, 3, 32)
    y = net.node(kind, [x], [net.like(x, *shape)], kind.title().replace("_", "") + "Options", BlockSize=2)
    conv(net, y, 3)


def _dilated(net: Net) -> None:
    x = net.value(1, 7, 6, 3)
    t = net.tensors[x]
    inside = net.value(4, 6, 5, 3, scale=t["scales"], zero=t["zeros"])
    net.node("SPACE_TO_BATCH_ND", [x, net.numbers(2, 2), net.constant(np.array([[2, 3], [2, 2]], np.int32))], [inside],
             "SpaceToBatchNDOptions")  # fmt: skip
    made = net.value(4, 4, 3, 5, scale=0.1)
    w = net.weights(5, 3, 3, 3)
    net.node("CONV_2D", [inside, w, net.bias(5)], [made], "Conv2DOptions", Padding=VALID, StrideH=1, StrideW=1,
             DilationHFactor=1, DilationWFactor=1, FusedActivationFunction=0)  # fmt: skip
    m = net.tensors[made]
    y = net.value(1, 7, 6, 5, scale=m["scales"], zero=m["zeros"])
    net.node("BATCH_TO_SPACE_ND", [made, net.numbers(2, 2), net.constant(np.array([[0, 1], [0, 0]], np.int32))], [y],
             "BatchToSpaceNDOptions")  # fmt: skip


def _softmax(net: Net, shape: tuple[int, ...], beta: float = 1.0) -> None:
    x = net.value(*shape, scale=net.rng.uniform(0.02, 0.3))
    net.node("SOFTMAX", [x], [net.value(*shape, scale=1 / 256, zero=-128)], "SoftmaxOptions", Beta=beta)


def _broadcast(net: Net, kind: str, table: str) -> None:
    x = net.value(1, 6, 5, 4)
    pooled = pool(net, x, "AVERAGE_POOL_2D", (6, 5), (1, 1), VALID, NONE)
    gate = conv(net, pooled, 4, kernel=(1, 1))
    net.node(kind, [x, gate] if net.seed % 2 else [gate, x], [net.value(1, 6, 5, 4)], table, FusedActivationFunction=0)


def _same_scale(kind: str) -> Callable[[Net], Any]:
    def make(net: Net) -> None:
        x = net.value(1, 6, 5, 4)
        y = pool(net, x, "MAX_POOL_2D", (3, 2), (1, 1), SAME, NONE)
        net.node(kind, [x, y], [net.like(x)], "MaximumMinimumOptions")

    return make


def _one(*shape: int) -> Callable[[Net], int]:
    return lambda net: net.value(*shape)


Make = Callable[[Net], Any]
NETWORKS: dict[str, Make] = {
    "conv": lambda n: conv(n, n.value(1, 7, 6, 3), 5),
    "conv with relu, stride 2": lambda n: conv(
        n, n.value(1, 8, 7, 3), 5, StrideH=2, StrideW=2, FusedActivationFunction=RELU
    ),
    "conv with relu6, 1×1": lambda n: conv(n, n.value(1, 4, 3, 9), 7, (1, 1), FusedActivationFunction=RELU6),
    "conv with relu n1 to 1": lambda n: conv(n, n.value(1, 4, 3, 9), 7, (1, 1), FusedActivationFunction=RELU_N1_TO_1),
    "conv valid, even kernel": lambda n: conv(n, n.value(1, 8, 7, 3), 5, (2, 4), Padding=VALID),
    "conv same, even kernel": lambda n: conv(n, n.value(1, 8, 7, 3), 5, (2, 4), StrideH=3),
    "conv dilated": lambda n: conv(n, n.value(1, 9, 8, 3), 5, DilationHFactor=2, DilationWFactor=3),
    "conv without bias": lambda n: conv(n, n.value(1, 5, 5, 3), 5, bias=False),
    "conv of one scale": lambda n: conv(n, n.value(1, 5, 5, 3), 5, axis=None),
    "conv with dead channels": _dead,
    "conv in groups": lambda n: conv(n, n.value(1, 5, 5, 6), 4, groups=2),
    "conv of steep scales": lambda n: conv(n, n.value(1, 3, 3, 2, scale=3.0), 5, (1, 1)),
    "depthwise": lambda n: depthwise(n, n.value(1, 7, 6, 5)),
    "depthwise with a multiplier, stride 2": lambda n: depthwise(n, n.value(1, 8, 7, 3), 2, StrideH=2, StrideW=2),
    "depthwise dilated": lambda n: depthwise(n, n.value(1, 9, 8, 3), DilationHFactor=2, DilationWFactor=2),
    "depthwise of one channel": lambda n: depthwise(n, n.value(1, 6, 5, 1), 8),
    "linear": lambda n: linear(n, n.value(1, 40), 9),
    "linear without bias": lambda n: linear(n, n.value(1, 40), 9, bias=False),
    "linear by channel": lambda n: linear(n, n.value(1, 40), 9, axis=0),
    "linear behind flatten": _flatten,
    "linear of a map": lambda n: linear(n, n.value(1, 4, 3, 5), 9),
    "linear of each place": lambda n: linear(n, n.value(1, 6, 8), 5, keep=True),
    "add": binary("ADD", "AddOptions", FusedActivationFunction=0),
    "add with relu": binary("ADD", "AddOptions", FusedActivationFunction=RELU),
    "add of a channel's constant": constant_binary("ADD", "AddOptions", (4,), FusedActivationFunction=0),
    "add of a constant": constant_binary("ADD", "AddOptions", (1,), FusedActivationFunction=0),
    "add repeated": lambda n: _broadcast(n, "ADD", "AddOptions"),
    "sub": binary("SUB", "SubOptions", FusedActivationFunction=0),
    "sub of a constant": constant_binary("SUB", "SubOptions", (1, 1, 1, 4), FusedActivationFunction=0),
    "mul": binary("MUL", "MulOptions", FusedActivationFunction=0),
    "mul with relu6": binary("MUL", "MulOptions", FusedActivationFunction=RELU6),
    "mul by a gate": lambda n: _broadcast(n, "MUL", "MulOptions"),
    "mul by a constant": constant_binary("MUL", "MulOptions", (4,), FusedActivationFunction=0),
    "maximum": _same_scale("MAXIMUM"),
    "minimum": _same_scale("MINIMUM"),
    "max pool": lambda n: pool(n, n.value(1, 7, 6, 3), "MAX_POOL_2D", (2, 2), (2, 2), VALID, NONE),
    "max pool same": lambda n: pool(n, n.value(1, 7, 6, 3), "MAX_POOL_2D", (3, 3), (2, 2), SAME, RELU),
    "average pool": lambda n: pool(n, n.value(1, 7, 6, 3), "AVERAGE_POOL_2D", (3, 2), (2, 2), VALID, NONE),
    "average pool same": lambda n: pool(n, n.value(1, 7, 6, 3), "AVERAGE_POOL_2D", (3, 3), (2, 2), SAME, NONE),
    "average pool same with relu": lambda n: pool(
        n, n.value(1, 5, 5, 3), "AVERAGE_POOL_2D", (2, 2), (1, 1), SAME, RELU
    ),
    "average pool of the whole map": lambda n: pool(
        n, n.value(1, 8, 8, 6), "AVERAGE_POOL_2D", (8, 8), (1, 1), VALID, NONE
    ),
    "mean": lambda n: _mean(n, (1, 2), False),
    "mean kept": lambda n: _mean(n, (1, 2), True),
    "mean of rows": lambda n: _mean(n, (1,), False),
    "mean of channels": lambda n: _mean(n, (3,), True),
    "mean of a sequence": lambda n: _mean(n, (1,), False, (1, 9, 4)),
    "mean behind relu6": _relu6_mean,
    "mean of one scale": lambda n: _mean(n, (1, 2), False, same=True),
    "reduce max": lambda n: _reduce_max(n),
    "relu": unary("RELU"),
    "relu6": _relu6,
    "relu n1 to 1": unary("RELU_N1_TO_1"),
    "leaky relu": unary("LEAKY_RELU", "LeakyReluOptions", Alpha=0.13),
    "hard swish": unary("HARD_SWISH"),
    "logistic": unary("LOGISTIC", scale=1 / 256, zero=-128),
    "tanh": unary("TANH", scale=1 / 128, zero=0),
    "quantize": unary("QUANTIZE"),
    "prelu": _prelu,
    "concatenation of channels": lambda n: _concatenation(n, 3),
    "concatenation of rows": lambda n: _concatenation(n, 1),
    "concatenation of columns": lambda n: _concatenation(n, 2),
    "pad": lambda n: _pad(n, [[0, 0], [1, 2], [0, 3], [0, 0]], then=False),
    "pad of channels": lambda n: _pad(n, [[0, 0], [0, 1], [1, 0], [1, 2]], then=False),
    "pad with a number": lambda n: _pad(n, [[0, 0], [1, 2], [0, 3], [0, 0]], then=True, fill=True),
    "pad before a convolution": lambda n: _pad(n, [[0, 0], [0, 1], [0, 1], [0, 0]], then=True),
    "split of channels": lambda n: _split(n, 3),
    "split of rows": lambda n: _split(n, 1),
    "strided slice": lambda n: _strided_slice(n, [0, 1, 0, 0], [1, 6, 5, 4], [1, 2, 1, 3], [1, 3, 5, 2]),
    "strided slice by masks": lambda n: _strided_slice(
        n, [0, 0, 4, 0], [0, 0, -5, 2], [1, 1, -2, 1], [1, 6, 2, 2], BeginMask=3, EndMask=3
    ),
    "strided slice of an element": lambda n: _strided_slice(
        n, [0, 2, 0, 0], [0, 3, 0, 0], [1, 1, 1, 1], [1, 5, 4], BeginMask=13, EndMask=13, ShrinkAxisMask=2
    ),
    "slice": _slice,
    "transpose": lambda n: _transpose(n, [0, 2, 1, 3]),
    "transpose of channels": lambda n: _transpose(n, [0, 3, 1, 2]),
    "channel shuffle": _shuffle,
    "squeeze and expand": _squeeze,
    "resize": lambda n: _resize(n, (8, 10)),
    "resize by halves": lambda n: _resize(n, (8, 15), centres=True),
    "resize with corners": lambda n: _resize(n, (7, 9), corners=True),
    "transpose conv": lambda n: _transpose_conv(n, (3, 3), (2, 2), SAME, True),
    "transpose conv valid": lambda n: _transpose_conv(n, (3, 2), (2, 3), VALID, False),
    "transpose conv even": lambda n: _transpose_conv(n, (4, 4), (2, 2), SAME, True),
    "transpose conv, stride 1": lambda n: _transpose_conv(n, (3, 3), (1, 1), SAME, True),
    "depth to space": lambda n: _blocks(n, "DEPTH_TO_SPACE"),
    "space to depth": lambda n: _blocks(n, "SPACE_TO_DEPTH"),
    "dilated by blocks": _dilated,
    "softmax": lambda n: _softmax(n, (1, 10)),
    "softmax of many": lambda n: _softmax(n, (1, 300), 0.7),
    "softmax of a map": lambda n: _softmax(n, (1, 4, 3, 5)),
}
