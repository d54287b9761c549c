"""Views that zoom: a part of each picture, resized with antialiasing, mirrored and recoloured, a whole batch at once.

Cutting a rectangle out of a picture, resizing it and mirroring it is linear along each axis: two small matrices a
picture do all three (Szegedy et al. 2014, arXiv 1409.4842, section 6, on the cuts).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

_RATIO = 4 / 3
"""Of a cut's sides, at most."""
_GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Zoom:
    """How every picture of a set is seen in one epoch.

    rows, columns: (2, N) float32, where the cut begins and how long it is, as shares of the picture's side; a length
        below 0 is mirrored.
    colour: (3, N) float32, factors on brightness, contrast and saturation.
    """

    rows: Tensor
    columns: Tensor
    colour: Tensor


def draw_zoom(count: int, area: float, jitter: float, flip: bool, epoch: int, seed: int) -> Zoom:
    """Draw views of `count` pictures, a pure function of `seed` and `epoch`.

    Args:
        area: the smallest share of a picture that is seen; shares are even from there to 1.
        jitter: colour factors are even from 1 − jitter to 1 + jitter.
        flip: mirror half of the pictures.
    """
    random = torch.Generator().manual_seed(seed * 100_003 + epoch)
    share, ratio, top, left, side = torch.rand(5, count, generator=random)
    share, ratio = area + (1 - area) * share, torch.exp((2 * ratio - 1) * log(_RATIO))
    height, width = (share / ratio).sqrt().clamp(max=1), (share * ratio).sqrt().clamp(max=1)
    top, left = top * (1 - height), left * (1 - width)
    mirrored = (side < 0.5) & flip
    left, width = torch.where(mirrored, left + width, left), torch.where(mirrored, -width, width)
    colour = 1 + jitter * (2 * torch.rand(3, count, generator=random) - 1)
    return Zoom(torch.stack([top, height]), torch.stack([left, width]), colour)


class ZoomedBatches:
    """Pictures kept as bytes, cut and resized into normalised batches.

    Args:
        images: (N, 3, H, H) uint8.
        size: side of the pictures in the batches.
        mean, std: of each channel, on the scale 0…1.
    """

    def __init__(
        self,
        images: Tensor,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        device: str | torch.device = "cpu",
    ) -> None:
        self.images, self.size = images.to(device), size
        self.mean, self.std, self.grey = (
            torch.tensor(values, device=device)[:, None, None] for values in (mean, std, _GREY)
        )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: Tensor, view: Zoom) -> Tensor:
        """The pictures at `index` (B,) as (B, 3, size, size) float32, channels last."""
        device, side = self.images.device, self.images.shape[-1]
        rows, columns = (
            _resampling(shares[:, index].to(device) * side, side, self.size) for shares in (view.rows, view.columns)
        )
        pictures = self.images[index.to(device)].float() / 255
        pictures = (rows[:, None] @ pictures @ columns.mT[:, None]).clamp(0, 1)
        brightness, contrast, saturation = view.colour[:, index, None, None, None].to(device)
        pictures = torch.lerp((pictures * self.grey).sum(1, keepdim=True), pictures, saturation)
        pictures = torch.lerp(pictures.mean((1, 2, 3), keepdim=True), pictures, contrast)
        pictures = (pictures * brightness).clamp(0, 1)
        normalised: Tensor = (pictures - self.mean) / self.std
        return normalised.contiguous(memory_format=torch.channels_last)


def _resampling(cut: Tensor, side: int, size: int) -> Tensor:
    """(B, size, side): each output pixel as a mean of input pixels, bicubic (Keys 1981, a = −0.5) with antialiasing.

    Args:
        cut: (2, B), where it begins and how long it is, in pixels; a length below 0 runs backwards.
        side, size: of the input and of the output, in pixels.
    """
    begin, length = cut
    step = (length / size)[:, None, None]
    centre = begin[:, None, None] + (torch.arange(size, device=begin.device)[:, None] + 0.5) * step
    reach = step.abs().clamp(min=1)
    x = ((torch.arange(side, device=begin.device) + 0.5 - centre) / reach).abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights = torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
    return weights / weights.sum(2, keepdim=True)
