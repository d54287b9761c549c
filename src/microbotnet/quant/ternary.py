"""Ternary kernels whose scale is not learned: one-negative-one, TWN, BitNet b1.58.

Each is a short pure function, its gradient in its docstring, then the thin module that puts it on a weight. W is the
full-precision kernel of any shape and float dtype; what comes out has the same shape and dtype. A kernel of zeros
stays one. G is the gradient with respect to the result.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec

import torch
from torch import Tensor, nn

from ..errors import BadInput

Measure = Literal["max", "mean"]
P = ParamSpec("P")


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, function: Callable[..., Tensor], args: Any, kwargs: Any) -> Tensor:
        with torch._C.DisableTorchFunction():  # a mode around the network would be asked about every small operator
            return function(weight, *args, **kwargs)

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None, None, None]:
        return grad[0], None, None, None


def straight_through(function: Callable[Concatenate[Tensor, P], Tensor]) -> Callable[Concatenate[Tensor, P], Tensor]:
    """Let the gradient G of a quantizer's result reach its weight unchanged (Bengio et al. 2013, arXiv 1308.3432)."""

    @wraps(function)
    def quantizer(weight: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        return _StraightThrough.apply(weight, function, args, kwargs)  # type: ignore[no-any-return, no-untyped-call]

    return quantizer


def cutoff(weight: Tensor, threshold: float, measure: Measure = "max") -> Tensor:
    """Δ = t·max|W| or t·mean|W|: weights of at most this magnitude become 0. A scalar tensor."""
    size = weight.abs()
    return threshold * (size.amax() if measure == "max" else size.mean())


def sides(weight: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """1 where W > Δ, else 0; 1 where W < −Δ, else 0; of W's dtype, which is faster to reckon with than bool."""
    above, below = torch.empty_like(weight), torch.empty_like(weight)
    return torch.gt(weight, delta, out=above), torch.lt(weight, -delta, out=below)


def signs(weight: Tensor, delta: Tensor) -> Tensor:
    """−1 where W < −Δ, +1 where W > Δ, else 0."""
    above, below = sides(weight, delta)
    return above.sub_(below)


@straight_through
def one_negative_one(weight: Tensor, threshold: float = 0.05, measure: Measure = "max") -> Tensor:
    """One-negative-one: exactly −1, 0 and +1, and no scale; a batch norm that follows absorbs it.

        Q = sign(W) where |W| > Δ, else 0;   Δ = t·max|W|
        ∂W = G

    The notes' rule, with the threshold of TTQ (arXiv 1612.01064); its gradient is TTQ's with both scales at 1.
    """
    return signs(weight, cutoff(weight, threshold, measure))


@straight_through
def twn(weight: Tensor, threshold: float = 0.7, measure: Measure = "mean") -> Tensor:
    """TWN: −α, 0 and +α with the α of least squares for the threshold.

        Q = α·sign(W) where |W| > Δ, else 0;   Δ = 0.7·mean|W|;   α = mean of the |W| above Δ
        ∂W = G

    Li & Liu 2016, Ternary Weight Networks (arXiv 1605.04711). With `measure` "max", Δ is one-negative-one's.
    """
    kept = signs(weight, cutoff(weight, threshold, measure))
    alpha = (weight * kept).sum() / kept.abs().sum().clamp(min=1)
    return kept.mul_(alpha)


@straight_through
def absmean(weight: Tensor) -> Tensor:
    """BitNet b1.58: divide by the mean magnitude, round to the nearest of −1, 0 and +1, multiply again.

        Q = γ·clip(round(W / γ), −1, 1);   γ = mean|W|
        ∂W = G

    Ma et al. 2024 (arXiv 2402.17764). A weight is 0 where |W| ≤ γ/2. The paper adds a small ε to γ, which only a
    kernel of zeros needs; here it is the least normal number, so that a scaled kernel gives scaled results.
    """
    gamma = weight.abs().mean().clamp(min=torch.finfo(weight.dtype).tiny)
    return gamma * (weight / gamma).round().clamp(-1, 1)


def checked_threshold(threshold: float, measure: str = "max") -> float:
    """`threshold` if some weights can be above it.

    Raises:
        BadInput: it is not from 0 to under 1, or the measure is neither "max" nor "mean".
    """
    if measure not in ("max", "mean"):
        raise BadInput(f'the threshold\'s measure must be "max" or "mean", not {measure!r}')
    if not 0 <= threshold < 1:
        raise BadInput(f"the threshold must be from 0 to under 1, not {threshold:g}")
    return threshold


class OneNegativeOne(nn.Module):
    """`one_negative_one` as a parametrization.

    Args:
        threshold, measure: see `one_negative_one`.
        scaled: True is −α, 0 and +α with the α of `twn`, for a layer that no batch norm follows; an integer engine
            folds α into the requantization. None is False until `quantize` has looked at what follows.
    """

    bits = 2

    def __init__(self, threshold: float = 0.05, measure: Measure = "max", scaled: bool | None = None) -> None:
        super().__init__()
        self.threshold, self.measure = checked_threshold(threshold, measure), measure
        self.scaled = scaled

    def forward(self, weight: Tensor) -> Tensor:
        return (twn if self.scaled else one_negative_one)(weight, self.threshold, self.measure)


class TWN(nn.Module):
    """`twn` as a parametrization."""

    bits = 2

    def __init__(self, threshold: float = 0.7) -> None:
        super().__init__()
        self.threshold = checked_threshold(threshold)

    def forward(self, weight: Tensor) -> Tensor:
        return twn(weight, self.threshold)


class Absmean(nn.Module):
    """`absmean` as a parametrization."""

    bits = 2

    def __init__(self) -> None:
        super().__init__()

    def forward(self, weight: Tensor) -> Tensor:
        return absmean(weight)
