"""Operators that a training step on a CPU computes faster than the library does, with the same results.

Three of them cost MicroBotNet, whose maps are small and many, half of its step:

- the weight gradient of a depthwise convolution of 5×5 or more on a small map. On processors without AVX-512 the
  library's takes longer than the rest of the step. The products of every input pixel with every output pixel, summed
  over the batch, are one small matrix product per channel; the gradient of each tap is the sum of those that the tap
  connects;
- a 1×1 convolution on a map of 4×4 or less, which is one matrix product of the pixels as they lie in memory;
- the global average, whose gradient the library writes out for every pixel.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import handle_torch_function, has_torch_function

# Input pixels; above them the library is as fast.
_LARGEST_DEPTHWISE, _LARGEST_POINTWISE = 64, 16

_library_conv2d, _library_pool = F.conv2d, F.adaptive_avg_pool2d


@contextmanager
def faster_on_cpu() -> Iterator[None]:
    """Within this context the functions of `torch.nn.functional` take the short ways above where they apply.

    They apply to float32 on a CPU outside autocast. Everything else goes to the library.
    """
    F.conv2d, F.adaptive_avg_pool2d = (
        _whole(_conv2d, _library_conv2d),
        _whole(_adaptive_avg_pool2d, _library_pool),
    )
    try:
        yield
    finally:
        F.conv2d, F.adaptive_avg_pool2d = _library_conv2d, _library_pool


@lru_cache
def multiplies_bfloat16() -> bool:
    """Whether this machine's processor has instructions for it; without them bfloat16 is slower than float32."""
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _whole(function: Callable[..., Tensor], library: Any) -> Callable[..., Tensor]:
    """`function`, seen by modes that watch torch's functions as one call of `library`, whatever it calls in turn."""

    @wraps(library)
    def call(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if has_torch_function((x,)):
            return handle_torch_function(call, (x,), x, *args, **kwargs)
        return function(x, *args, **kwargs)

    return call


def _plain(*tensors: Tensor) -> bool:
    return all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors) and not torch.is_autocast_enabled(
        "cpu"
    )


def _conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    pixels, kernel = x.shape[-2:].numel(), weight.shape[2:]
    if x.ndim == 4 and kernel[0] == kernel[1] and pixels <= _LARGEST_DEPTHWISE and _plain(x, weight):
        steps, border = _both(stride), _both(padding)
        if groups == len(weight) == x.shape[1] > 1 and kernel[0] > 3:
            if bias is None and steps is not None and border is not None and _both(dilation) == 1:
                return _DepthwiseConv2d.apply(x, weight, steps, border)  # type: ignore[no-any-return, no-untyped-call]
        elif (
            kernel[0] == steps == groups == 1 and border == 0 and pixels <= _LARGEST_POINTWISE
            and x.is_contiguous(memory_format=torch.channels_last)
        ):  # fmt: skip
            return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)
    return _library_conv2d(x, weight, bias, stride, padding, dilation, groups)


def _adaptive_avg_pool2d(x: Tensor, output_size: Any) -> Tensor:
    if x.ndim == 4 and _both(output_size) == 1 and _plain(x):
        return x.sum((2, 3), keepdim=True) / x.shape[-2:].numel()
    return _library_pool(x, output_size)


def _both(value: Any) -> int | None:
    """The number that holds for both axes, or None where they differ or it is a word."""
    if isinstance(value, int):
        return value
    return value[0] if not isinstance(value, str) and value[0] == value[-1] else None


@lru_cache
def _taps(height: int, width: int, kernel: int, stride: int, padding: int) -> Tensor:
    """(input pixels · output pixels, kernel²) float32: 1 where a tap connects the two pixels."""
    taps = torch.eye(kernel * kernel).reshape(kernel * kernel, 1, kernel, kernel)
    pixels = torch.eye(height * width).reshape(height * width, 1, height, width)
    connected = _library_conv2d(pixels, taps, stride=stride, padding=padding)
    return connected.permute(0, 2, 3, 1).reshape(-1, kernel * kernel)


def _by_channel(x: Tensor) -> Tensor:
    """(B, C, H, W) to (C, B, H · W); from channels-last memory it is one matrix transposed, the fastest of copies."""
    batch, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).reshape(-1, channels).t().contiguous().reshape(channels, batch, height * width)


class _DepthwiseConv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return _library_conv2d(x, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs
        x, weight = ctx.saved_tensors
        channels, (height, width) = len(weight), x.shape[2:]
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            stride, padding = [ctx.stride] * 2, [ctx.padding] * 2
            grad_x, _, _ = torch.ops.aten.convolution_backward(
                grad, x, weight, None, stride, padding, [1, 1], False, [0, 0], channels, [True, False, False]
            )
        if ctx.needs_input_grad[1]:
            products = torch.bmm(_by_channel(x).mT, _by_channel(grad)).reshape(channels, -1)
            taps = _taps(height, width, weight.shape[-1], ctx.stride, ctx.padding)
            grad_weight = torch.empty_like(weight).copy_((products @ taps).reshape(weight.shape))
        return grad_x, grad_weight, None, None
