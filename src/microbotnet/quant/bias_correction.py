"""Biases moved by what rounding does to the mean of every channel.

Rounding and clipping shift a layer's outputs, and the shift goes on through the layers behind it. Taking the mean shift
of a channel off its bias costs nothing on a chip: bias correction (Nagel et al. 2019, arXiv 1906.04721, section 4.2),
measured on pictures.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from .activations import NAME, ActivationQuantizers, unrounded

_PLACES = {"batch_norm": 4, "linear": 2}  # of the bias among a function's arguments
_PLACES |= {f"conv{how}{axes}d": 2 for how in ("", "_transpose") for axes in (1, 2, 3)}


@torch.no_grad()
def correct_biases(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Move the biases of batch norms, convolutions and linear layers, in place, after `calibrate`.

    Each batch goes through the network unrounded, and then rounded, with every layer brought back to its unrounded
    mean before the next one reads it. A bias that is used more than once stays. Where the outputs of the first batch
    do not come nearer to the unrounded ones, all stay.

    Args:
        model: with the quantizers of `quantize_activations`.
        batches: as for `calibrate`.
    """
    correction, training = _Correction(model), model.training
    model.eval()
    first: tuple[Tensor, list[Tensor], list[Tensor]] | None = None
    for inputs in batches:
        correction.sizes.append(len(inputs))
        real = correction.run(inputs, rounded=False, between=correction.see)
        first = first or (inputs, real, correction.run(inputs, rounded=True))
        correction.run(inputs, rounded=True, between=correction.mend)
    if first is not None:
        inputs, real, before = first
        kept = correction.apply()
        if not _distance(correction.run(inputs, rounded=True), real) < _distance(before, real):
            for bias, value in kept:
                bias.copy_(value)
    model.train(training)


class _Correction:
    """The means of every call without rounding, and how far rounding moves them."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.own = {id(tensor): tensor for tensor in [*model.parameters(), *model.buffers()]}
        self.means: dict[int, Tensor] = {}  # by the number of the call
        self.shifts: dict[int, list[Tensor]] = {}  # by the number of the call, of every batch
        self.sizes: list[int] = []  # of every batch
        self.biases: dict[int, Tensor] = {}  # by the number of the call

    def run(self, inputs: Tensor, *, rounded: bool, between: Any = None) -> list[Tensor]:
        """The outputs of the network."""
        quantizers = getattr(self.model, NAME)
        assert isinstance(quantizers, ActivationQuantizers)
        quantizers.watch = None if rounded else unrounded
        quantizers.between = between
        try:
            outputs = self.model(inputs)
        finally:
            quantizers.watch = quantizers.between = None
        return [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]

    def see(self, call: int, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], outputs: Tensor) -> Tensor:
        """Before rounding, without rounding before it."""
        place = _PLACES.get(name)
        if place is not None:
            bias = kwargs.get("bias", args[place] if len(args) > place else None)
            if id(bias) in self.own:
                self.biases[call], self.means[call] = bias, _mean(name, outputs)
        return outputs

    def mend(self, call: int, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], outputs: Tensor) -> Tensor:
        """Before rounding, with everything before it rounded and mended."""
        if call not in self.means:
            return outputs
        shift = self.means[call] - _mean(name, outputs)
        self.shifts.setdefault(call, []).append(shift)
        return outputs + shift

    def apply(self) -> list[tuple[Tensor, Tensor]]:
        """Move the biases; them and what they were."""
        uses = Counter(id(bias) for bias in self.biases.values())
        weights = [size * len(self.sizes) / sum(self.sizes) for size in self.sizes]  # 1 each where batches are alike
        kept = []
        for call, shifts in self.shifts.items():
            bias = self.biases[call]
            if uses[id(bias)] == 1:
                kept.append((bias, bias.clone()))
                every = [weight * shift for weight, shift in zip(weights, shifts, strict=True)]
                bias += torch.stack(every).mean(0).view(bias.shape)
        return kept


def _mean(name: str, outputs: Tensor) -> Tensor:
    """Of each channel, which is the last axis of a linear layer and else the second; all axes stay."""
    axis = outputs.ndim - 1 if name == "linear" else 1
    return outputs.mean([other for other in range(outputs.ndim) if other != axis], keepdim=True)


def _distance(found: list[Tensor], real: list[Tensor]) -> float:
    """How far outputs are from the real ones, as a share of these."""
    pairs = zip(found, real, strict=True)
    return sum(float((a - b).square().sum() / b.square().sum().clamp(min=1e-12)) for a, b in pairs)
