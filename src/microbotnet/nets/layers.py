"""Pieces that several papers share."""

from torch import Tensor, nn


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round `channels` to the nearest multiple of `divisor`, never losing more than 10 %.

    The rule of MobileNetV2's reference code; at least `divisor` channels remain.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate computed from the average of all channels.

    Squeeze: global average. Excite: linear, ReLU, linear, h-sigmoid, both linears without bias.
    Hu et al. 2017 (arXiv 1709.01507), section 3; h-sigmoid from MobileNetV3 (arXiv 1905.02244).

    Shape: (N, channels, H, W) float in, the same out.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channels // reduction, channels, bias=False),
            nn.Hardsigmoid(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.fc(self.pool(x).flatten(1))
        return x * gate[:, :, None, None]
