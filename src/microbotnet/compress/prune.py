"""Magnitude pruning (Han et al. 2015, arXiv 1506.02626; step one of Deep Compression, arXiv 1510.00149)."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..errors import BadInput
from ..quant.policy import kernels

Share = Literal["network", "layer"]


class Pruned(nn.Module):
    """A parametrization that holds some weights at zero: no gradient reaches them, and none comes back.

    Args:
        cut: bool, of the weight's shape; true where it is zero.
    """

    cut: Tensor

    def __init__(self, cut: Tensor) -> None:
        super().__init__()
        self.register_buffer("cut", cut)

    def forward(self, weight: Tensor) -> Tensor:
        return weight.masked_fill(self.cut, 0)


def smallest(weights: Mapping[str, Tensor], sparsity: float, per: Share = "network") -> dict[str, Tensor]:
    """Which weights to prune: those of least magnitude, one threshold for the network or one for each layer.

    A layer keeps its largest weight, or nothing would come through it.

    Args:
        weights: kernels by name.
        sparsity: the share to prune, from 0 to under 1; rounded down to whole weights.
        per: "network" compares magnitudes over all layers, so that some are pruned more than others; "layer" prunes
            the same share of each.

    Returns:
        For each kernel a bool tensor of its shape, true where to prune.

    Raises:
        BadInput: an argument out of range.
    """
    if not 0 <= sparsity < 1:
        raise BadInput(f"the sparsity must be from 0 to under 1, not {sparsity:g}")
    if per not in ("network", "layer"):
        raise BadInput(f'pruning is per "network" or "layer", not {per!r}')
    sizes = {name: _sizes(weight) for name, weight in weights.items()}
    groups = [sizes] if per == "network" else [{name: size} for name, size in sizes.items()]
    found: dict[str, Tensor] = {}
    for group in groups:
        every = torch.cat(list(group.values()))
        cut = torch.zeros(len(every), dtype=torch.bool)
        cut[every.argsort(stable=True)[: int(sparsity * len(every))]] = True
        cut &= every.isfinite()  # the largest of each layer
        parts = torch.split(cut, [len(size) for size in group.values()])
        found |= {name: part.reshape(weights[name].shape) for name, part in zip(group, parts, strict=True)}
    return found


def prune(model: nn.Module, sparsity: float, per: Share = "network") -> None:
    """Hold the smallest weights of all convolutions and linears at zero, in place, until `quant.bake`.

    A kernel's `weight` is then computed at each use, as under a quantizer.
    """
    layers = {kernel.name: model.get_submodule(kernel.name) for kernel in kernels(model)}
    weights = {name: layer.get_parameter("weight") for name, layer in layers.items()}
    for name, cut in smallest(weights, sparsity, per).items():
        parametrize.register_parametrization(layers[name], "weight", Pruned(cut))


def gradual(sparsity: float, rounds: int) -> list[float]:
    """The sparsity of each round: fast at first, slower as less is left (Zhu & Gupta 2017, arXiv 1710.01878, eq. 1)."""
    return [sparsity * (1 - (1 - (i + 1) / rounds) ** 3) for i in range(rounds)]


def _sizes(weight: Tensor) -> Tensor:
    """Magnitudes, flat; the largest is infinite."""
    sizes = weight.detach().abs().flatten().cpu()
    sizes[sizes.argmax()] = torch.inf
    return sizes
