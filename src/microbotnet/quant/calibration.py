"""Ranges of rounded activations from pictures, each as wide as serves the network's outputs best.

What rounding and clipping do to a value matters as much as the outputs depend on it. So the range that is kept is the
one with the least squared error, each value's error weighted by its squared gradient: the diagonal of the Gauss–Newton
matrix of the outputs. (BRECQ weighs by that of the loss: Li et al. 2021, arXiv 2102.05426, section 3.3.) For random
v ~ N(0, 1), one number an output,

    error = Σ (q(x) − x)² · g²,   g = ∂(v · outputs) / ∂x;   E[g²] = Σ (∂output / ∂x)² over the outputs

One channel with values twenty times the others' then no longer takes the steps from them, if little depends on it.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import ceil

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ..errors import BadInput
from .activations import NAME, ActivationQuantizer, ActivationQuantizers
from .stages import SCORE_BITS

_SAMPLES = 8192  # of a tensor, in each batch
_AT_ONCE = 2**25  # values of all rounded tensors of the pictures that are answered together: gradients need them kept
_SHARES = torch.linspace(0, -3, 61).exp().tolist()  # of what was seen below 0, and above


@dataclass
class _Seen:
    """Values of a tensor in one run, (n,) float32, with the square of each one's gradient once that is known."""

    low: Tensor
    high: Tensor
    values: Tensor
    weights: Tensor


def calibrate(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the ranges of `quantize_activations` from pictures, with the network as it is in eval mode.

    Both ends of a range are sought, from what was seen to a twentieth of it, for the least error as the outputs feel
    it (see above); where nothing has a gradient, for the least squared error. The scores' is the whole.

    Args:
        batches: normalised pictures, (N, 3, H, W) float32.

    Warns:
        UserWarning: the gradient cannot be computed; why.

    Raises:
        BadInput: there are no pictures, or the network makes values of them that are no numbers.
    """
    quantizers = getattr(model, NAME)
    assert isinstance(quantizers, ActivationQuantizers)
    training = model.training
    try:
        seen = _watched(model.eval(), quantizers, batches)
    finally:
        quantizers.watch = None
        model.train(training)
    if not seen:
        raise BadInput("no pictures were given to calibrate the activations with")
    for name, found in seen.items():
        quantizer = quantizers[name]
        assert isinstance(quantizer, ActivationQuantizer)
        low, high = torch.stack([f.low for f in found]).min(), torch.stack([f.high for f in found]).max()
        if not torch.isfinite(low) or not torch.isfinite(high):
            raise BadInput(f"{name.replace('/', '.')}: its values are NaN or infinite; nothing can be calibrated")
        values, weights = torch.cat([f.values for f in found]), torch.cat([f.weights for f in found])
        _fit(quantizer, low, high, values, weights if weights.any() else torch.ones_like(weights))


def _watched(model: nn.Module, quantizers: ActivationQuantizers, batches: Iterable[Tensor]) -> dict[str, list[_Seen]]:
    generator = torch.Generator().manual_seed(0)
    seen: dict[str, list[_Seen]] = {}
    wanted = _SAMPLES

    def watch(key: str, x: Tensor) -> None:
        values = x.detach().reshape(-1)
        places = torch.randint(len(values), (min(wanted, len(values)),), generator=generator).to(x.device)
        found = _Seen(*torch.aminmax(values.float().cpu()), values[places].float().cpu(), torch.zeros(len(places)))
        seen.setdefault(key, []).append(found)

        def feel(gradient: Tensor) -> None:
            squares = gradient.reshape(-1)[places].square().float().cpu()
            found.weights = torch.where(squares.isfinite(), squares, 0.0)

        if x.requires_grad:
            x.register_hook(feel)  # type: ignore[no-untyped-call]

    size = 0  # how many pictures are answered together
    for batch in batches:
        size = size or _size(model, quantizers, batch[:1])
        quantizers.watch = watch
        parts = torch.split(batch, size)
        wanted = ceil(_SAMPLES / len(parts))
        for part in parts:
            _sense(model, part, generator)
    return seen


def _size(model: nn.Module, quantizers: ActivationQuantizers, picture: Tensor) -> int:
    """How many pictures may be answered together."""
    counts: list[int] = []
    quantizers.watch = lambda key, x: counts.append(x.numel())
    with torch.no_grad():
        model(picture)
    return max(1, _AT_ONCE // max(1, sum(counts)))


@torch.enable_grad()
def _sense(model: nn.Module, inputs: Tensor, generator: torch.Generator) -> None:
    """Answer, and hand the gradient of a random sum of the outputs to the hooks; parameters get none."""
    start = inputs.detach().clone().requires_grad_()
    outputs = model(start.clone())  # which the network may write into
    felt = [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor) and leaf.requires_grad]
    if not felt:
        return
    random = [torch.randn(leaf.shape, generator=generator).to(leaf) / _root_mean_square(leaf) for leaf in felt]
    try:
        torch.autograd.grad(felt, start, random, allow_unused=True)
    except RuntimeError as error:  # an operator without a gradient, or one that wrote over what its gradient needs
        why = str(error).partition(". ")[0]  # a hint to those who train it follows
        warnings.warn(f"ranges are set without the outputs' gradient, by the squared error alone: {why}", stacklevel=3)


def _root_mean_square(leaf: Tensor) -> Tensor:
    """By which outputs of different sizes weigh alike."""
    return leaf.detach().square().mean().sqrt().clamp(min=1e-12)


@torch.no_grad()
def _fit(quantizer: ActivationQuantizer, low: Tensor, high: Tensor, values: Tensor, weights: Tensor) -> None:
    """Set the range with the least weighted error: one end after the other, until neither moves."""
    low, high = low.clamp(quantizer.lowest, 0), high.clamp(0, quantizer.highest)
    quantizer.set(low, high)
    if quantizer.bits == SCORE_BITS or quantizer.fixed:
        return
    inside = values.clamp(quantizer.lowest, quantizer.highest).to(quantizer.low.device)
    weights = weights.to(inside)

    @cache
    def error(below: float, above: float) -> float:
        quantizer.set(low * below, high * above)
        return float(((quantizer(inside) - inside).square() * weights).sum())

    below = above = 1.0
    for _ in range(4):
        before = below, above
        above = min(_SHARES, key=lambda share: error(below, share)) if high > 0 else above
        below = min(_SHARES, key=lambda share: error(share, above)) if low < 0 else below
        if (below, above) == before:
            break
    quantizer.set(low * below, high * above)
