"""Operators with learned weights, as the layers of torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .build import Build, Value, to_tensor
from .file import Array, Refused
from .network import Operation
from .windows import Sides, pads_of

_CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, Any] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_NORMS = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_INSTANCE = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


def convolve(b: Build) -> Value:
    """Conv."""
    x, weight = b.value(), _weight(b)
    axes = weight.ndim - 2
    if axes not in _CONVOLUTIONS or x.rank != weight.ndim:
        raise Refused(f"convolves over {axes} axes a value with {x.rank - 2}; 1 to 3 are read")
    stride, dilation = b.ints("strides") or [1] * axes, b.ints("dilations") or [1] * axes
    groups = int(b.node.get("group", 1))
    x, pads = padded_by_a_node(b, x, pads_of(b.node, x.shape[2:], weight.shape[2:], stride, dilation))
    x, padding = even(b, x, pads)
    module = _CONVOLUTIONS[axes](
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2:],
        stride,
        padding,
        dilation,
        groups,
        b.has(2),
    )
    _set(b, module, weight)
    return b.layer(module, x)


def convolve_transposed(b: Build) -> Value:
    """ConvTranspose; what the file cuts off unevenly is cut off behind."""
    x, weight = b.value(), _weight(b)
    axes = weight.ndim - 2
    if axes not in _TRANSPOSED or x.rank != weight.ndim:
        raise Refused(f"convolves over {axes} axes a value with {x.rank - 2}; 1 to 3 are read")
    stride, dilation = b.ints("strides") or [1] * axes, b.ints("dilations") or [1] * axes
    more, groups = b.ints("output_padding") or [0] * axes, int(b.node.get("group", 1))
    full = [
        (n - 1) * s + (k - 1) * d + 1 + m
        for n, s, k, d, m in zip(x.shape[2:], stride, weight.shape[2:], dilation, more, strict=True)
    ]
    wanted = b.ints("output_shape")
    same = b.node.get("auto_pad", "NOTSET")
    if same in ("SAME_UPPER", "SAME_LOWER") and wanted is None:
        wanted = [n * s for n, s in zip(x.shape[2:], stride, strict=True)]
    if wanted is None:
        pads = pads_of(b.node, x.shape[2:], weight.shape[2:], stride, dilation)
    else:
        cut = [max(f - w, 0) for f, w in zip(full, wanted[-axes:], strict=True)]
        halves = [c // 2 for c in cut] if same == "SAME_UPPER" else [c - c // 2 for c in cut]
        pads = [(h, c - h) for h, c in zip(halves, cut, strict=True)]
    padding = [min(before, after) for before, after in pads]
    module = _TRANSPOSED[axes](
        weight.shape[0], weight.shape[1] * groups, weight.shape[2:], stride, padding, more, groups, b.has(2), dilation
    )
    _set(b, module, weight)
    y = b.layer(module, x)
    rest = [(before - p, after - p) for (before, after), p in zip(pads, padding, strict=True)]
    if not any(map(any, rest)):
        return y
    inner = tuple(slice(before, n - after) for (before, after), n in zip(rest, y.shape[2:], strict=True))
    return b.emit(lambda v: v[(..., *inner)], y)


def product(b: Build) -> Value:
    """MatMul: a linear layer where the right side is a constant matrix."""
    x = b.given(0)
    if isinstance(x, Value) and not isinstance(b.given(1), Value):
        weight = _weight(b)
        if weight.ndim == 2:
            return _linear(b, x, weight.T, None)
        return b.emit(_constant_product(weight), b.value())
    if not isinstance(x, Value):
        raise Refused("multiplies a constant matrix by the network's values; only the right side may be constant")
    return b.emit(torch.matmul, b.value(0), b.value(1))


def _constant_product(weight: Array) -> nn.Module:
    return Operation(torch.matmul, to_tensor(weight))


def gemm(b: Build) -> Value:
    """Gemm: a linear layer."""
    if b.node.get("transA", 0):
        raise Refused("transposes its input; a linear layer takes (batch, features)")
    weight = _weight(b) * np.float32(b.node.get("alpha", 1.0))
    bias = b.constant(2)
    if bias is not None:
        bias = bias * np.float32(b.node.get("beta", 1.0))
    x = b.given(0)
    assert isinstance(x, Value)
    return _linear(b, x, weight if b.node.get("transB", 0) else weight.T, bias)


def _linear(b: Build, x: Value, weight: Array, bias: Array | None) -> Value:
    """weight: (outputs, inputs), the inputs in the file's order."""
    if weight.ndim != 2 or weight.shape[1] != x.shape[-1]:
        raise Refused(f"multiplies {x.shape[-1]} values by a matrix of {weight.shape[::-1]}")
    if x.rows is not None:  # torch's element rows[i] is the file's i
        weight = weight[:, np.argsort(x.rows)]
    outputs, inputs = weight.shape
    channels_last = x.rows is None and x.rank > 2 and x.axes == (0, *range(2, x.rank), 1)
    module: nn.Module
    if channels_last and x.rank - 2 in _CONVOLUTIONS:  # one matrix for every place: a 1×1 convolution
        module = _CONVOLUTIONS[x.rank - 2](inputs, outputs, 1, bias=bias is not None)
        weight = weight.reshape(outputs, inputs, *[1] * (x.rank - 2))
    else:
        x = x if x.rows is not None else b.materialized(x)
        module = nn.Linear(inputs, outputs, bias=bias is not None)
    module.weight = b.parameter(1, weight)
    if bias is not None:
        if bias.size not in (1, outputs):
            raise Refused(f"adds {bias.size} numbers to {outputs} outputs")
        module.bias = nn.Parameter(to_tensor(np.broadcast_to(bias.reshape(-1), (outputs,))))
    return b.layer(module, x, axes=x.axes if channels_last else None)


