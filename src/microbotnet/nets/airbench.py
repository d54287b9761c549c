"""A network that learns CIFAR-10 fast, to teach small ones (Jordan 2024, arXiv 2404.00498)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import make_divisible
from .registry import register_net


class Row(NamedTuple):
    """One block: two 3×3 convolutions of as many filters, with a max pool after the first."""

    out: int


ROWS = [Row(64), Row(256), Row(256)]


class Airbench(nn.Module):
    """A whitening layer, three blocks without shortcuts, a max pool of what is left, linear.

    As in the paper, but with h-swish for GELU, as everywhere here, and with scales in the batch norms.

    - The whitening layer holds the principal patches of 2×2 pixels and their negatives, which `fit` takes from
      pictures; it is not trained, only its bias is (section 3.1).
    - The first filters of a block's convolutions begin as the identity (section 3.3).

    Shape: (N, 3, H, W) float32, normalised, H and W at least 24, to (N, num_classes) logits.
    """

    def __init__(self, *, width: float = 1.0, num_classes: int = 10, input_size: int = 32) -> None:
        super().__init__()
        patch = 3 * 2 * 2
        self.whiten = nn.Conv2d(3, 2 * patch, 2)
        self.whiten.weight.requires_grad_(False)
        layers: list[nn.Module] = [nn.Hardswish(inplace=True)]
        channels, side = 2 * patch, input_size - 1
        for row in ROWS:
            out = make_divisible(row.out * width)
            layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.MaxPool2d(2), *_norm(out)]
            layers += [nn.Conv2d(out, out, 3, padding=1, bias=False), *_norm(out)]
            channels, side = out, side // 2
        self.features = nn.Sequential(*layers)
        self.pool = nn.MaxPool2d(side)
        self.classifier = nn.Linear(channels, num_classes, bias=False)
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.dirac_(module.weight.data[: module.in_channels])

    def fit(self, pictures: Tensor) -> None:
        """Take the whitening layer's patches from `pictures`, (N, 3, H, W) float32, normalised; a few thousand do."""
        patches = F.unfold(pictures, 2).transpose(1, 2).flatten(0, 1)
        values, vectors = torch.linalg.eigh((patches - patches.mean(0)).T.cov())
        found = (vectors / (values + 5e-4).sqrt()).T.flip(0).reshape(-1, 3, 2, 2)
        self.whiten.weight.data.copy_(torch.cat([found, -found]))
        nn.init.zeros_(self.whiten.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.features(self.whiten(x)))
        return self.classifier(y.flatten(1))  # type: ignore[no-any-return]


def _norm(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.Hardswish(inplace=True)]


@register_net("airbench")
def airbench(*, num_classes: int = 10, width: float = 1.0, input_size: int = 32) -> Airbench:
    """A teacher: learns CIFAR-10 to 93 % in an hour of one core."""
    return Airbench(width=width, num_classes=num_classes, input_size=input_size)
