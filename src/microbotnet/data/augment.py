"""Augmentation of whole batches: one gather crops, flips and converts every picture of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class View:
    """How every picture of a set is seen in one epoch.

    top, left: (N,) int64, corner of the crop in the padded picture.
    flip: (N,) bool, mirrored left to right.
    """

    top: Tensor
    left: Tensor
    flip: Tensor


def draw_view(count: int, pad: int, flip: bool, epoch: int, seed: int) -> View:
    """Draw crop corners from 0…2·pad for `count` pictures, a pure function of `seed` and `epoch`.

    Flips alternate: each picture is mirrored in every other epoch, half of them in the even ones, so two
    epochs show both sides of all pictures (Jordan 2024, arXiv 2404.00498, section 3.6).
    """
    corner = torch.Generator().manual_seed(seed * 100_003 + epoch)
    top, left = torch.randint(0, 2 * pad + 1, (2, count), generator=corner)
    side = torch.rand(count, generator=torch.Generator().manual_seed(seed)) < 0.5
    return View(top, left, (side ^ bool(epoch % 2)) & flip)


def contiguous(model: nn.Module) -> nn.Module:
    """The model, given every batch channel after channel, as `x.view(len(x), -1)` in its code expects; it is changed.

    `Batches` have channels last.
    """

    model.register_forward_pre_hook(_in_rows)
    return model


def _in_rows(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    # A trace's inputs have no values; there the order is no operator of the network.
    return tuple(x.contiguous() if isinstance(x, Tensor) and not x.is_meta else x for x in args)


class Batches:
    """Pictures kept padded in memory, cut into normalised batches.

    Args:
        images: (N, 3, H, W) uint8.
        mean, std: of each channel, on the scale 0…1.
        pad: border in pixels, black in the picture's own scale.
    """

    def __init__(
        self,
        images: Tensor,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        pad: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        height, width = images.shape[2:]
        self.pad = pad
        padded = F.pad(images, (pad, pad, pad, pad)).permute(0, 2, 3, 1).contiguous().to(device)
        # (N, 2·pad + 1, 2·pad + 1, H, W, 3): every crop of every picture, a view of the same memory
        self.crops = padded.unfold(1, height, 1).unfold(2, width, 1).permute(0, 1, 2, 4, 5, 3)
        # a whole row's, since a loop over 96 numbers is faster than one over 3
        self.scale = (1 / (255 * torch.tensor(std))).to(device).repeat(width)
        self.shift = (-torch.tensor(mean) / torch.tensor(std)).to(device).repeat(width)

    def __len__(self) -> int:
        return len(self.crops)

    def take(self, index: Tensor, view: View | None = None) -> Tensor:
        """The pictures at `index` (B,) as (B, 3, H, W) float32, channels last; centred where no view is given."""
        device = self.crops.device
        if view is None:
            cut = self.crops[index.to(device), self.pad, self.pad]
        else:
            top, left, flip = (drawn[index].to(device) for drawn in (view.top, view.left, view.flip))
            cut = self.crops[index.to(device), top, left]
            cut = torch.where(flip[:, None, None, None], cut.flip(2), cut)
        rows = cut.flatten(2).float()
        return torch.addcmul(self.shift, rows, self.scale).reshape(cut.shape).permute(0, 3, 1, 2)
