"""Scales that are powers of two, so that an integer engine requantizes by a shift.

A layer's sum stands for s_x·s_W·a times its integer: the scale of its input, that of its kernel, and a = γ / √(σ² + ε)
of the batch norm behind it. Activations have powers of two (`quantize_activations`). What is left is made one here: of
a kernel in 8 bits, s_W·a, by the spacing of its values; of a ternary one, whose values are given, a, by γ.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from ..errors import BadInput
from ..graph.trace import trace
from .stages import cut
from .ternary import OneNegativeOne, straight_through
from .uniform import Uniform


@straight_through
def nearest(values: Tensor, unit: Tensor) -> Tensor:
    """The nearest power of two (of the exponent) of values / unit, times unit, with the sign of values; 0 stays 0.

    ∂values = G
    """
    exponent = (values.abs() / unit).log2().round()
    return torch.where(values == 0, values, values.sign() * exponent.exp2() * unit)


@straight_through
def spaced(weight: Tensor, norm: Tensor) -> Tensor:
    """Integers to ±127 times a scale s for each output channel, s·norm the least power of two that they reach W with.

        Q = s·round(W / s);   s·norm = 2^⌈log2(max|W of the channel|·norm / 127)⌉;   ∂W = G

    Args:
        weight: (outputs, …) float. norm: (outputs,), what the batch norm multiplies by, positive.
    """
    largest = weight.abs().flatten(1).amax(1)
    tiny = torch.finfo(weight.dtype).tiny
    scale = (largest * norm / 127).clamp(min=tiny).log2().ceil().exp2() / norm
    scale = scale.reshape(-1, *[1] * (weight.ndim - 1))
    return scale * (weight / scale).round()


class NormScale(nn.Module):
    """Parametrization of a batch norm's γ: what it multiplies by is a power of two."""

    bits = 32

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__()
        self.norm = (norm,)  # not its submodule: it is the other way round

    def forward(self, gamma: Tensor) -> Tensor:
        return nearest(gamma, _deviation(self.norm[0]).to(gamma.dtype))


class KernelScale(nn.Module):
    """Parametrization behind that of a ternary kernel with a scale: the scale is a power of two."""

    def forward(self, weight: Tensor) -> Tensor:
        return nearest(weight, torch.ones_like(weight))


class Spaced(nn.Module):
    """`spaced` as a parametrization; norm: the batch norm behind, or None."""

    bits = 8

    def __init__(self, norm: _BatchNorm | None) -> None:
        super().__init__()
        self.norm = (norm,)

    def forward(self, weight: Tensor) -> Tensor:
        (norm,) = self.norm
        by = weight.new_ones(len(weight))
        if norm is not None:
            by = norm.weight.detach().abs() / _deviation(norm).to(weight.dtype)
        return spaced(weight, torch.where(by > 0, by, torch.ones_like(by)))


def power_of_two_scales(model: nn.Module, input_shape: Sequence[int] = (3, 32, 32)) -> None:
    """Make the scales of a network that `quantize` has changed powers of two, in place.

    Kernels that are still float are rounded so when the network is lowered.

    Raises:
        BadInput: a kernel has another quantizer than one-negative-one (named), or two batch norms follow it.
    """
    modules = dict(model.named_modules())
    for stage in cut(trace(model, input_shape)).stages:
        layer = modules.get(stage.head.module)
        if layer is None or not parametrize.is_parametrized(layer, "weight") or isinstance(layer, _BatchNorm):
            continue
        where = f"layer {stage.head.name}"
        behind = [modules[node.module] for node in stage.norms]
        if len(behind) > 1:
            raise BadInput(f"{where}: two batch norms follow; power-of-two scales need one at most")
        norm = behind[0] if behind else None
        assert norm is None or isinstance(norm, _BatchNorm)
        (how, *_) = layer.parametrizations.weight
        if isinstance(how, Uniform):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
            parametrize.register_parametrization(layer, "weight", Spaced(norm))
        elif not isinstance(how, OneNegativeOne):
            raise BadInput(f"{where}: power-of-two scales are for the quantizer one-negative-one and for 8 bits")
        elif norm is not None and not parametrize.is_parametrized(norm, "weight"):
            parametrize.register_parametrization(norm, "weight", NormScale(norm))
        if how.scaled if isinstance(how, OneNegativeOne) else False:
            parametrize.register_parametrization(layer, "weight", KernelScale())


def _deviation(norm: _BatchNorm) -> Tensor:
    """√(σ² + ε) of each channel, in float64 as lowering computes it."""
    assert norm.running_var is not None
    return (norm.running_var.detach().double() + norm.eps).sqrt()
