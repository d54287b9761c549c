"""Operators of a training step in C (`kernels/`), compiled on this machine, with their gradients.

They take float32 tensors with channels last and compute with one thread. Sums of floats are taken in blocks, those of
blocks in doubles, so that results are at least as exact as the library's, and the same in every run on a machine. Here
are those that stand alone; `chain.py` has those that work together.
"""

import ctypes
import warnings
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor

from ..compiled import Library

ACTIVATIONS = ("none", "relu", "relu6", "hardswish")  # in the order of the enum in kernels/vectors.h

_LANES = 16  # the most, see kernels/vectors.h
MOST_CHANNELS = 2048  # the kernels have some arrays of so many on the stack
LARGEST_MAP, LARGEST_KERNEL = 1024, 7  # pixels; a picture's larger maps do not stay in the cache

_POINTER, _SIZE, _INT, _DOUBLE = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_double
_ARGUMENTS = {
    "lanes": [],
    "norm_forward": [_POINTER] * 2 + [_SIZE] * 3 + [_POINTER] * 4 + [_DOUBLE] * 2 + [_POINTER, _INT],
    "norm_backward": [_POINTER] * 3 + [_SIZE] * 3 + [_POINTER] * 3 + [_INT],
    "chain_room": [_POINTER, _SIZE, _POINTER, _POINTER],
    "chain_forward": [_POINTER, _SIZE, _POINTER],
    "chain_backward": [_POINTER, _SIZE, _POINTER, _POINTER],
    "quantize_weights": [_POINTER, _SIZE],
    "quantize_weights_backward": [_POINTER, _SIZE],
}


def in_use() -> bool:
    """Whether a compiler works here and torch computes with one thread."""
    return torch.get_num_threads() == 1 and library() is not None


@lru_cache
def library() -> Any:
    """The functions of `kernels/`, compiled; None where no compiler works.

    Warns:
        RuntimeWarning: none does; a training step takes half as long again with PyTorch's own functions.
    """
    folder = files(__package__) / "kernels"
    sources = {entry.name: entry.read_text("utf-8") for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)}
    what = sha256("\n".join(sources.values()).encode()).hexdigest()
    made = Library(what, lambda command: sources, ["-ffp-contract=fast", "-fno-math-errno"]).load()
    if made is None:
        warnings.warn(
            "no C compiler works here (cc, or ziglang from pip): training takes half as long again",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    _, library = made
    for name, arguments in _ARGUMENTS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, ctypes.c_int
    return library


def _has_pixels_last(x: Tensor) -> bool:
    return x.ndim == 4 and x.numel() > 0 and x.is_contiguous(memory_format=torch.channels_last)


def _with_channels_last(grad: Tensor) -> Tensor:
    return grad.contiguous(memory_format=torch.channels_last)


def _row(channels: int) -> int:
    """The floats of the one pixel or two that make whole vectors."""
    return channels if channels % _LANES == 0 else 2 * channels


def normalises(x: Tensor) -> bool:
    """Whether `batch_norm` takes a tensor of that shape and layout."""
    return (
        _has_pixels_last(x) and x.shape[1] % (_LANES // 2) == 0 and x.shape[1] <= MOST_CHANNELS
        and x.numel() > x.shape[1] and x.numel() % _row(x.shape[1]) == 0
    )  # fmt: skip


def batch_norm(
    x: Tensor, running_mean: Tensor, running_var: Tensor, weight: Tensor, bias: Tensor, momentum: float, eps: float,
    activation: str = "none",
) -> Tensor:  # fmt: skip
    """`F.batch_norm` in training, and then one of `ACTIVATIONS`, whose input is computed again in the backward pass.

    x: (B, C, H, W), see `normalises`; the others (C,); all float32. The running statistics are changed.
    """
    return _BatchNorm.apply(  # type: ignore[no-any-return, no-untyped-call]
        x, weight, bias, running_mean, running_var, momentum, eps, ACTIVATIONS.index(activation)
    )


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, running_mean: Tensor, running_var: Tensor, momentum: float,
        eps: float, activation: int,
    ) -> Tensor:  # fmt: skip
        channels = x.shape[1]
        row = _row(channels)
        y, statistics = torch.empty_like(x), x.new_empty(4, row)
        library().norm_forward(
            x.data_ptr(), y.data_ptr(), x.numel() // row, row, channels, weight.data_ptr(), bias.data_ptr(),
            running_mean.data_ptr(), running_var.data_ptr(), momentum, eps, statistics.data_ptr(), activation,
        )  # fmt: skip
        ctx.save_for_backward(x, statistics)
        ctx.activation = activation
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        grad = _with_channels_last(grad_outputs[0])
        x, statistics = ctx.saved_tensors
        channels, row = x.shape[1], statistics.shape[1]
        grad_x, (grad_weight, grad_bias) = torch.empty_like(x), x.new_empty(2, channels).unbind()
        library().norm_backward(
            x.data_ptr(), grad.data_ptr(), grad_x.data_ptr(), x.numel() // row, row, channels, statistics.data_ptr(),
            grad_weight.data_ptr(), grad_bias.data_ptr(), ctx.activation,
        )  # fmt: skip
        return grad_x, grad_weight, grad_bias, None, None, None, None, None
