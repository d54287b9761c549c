"""Pieces that several papers share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round `channels` to the nearest multiple of `divisor`, never losing more than 10 %.

    The rule of MobileNetV2's reference code; at least `divisor` channels remain.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def conv_bn(
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int = 1,
    *,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
) -> nn.Sequential:
    """Convolution padded by half its kernel and without bias, batch norm, then the activation if one is given.

    Shape: (N, inputs, H, W) float in, (N, outputs, ⌈H/stride⌉, ⌈W/stride⌉) out.
    """
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), norm(outputs)]
    return nn.Sequential(*layers, *([activation(inplace=True)] if activation else []))


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate computed from the average of all channels.

    Squeeze: global average. Excite: linear, ReLU, linear, gate. Hu et al. 2017 (arXiv 1709.01507), section 3,
    whose gate is `nn.Sigmoid` and whose reduction is 16; h-sigmoid and 4 are from MobileNetV3 (arXiv 1905.02244).

    Args:
        channels: of the input and of the output.
        squeeze: channels between the two linears; None is a quarter of `channels`, at least 1.
        bias: whether both linears have one.
        gate: what maps to 0…1.

    Shape: (N, channels, H, W) float in, the same out.
    """

    def __init__(
        self,
        channels: int,
        squeeze: int | None = None,
        *,
        bias: bool = False,
        gate: type[nn.Module] = nn.Hardsigmoid,
    ) -> None:
        super().__init__()
        squeeze = max(1, channels // 4) if squeeze is None else squeeze
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, squeeze, bias=bias),
            nn.ReLU(inplace=True),
            nn.Linear(squeeze, channels, bias=bias),
            gate(),
        )

    def gate(self, x: Tensor) -> Tensor:
        """What each channel of `x` is scaled by, (N, channels)."""
        gate: Tensor = self.fc(self.pool(x).flatten(1))
        return gate

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)[:, :, None, None]


class ShiftMax(nn.Module):
    """The larger of each channel and of the one half of them before it, each times a gate from the average of all.

    A form of dynamic Shift-Max (MicroNet, Li et al. 2021, arXiv 2108.05894, section 4): the maximum of two terms, with
    gates of 0…1 as in squeeze-and-excite.

    Args:
        channels: of the input and of the output.

    Shape: (N, channels, H, W) float in, the same out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeeze = max(1, channels // 4)
        self.shift = channels // 2
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, squeeze, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(squeeze, 2 * channels, bias=False),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        gates: Tensor = self.fc(self.pool(x).flatten(1))
        own, other = gates[:, :, None, None].chunk(2, 1)
        return torch.maximum(x * own, x.roll(self.shift, 1) * other)
