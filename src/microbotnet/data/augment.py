"""Augmentation of whole batches: one gather crops, flips and converts every picture of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
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
        self.size = images.shape[2:]
        self.pad = pad
        self.padded = F.pad(images, (pad, pad, pad, pad)).permute(0, 2, 3, 1).contiguous().to(device)
        self.scale = (1 / (255 * torch.tensor(std))).to(device)
        self.shift = (-torch.tensor(mean) / torch.tensor(std)).to(device)

    def __len__(self) -> int:
        return len(self.padded)

    def take(self, index: Tensor, view: View | None = None) -> Tensor:
        """The pictures at `index` (B,) as (B, 3, H, W) float32, channels last; centred where no view is given."""
        height, width = self.size
        device = self.padded.device
        rows, columns = torch.arange(height), torch.arange(width).expand(len(index), width)
        if view is None:
            top = left = torch.full((len(index),), self.pad)
        else:
            top, left, flip = view.top[index], view.left[index], view.flip[index, None]
            columns = torch.where(flip, width - 1 - columns, columns)
        rows, columns = top[:, None] + rows, left[:, None] + columns
        cut = self.padded[index.to(device)[:, None, None], rows.to(device)[:, :, None], columns.to(device)[:, None, :]]
        return torch.addcmul(self.shift, cut.float(), self.scale).permute(0, 3, 1, 2)
