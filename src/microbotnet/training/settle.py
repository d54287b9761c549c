"""The end of a quantized training: its kernels stand still, and everything else learns to live with them.

Until then some weights cross a threshold and back at every step, however small the learning rate, and batch norms and
the other kernels follow a network that is never the same twice (Nagel et al. 2022, arXiv 2203.08086, freeze such
weights one by one; here all stand still at once).
"""

from typing import Any

import torch
from torch import nn

from ..quant.parametrize import quantized_layers
from .recipe import Recipe

_FEW = 2  # bits up to which a kernel settles; the rounding of 8 bits is too fine to matter


def settle(model: nn.Module, averaged: nn.Module, recipe: Recipe, epoch: int) -> None:
    """Freeze the ternary and binary kernels of `model` if epoch `epoch` (from 0) is not to change them.

    In the first such epoch they take the values that `averaged` has, which are the ones that are kept.
    """
    begins = round(recipe.epochs * (1 - recipe.settle))
    if epoch < begins:
        return
    for ours, mean in zip(_quantizers(model), _quantizers(averaged), strict=True):
        if ours[0].bits <= _FEW:
            if epoch == begins:
                with torch.no_grad():
                    ours.original.copy_(mean.original)
            ours.original.requires_grad_(False)


def settles(model: nn.Module) -> bool:
    """Whether it has kernels that would."""
    return any(kernel[0].bits <= _FEW for kernel in _quantizers(model))


def _quantizers(model: nn.Module) -> list[Any]:
    return [layer.parametrizations.weight for layer in quantized_layers(model)]  # type: ignore[union-attr]
