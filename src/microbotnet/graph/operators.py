"""ATen's operators in the field's words, and what a node of each kind says about itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from torch import Tensor

from .graph import Shape

# The field's word for ATen's names (without the trailing _ of in-place forms).
WORDS = {
    "conv": ("conv1d", "conv2d", "conv3d"),
    "conv_transpose": ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    "matmul": ("matmul", "mm", "bmm", "addmm"),
    "avg_pool": tuple(f"{how}avg_pool{axes}d" for how in ("", "adaptive_") for axes in (1, 2, 3)),
    "max_pool": tuple(f"{how}max_pool{axes}d" for how in ("", "adaptive_") for axes in (1, 2, 3)),
    "concat": ("cat", "concat", "concatenate", "stack"),
    "reshape": ("view", "reshape", "squeeze", "unsqueeze", "unflatten", "view_as"),
    "transpose": ("permute", "transpose", "t", "movedim", "channel_shuffle", "pixel_shuffle"),
    "slice": ("slice", "select", "narrow", "chunk", "split", "split_with_sizes", "unbind"),
    "sign": ("sign", "copysign"),
    "compare": ("eq", "ne", "ge", "gt", "le", "lt"),
    "copy": ("copy", "fill", "zero"),
    "pad": ("pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d"),
    "upsample": ("upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d"),
}
SAME_WORD = """
    linear batch_norm layer_norm group_norm instance_norm flatten mean sum
    relu relu6 hardtanh clamp leaky_relu prelu elu selu gelu mish softplus
    hardswish hardsigmoid sigmoid silu tanh softmax log_softmax
    add sub rsub mul div maximum minimum abs neg sqrt rsqrt exp pow where
"""
KINDS = {name: kind for kind, names in WORDS.items() for name in names} | {name: name for name in SAME_WORD.split()}
# In a trained network these hand on their input; they leave no node.
IDENTITIES = {"dropout", "feature_dropout", "alpha_dropout", "contiguous", "clone", "detach", "alias", "to", "_to_copy"}
IDENTITIES |= {"lift_fresh", "type_as", "float", "expand", "expand_as"}
# Leave no node where the shape stays.
VIEWS = {"slice", "reshape", "flatten"}
# Ask for the values of a tensor.
VALUES = {"item", "_local_scalar_dense", "is_nonzero", "equal", "nonzero"}


@dataclass
class Description:
    """What a node says beside its name and place: its kind, its fields, the constant tensors it uses by role."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, Tensor | None] = field(default_factory=dict)


def describe(
    op: str, named: dict[str, Any], given: list[Tensor], made: Tensor, learned: Callable[[Tensor], bool]
) -> Description:
    """Describe one call.

    Args:
        op: ATen's name.
        named: the call's arguments.
        given: the tensors among them that depend on the picture.
        made: the tensor it returned.
        learned: whether a tensor is, or is computed from, parameters and buffers and not from the picture.
    """
    first = given[0]
    kind = KINDS.get(op, op)
    axes = max(first.dim() - 2, 0)
    if kind in ("conv", "conv_transpose"):
        return _convolution(kind, named, first, axes)
    if kind in ("linear", "batch_norm", "layer_norm", "group_norm", "instance_norm"):
        fields = {"in_channels": first.shape[-1]} if kind == "linear" else {}
        return Description(kind, fields, {"weight": named["weight"], "bias": named["bias"]})
    if kind == "matmul":
        return _product(named, given)
    if kind in ("avg_pool", "max_pool"):
        if "kernel_size" not in named:  # adaptive
            return Description(
                kind, _window(tuple(a // b for a, b in zip(first.shape[2:], made.shape[2:], strict=True)))
            )
        kernel = _each(named["kernel_size"], axes)
        stride = _each(named["stride"], axes) if named["stride"] else kernel
        return Description(kind, _window(kernel) | {"stride": stride, "padding": _each(named["padding"], axes)})
    if kind == "mean" and axes and made.numel() * prod(first.shape[2:]) == first.numel():
        return Description("avg_pool", _window(tuple(first.shape[2:])))
    if kind in ("hardtanh", "clamp"):
        bounds = named.get("min_val", named.get("min")), named.get("max_val", named.get("max"))
        kind = "relu" if bounds == (0, None) else "relu6" if bounds == (0, 6) else "clamp"
    weight = next((value for value in named.values() if isinstance(value, Tensor) and learned(value)), None)
    return Description(kind, {}, {"weight": weight})


def _convolution(kind: str, named: dict[str, Any], first: Tensor, axes: int) -> Description:
    weight: Tensor = named["weight"]
    kernel, dilation, padding = tuple(weight.shape[2:]), _each(named["dilation"], axes), named["padding"]
    if padding == "same":
        padding = [gap * (k - 1) // 2 for gap, k in zip(dilation, kernel, strict=True)]
    channels = first.shape[1]
    fields = {
        "kernel": kernel,
        "stride": _each(named["stride"], axes),
        "padding": _each(0 if padding == "valid" else padding, axes),
        "dilation": dilation,
        "groups": named["groups"],
        "in_channels": channels,
    }
    depthwise = kind == "conv" and named["groups"] == channels > 1
    return Description("depthwise_conv" if depthwise else kind, fields, {"weight": weight, "bias": named["bias"]})


def _product(named: dict[str, Any], given: list[Tensor]) -> Description:
    """A matrix product; one by a constant matrix is a linear layer."""
    bias = named["self"] if "mat1" in named else None
    left = named["mat1"] if "mat1" in named else named["self"]
    right = named["other"] if "other" in named else named["mat2"]
    fields = {"in_channels": left.shape[-1]}
    constant = [factor for factor in (left, right) if not any(factor is tensor for tensor in given)]
    if not constant:
        return Description("matmul", fields)
    return Description("linear", fields, {"weight": constant[0], "bias": bias})


def _window(kernel: Shape) -> dict[str, Shape]:
    return {"kernel": kernel, "stride": kernel, "padding": (0,) * len(kernel)}


def _each(value: int | Sequence[int], axes: int) -> Shape:
    """One value per spatial axis."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * axes if len(values) == 1 else values