def batch_norm(b: Build) -> Value:
    """BatchNormalization, by its running statistics."""
    x = b.value()
    if b.node.get("training_mode", 0) or x.rank - 2 not in _NORMS or x.rank < 2:
        raise Refused("normalises by the statistics of the batch; export the network in evaluation mode")
    scale, shift, mean, variance = (_vector(b, place) for place in (1, 2, 3, 4))
    module = _NORMS[x.rank - 2](len(scale), eps=float(b.node.get("epsilon", 1e-5)))
    if (variance.numpy() < 0).any() or not torch.isfinite(variance).all():
        raise Refused("has a variance that is negative or no number")
    module.weight, module.bias = b.parameter(1, scale.numpy()), nn.Parameter(shift)
    module.running_mean, module.running_var = mean, variance
    return b.layer(module, x)


def instance_norm(b: Build) -> Value:
    """InstanceNormalization."""
    x = b.value()
    scale, shift = _vector(b, 1), _vector(b, 2)
    if x.rank - 2 not in _INSTANCE:
        raise Refused("normalises a value without places")
    module = _INSTANCE[x.rank - 2](len(scale), eps=float(b.node.get("epsilon", 1e-5)), affine=True)
    module.weight, module.bias = nn.Parameter(scale), nn.Parameter(shift)
    return b.layer(module, x)


