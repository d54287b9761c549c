"""Weight gradients of depthwise convolutions on small maps, by matrix products.

On processors without AVX-512 the library's own weight gradient of a 5×5 depthwise convolution takes
longer than the rest of MicroBotNet's training step together. Where the map is small, the products of every
input pixel with every output pixel, summed over the batch, are one small matrix product per channel; the
gradient of each tap is the sum of those that the tap connects.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

LARGEST_MAP = 64  # input pixels; above it the library's gradient is as fast


@lru_cache
def _taps(height: int, width: int, kernel: int, stride: int, padding: int) -> Tensor:
    """(input pixels · output pixels, kernel²) float32: 1 where a tap connects the two pixels."""
    taps = torch.eye(kernel * kernel).reshape(kernel * kernel, 1, kernel, kernel)
    pixels = torch.eye(height * width).reshape(height * width, 1, height, width)
    return F.conv2d(pixels, taps, stride=stride, padding=padding).permute(0, 2, 3, 1).reshape(-1, kernel * kernel)


class _DepthwiseConv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs
        x, weight = ctx.saved_tensors
        batch, channels, height, width = x.shape
        stride, padding = [ctx.stride] * 2, [ctx.padding] * 2
        grad_x, _, _ = torch.ops.aten.convolution_backward(
            grad, x, weight, None, stride, padding, [1, 1], False, [0, 0], channels, [True, False, False]
        )
        inputs = x.permute(1, 2, 3, 0).contiguous().reshape(channels, height * width, batch)
        outputs = grad.permute(1, 0, 2, 3).contiguous().reshape(channels, batch, -1)
        products = torch.bmm(inputs, outputs).reshape(channels, -1)
        grad_weight = products @ _taps(height, width, weight.shape[-1], ctx.stride, ctx.padding)
        return grad_x, torch.empty_like(weight).copy_(grad_weight.reshape(weight.shape)), None, None


def _both(value: Any) -> int | None:
    """The stride, padding or dilation of both axes, or None where they differ or it is a word."""
    if isinstance(value, int):
        return value
    return value[0] if not isinstance(value, str) and value[0] == value[-1] else None


class FastDepthwiseGradient(TorchFunctionMode):
    """Within this context, square float32 depthwise convolutions on small CPU maps get the gradient above."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.conv2d and not kwargs and len(args) == 7 and not torch.is_autocast_enabled("cpu"):
            x, weight, bias, *geometry, groups = args
            stride, padding, dilation = map(_both, geometry)
            if (
                groups == len(weight) == x.shape[1] > 1
                and weight.shape[2] == weight.shape[3] > 3
                and x.shape[2] * x.shape[3] <= LARGEST_MAP
                and stride is not None and padding is not None and dilation == 1
                and bias is None and x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
            ):  # fmt: skip
                return _DepthwiseConv2d.apply(x, weight, stride, padding)  # type: ignore[no-untyped-call]
        return func(*args, **(kwargs or {}))
