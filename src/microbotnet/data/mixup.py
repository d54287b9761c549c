"""MixUp: every picture with another shining through (Zhang et al. 2017, arXiv 1710.09412).

A teacher is asked about the mixture itself: with few pictures, what it says of many mixtures is more to learn from than
its answers to the pictures alone (Beyer et al. 2021, arXiv 2106.05237).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Mix:
    """How the pictures of a set are mixed in one epoch.

    partner: (N,) int64, the place of the other picture. share: (N,) float32, 0.5…1, of a picture's own pixels.
    """

    partner: Tensor
    share: Tensor


def draw_mix(count: int, strength: float, epoch: int, seed: int) -> Mix:
    """Draw partners and shares for `count` pictures, a pure function of `seed` and `epoch`.

    Args:
        strength: α of the Beta distribution of the shares, over 0; at 1 they are even.
    """
    random = np.random.default_rng((seed, epoch))
    partner = torch.from_numpy(random.permutation(count))
    share = torch.from_numpy(random.beta(strength, strength, count)).float()
    return Mix(partner, torch.maximum(share, 1 - share))


def mixed(take: Callable[[Tensor], Tensor], mix: Mix) -> Callable[[Tensor], Tensor]:
    """`take`, from places (B,) to pictures (B, 3, H, W), with the pictures mixed."""

    def both(index: Tensor) -> Tensor:
        own = take(index)
        share = mix.share[index].to(own.device)[:, None, None, None]
        return torch.lerp(take(mix.partner[index]), own, share)

    return both


def mixed_labels(labels: Tensor, index: Tensor, mix: Mix, classes: int) -> Tensor:
    """The shares of the classes in the mixed pictures at `index` (B,): (B, classes) float32."""
    own, other = (torch.nn.functional.one_hot(labels[at], classes) for at in (index, mix.partner[index]))
    return torch.lerp(other.float(), own.float(), mix.share[index, None])