def group_norm(b: Build) -> Value:
    """GroupNormalization, whose weights were one a group before opset 21."""
    x = b.value()
    groups = int(b.node.get("num_groups", 1))
    scale, shift = _vector(b, 1), _vector(b, 2)
    channels = x.shape[1]
    if len(scale) != channels:
        scale, shift = (v.repeat_interleave(channels // max(len(v), 1)) for v in (scale, shift))
    module = nn.GroupNorm(groups, channels, eps=float(b.node.get("epsilon", 1e-5)))
    module.weight, module.bias = nn.Parameter(scale), nn.Parameter(shift)
    return b.layer(module, x)


def layer_norm(b: Build) -> Value:
    """LayerNormalization over the last axes."""
    x, weight = b.value(), _weight(b)
    axis = b.axis(int(b.node.get("axis", -1)), x.rank)
    module = nn.LayerNorm(x.shape[axis:], eps=float(b.node.get("epsilon", 1e-5)), bias=b.has(2))
    module.weight = nn.Parameter(to_tensor(np.broadcast_to(weight, x.shape[axis:])))
    if b.has(2):
        shift = b.constant(2)
        assert shift is not None
        module.bias = nn.Parameter(to_tensor(np.broadcast_to(shift, x.shape[axis:])))
    return b.layer(module, x)


def prelu(b: Build) -> Value:
    """PRelu, of one slope or one a channel."""
    slope, x = b.constant(1), b.value(plain=False)
    if slope is None:
        raise Refused("has no slope")
    sizes = [tuple(n if axis == 1 else 1 for axis in range(x.rank)) for n in (x.at[0].shape[1], 1)]
    if _placed(x, slope).shape not in sizes:
        raise Refused("has another slope for each place; one for all or one for each channel is read")
    module = nn.PReLU(slope.size)
    module.weight = nn.Parameter(to_tensor(slope.reshape(-1)))
    return b.layer(module, x, axes=x.axes)


def scaled(b: Build, x: Value, scale: Array | None, shift: Array | None) -> Value:
    """x·scale + shift, an array of constants each, which broadcast to the file's axes of x.

    One number a channel becomes part of the layer before it, if nobody else reads that, or a 1×1 depthwise one.
    """
    x = b.materialized(x) if x.rows is not None else x
    wide = [None if array is None else _placed(x, array) for array in (scale, shift)]
    axis = x.rank - 1 if isinstance(x.maker, nn.Linear) else 1
    count = x.at[0].shape[axis] if x.rank > 1 else 0
    sizes = [tuple(n if i == axis else 1 for i in range(x.rank)) for n in (count, 1)]
    if not count or any(array is not None and array.shape not in sizes for array in wide):
        return _with_constants(b, x, *wide)
    a, c = (None if v is None else to_tensor(np.broadcast_to(v.reshape(-1), (count,))) for v in wide)
    if _absorbed(b, x, a, c):
        return x
    if axis != 1 or x.rank - 2 not in _CONVOLUTIONS:
        return _with_constants(b, x, *wide)
    module = _CONVOLUTIONS[x.rank - 2](count, count, 1, groups=count)
    assert module.bias is not None
    module.weight.data = (torch.ones(count) if a is None else a).reshape(module.weight.shape)
    module.bias.data = torch.zeros(count) if c is None else c
    return b.emit(module, x, axes=x.axes)


def _placed(x: Value, array: Array) -> Array:
    """An array with the axes that torch has of x."""
    if array.ndim > x.rank:
        raise Refused(f"combines values with {x.rank} axes with a constant of {array.ndim}")
    return array.reshape((1,) * (x.rank - array.ndim) + array.shape).transpose(np.argsort(x.axes))


def _with_constants(b: Build, x: Value, scale: Array | None, shift: Array | None) -> Value:
    for function, array in ((torch.mul, scale), (torch.add, shift)):
        if array is not None:
            x = b.emit(Operation(function, to_tensor(array)), x, axes=x.axes)
    return x


def _absorbed(b: Build, x: Value, scale: Tensor | None, shift: Tensor | None) -> bool:
    """Whether the layer that made x took them into its weights."""
    maker = x.maker
    if not isinstance(maker, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear) or b.readers(maker) > 1:
        return False
    with torch.no_grad():
        if scale is not None:
            maker.weight = nn.Parameter(maker.weight * scale.reshape(-1, *[1] * (maker.weight.dim() - 1)))
            if maker.bias is not None:
                maker.bias = nn.Parameter(maker.bias * scale)
        if shift is not None:
            maker.bias = nn.Parameter(shift.clone() if maker.bias is None else maker.bias + shift)
    return True


def padded_by_a_node(b: Build, x: Value, pads: list[Sides]) -> tuple[Value, list[Sides]]:
    """Take zeros that a Pad before this node puts around x into its own padding, if nobody else reads them."""
    found = b.pads.get(x.key)
    if found is None or b.readers(x.maker) > 1:
        return x, pads
    before, sides = found
    return before, [(p + q, r + s) for (p, r), (q, s) in zip(pads, sides, strict=True)]


def even(b: Build, x: Value, pads: list[Sides]) -> tuple[Value, list[int]]:
    """Padding as torch's layers take it, the same on both sides; what is not, is put around x by itself."""
    if all(before == after for before, after in pads):
        return x, [before for before, _ in pads]
    return b.emit(border(pads), x, path=f"{b.path}.pad"), [0] * len(pads)


def border(pads: list[Sides], value: float = 0.0) -> Callable[[Tensor], Tensor]:
    """Puts `value` around the last axes; a negative padding cuts off."""
    flat = [n for sides in reversed(pads) for n in sides]
    return lambda x: F.pad(x, flat, value=value)


def _weight(b: Build) -> Array:
    weight = b.constant(1)
    if weight is None:
        raise Refused("has no weight")
    return weight.astype(np.float32)


def _vector(b: Build, place: int) -> Tensor:
    values = b.constant(place)
    if values is None or values.ndim != 1:
        raise Refused(f"its input {place} is not one number for each channel")
    return to_tensor(values)


def _set(b: Build, module: Any, weight: Array) -> None:
    module.weight = b.parameter(1, weight)
    if b.has(2):
        module.bias = nn.Parameter(_vector(b, 2))
