"""The quantized weights of a network, computed together by one function in C (`kernels/weights.c`)."""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..quant.parametrize import computed_once
from ..quant.ternary import TWN, Absmean, OneNegativeOne
from ..quant.ttq import TTQ
from ..quant.uniform import Uniform
from . import native

_SIGNS, _SCALED_SIGNS, _ABSMEAN, _UNIFORM, _TTQ = range(5)  # in the order of the enum in kernels/weights.c


class _Kernel(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("rule", "by_mean")),
        ("share", ctypes.c_float),
        *((name, ctypes.c_size_t) for name in ("rows", "row")),
        *((name, ctypes.c_void_p) for name in ("weight", "to", "positive", "negative", "cutoff")),
    ]


class _Gradient(ctypes.Structure):
    _fields_ = [
        ("direction", ctypes.c_float),
        ("size", ctypes.c_size_t),
        *((name, ctypes.c_void_p) for name in ("cutoff", "weight", "positive", "negative", "grad")),
        *((name, ctypes.c_void_p) for name in ("to", "grad_positive", "grad_negative")),
    ]


class QuantizedWeights:
    """The weights of layers whose `weight` has a quantizer.

    One call makes those of the quantizers of `quant.ternary`, `quant.ttq` and `quant.uniform` on float32 kernels on the
    CPU, where a C compiler works and torch computes with one thread; the others are computed one after the other. Which
    is which is settled when this is made.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self.layers = layers
        self.taken: list[Any] = [layer for layer in layers if _is_taken(layer)]
        self.lists = [layer.parametrizations.weight for layer in self.taken]
        self.quantizers = [listed[0] for listed in self.lists]

    @contextmanager
    def computed(self) -> Iterator[None]:
        """As `computed_once`: within the context each is computed once, at its beginning."""
        with parametrize.cached():
            if self.taken and native.in_use():
                kernels = [listed.original for listed in self.lists]
                scales = [s for q in self.quantizers if type(q) is TTQ for s in (q.positive, q.negative)]
                weights = _Quantized.apply(self.quantizers, *kernels, *scales)  # type: ignore[no-untyped-call]
                for layer, weight in zip(self.taken, weights, strict=True):
                    parametrize._cache[id(layer), "weight"] = weight
            with computed_once(self.layers):
                yield


def _is_taken(layer: Any) -> bool:
    listed = layer.parametrizations.weight
    quantizer, weight = listed[0], listed.original
    watched = any(m._forward_hooks or m._forward_pre_hooks for m in (listed, quantizer))
    return (
        len(listed) == 1 and not watched and _rule(quantizer) is not None
        and weight.device.type == "cpu" and weight.dtype == torch.float32 and weight.numel() > 0
        and (weight.is_contiguous() or (weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last)))
    )  # fmt: skip


def _rule(quantizer: nn.Module) -> tuple[int, bool, float] | None:
    """Its number in C, whether its cutoff goes by the mean, and which share that is."""
    if type(quantizer) is OneNegativeOne:
        rule = _SCALED_SIGNS if quantizer.scaled else _SIGNS
        return rule, quantizer.measure == "mean", quantizer.threshold
    if type(quantizer) is TWN:
        return _SCALED_SIGNS, True, quantizer.threshold
    if type(quantizer) is Absmean:
        return _ABSMEAN, True, 0.0
    if type(quantizer) is Uniform:
        return _UNIFORM, False, 2 ** (quantizer.bits - 1) - 1
    if type(quantizer) is TTQ:
        return _TTQ, quantizer.measure == "mean", quantizer.threshold
    return None


class _Quantized(torch.autograd.Function):
    """From full-precision kernels, and then the scales of those that learn any, to quantized kernels."""

    @staticmethod
    def forward(ctx: Any, quantizers: list[Any], *tensors: Tensor) -> tuple[Tensor, ...]:
        kernels, scales = tensors[: len(quantizers)], tensors[len(quantizers) :]
        made = tuple(map(torch.empty_like, kernels))
        ctx.directions = [_direction(quantizer) for quantizer in quantizers]
        cutoffs, pairs = kernels[0].new_empty(len(kernels)), iter(scales)
        wanted = (_Kernel * len(kernels))()
        for i, (quantizer, kernel, to) in enumerate(zip(quantizers, kernels, made, strict=True)):
            pair = [next(pairs).data_ptr(), next(pairs).data_ptr()] if ctx.directions[i] else [None, None]
            rows, pointers = len(kernel), (kernel.data_ptr(), to.data_ptr(), *pair, cutoffs.data_ptr() + 4 * i)
            wanted[i] = _Kernel(*_rule(quantizer), rows, kernel.numel() // rows, *pointers)  # type: ignore[misc]
        native.library().quantize_weights(wanted, len(kernels))
        ctx.set_materialize_grads(False)
        of_ttq = [kernel for kernel, direction in zip(kernels, ctx.directions, strict=True) if direction]
        ctx.save_for_backward(cutoffs, *of_ttq, *scales)
        still = (
            not (kernel.requires_grad or direction) for kernel, direction in zip(kernels, ctx.directions, strict=True)
        )
        ctx.mark_non_differentiable(*compress(made, still))
        return made

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        cutoffs, *saved = ctx.saved_tensors
        of_ttq = [i for i, direction in enumerate(ctx.directions) if direction]
        kernels, scales = saved[: len(of_ttq)], saved[len(of_ttq) :]
        found: list[Tensor | None] = [*grads, *[None] * len(scales)]
        held, wanted = list[Tensor](), list[_Gradient]()
        for j, i in enumerate(of_ttq):
            grad, first = grads[i], len(grads) + 2 * j
            if grad is None:
                continue
            inputs = [kernels[j], *scales[2 * j : 2 * j + 2]]
            held.append(torch.empty_like(kernels[j]).copy_(grad))  # in the kernel's order
            found[i], found[first], found[first + 1] = made = [torch.empty_like(one) for one in inputs]
            pointers = (one.data_ptr() for one in (*inputs, held[-1], *made))
            wanted.append(_Gradient(ctx.directions[i], kernels[j].numel(), cutoffs.data_ptr() + 4 * i, *pointers))
        native.library().quantize_weights_backward((_Gradient * len(wanted))(*wanted), len(wanted))
        return None, *found


def _direction(quantizer: nn.Module) -> float:
    """The sign of the gradient of TTQ's negative scale; 0 of a quantizer whose gradient goes straight through."""
    if type(quantizer) is not TTQ:
        return 0.0
    return -1.0 if quantizer.negative_gradient == "derivative" else 1.0
