"""Trained ternary quantization (Zhu et al. 2016, arXiv 1612.01064): three values, two of them learned."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .ternary import Measure, checked_threshold, cutoff, sides

NegativeGradient = Literal["derivative", "notes"]
Start = Literal["mean", "one"]


class _TTQ(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        positive: Tensor,
        negative: Tensor,
        threshold: float,
        measure: Measure,
        direction: float,
        bounded: bool,
    ) -> Tensor:
        with torch._C.DisableTorchFunction():  # as in `ternary.straight_through`
            delta = cutoff(weight, threshold, measure)
            above, below = sides(weight, delta)
            p, n = (positive.maximum(delta), negative.maximum(delta)) if bounded else (positive, negative)
            quantized = (p * above).addcmul_(n, below, value=-1)
            # what the gradient needs is made ready here, where kernel follows kernel; see `parametrize.computed_once`
            factor = (1 - above - below).addcmul_(p, above).addcmul_(n, below)
            ctx.save_for_backward(factor, above, direction * below, positive < p, negative < n)
            ctx.bounded = bounded
            return quantized

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs
        factor, above, below, short_p, short_n = ctx.saved_tensors
        grad_p, grad_n = (grad * above).sum(), (grad * below).sum()
        if ctx.bounded:
            grad_p = torch.where(short_p, grad_p.clamp(max=0), grad_p)
            grad_n = torch.where(short_n, grad_n.clamp(max=0), grad_n)
        return grad * factor, grad_p, grad_n, None, None, None, None


def ttq(
    weight: Tensor,
    positive: Tensor,
    negative: Tensor,
    threshold: float = 0.05,
    *,
    measure: Measure = "max",
    negative_gradient: NegativeGradient = "derivative",
    bounded: bool = False,
) -> Tensor:
    """Quantize W to −w_n, 0 and +w_p.

        Q = w_p·a − w_n·b;   a = (W > Δ), b = (W < −Δ), c = 1 − a − b;   Δ = t·max|W|
        ∂W   = w_p·a·G + w_n·b·G + c·G
        ∂w_p = Σ a·G
        ∂w_n = −Σ b·G  ("derivative": what differentiating Q gives)  or  +Σ b·G  ("notes": as in their code)

    Args:
        weight: W, any shape, float.
        positive, negative: w_p and w_n, scalar tensors over 0.
        threshold: t, from 0 to under 1.
        measure: whether Δ is a share of max|W|, as in the paper, or of mean|W|.
        negative_gradient: the sign of ∂w_n.
        bounded: a scale under Δ stands for Δ, and has only the gradient that raises it. Nothing in the paper's
            gradient keeps scales over 0, and one long step turns every sign of a kernel. With Δ as the floor, no
            weight that was kept is written smaller than what was dropped.
    """
    direction = -1.0 if negative_gradient == "derivative" else 1.0
    return _TTQ.apply(weight, positive, negative, threshold, measure, direction, bounded)  # type: ignore[no-any-return, no-untyped-call]


class TTQ(nn.Module):
    """`ttq` as a parametrization; `positive` and `negative`, w_p and w_n, are its parameters, bounded by Δ.

    Args:
        threshold, measure, negative_gradient: see `ttq`.
        start: the scales begin at 1 ("one": the notes), or each at the mean magnitude of the weights it stands for
            when the quantizer is put on ("mean"; 1 for a kernel of zeros). Assigning a weight begins anew.

    Raises:
        BadInput: an argument out of range.
    """

    bits = 2

    def __init__(
        self,
        threshold: float = 0.05,
        *,
        measure: Measure = "max",
        negative_gradient: NegativeGradient = "derivative",
        start: Start = "mean",
    ) -> None:
        super().__init__()
        if negative_gradient not in ("derivative", "notes"):
            raise BadInput(f'negative_gradient must be "derivative" or "notes", not {negative_gradient!r}')
        if start not in ("mean", "one"):
            raise BadInput(f'start must be "mean" or "one", not {start!r}')
        self.threshold, self.measure = checked_threshold(threshold, measure), measure
        self.negative_gradient, self.start = negative_gradient, start
        self.positive, self.negative = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    def forward(self, weight: Tensor) -> Tensor:
        return ttq(
            weight,
            self.positive,
            self.negative,
            self.threshold,
            measure=self.measure,
            negative_gradient=self.negative_gradient,
            bounded=True,
        )

    @torch.no_grad()
    def right_inverse(self, weight: Tensor) -> Tensor:
        """What torch stores for an assigned weight: the weight itself; the scales begin."""
        self.to(device=weight.device, dtype=weight.dtype)  # the module was made without knowing them
        p, n = weight.new_ones(()), weight.new_ones(())
        if self.start == "mean" and not weight.is_meta:
            delta = cutoff(weight, self.threshold, self.measure)
            sides = [weight[weight > delta], -weight[weight < -delta]]
            found = [side.mean() for side in sides if len(side)]
            if found:  # a side without weights begins like the other
                p, n = found[0], found[-1]
        self.positive.copy_(p)
        self.negative.copy_(n)
        return weight
