"""SqueezeNet 1.0 and 1.1 with their bypasses (Iandola et al. 2016, arXiv 1602.07360), and the notes' CIFAR form."""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from .registry import register_net


class Row(NamedTuple):
    """One Fire module: filters of the 1×1 squeeze, and of each of the two expands (1×1 and 3×3)."""

    squeeze: int
    expand: int


# A max pool stands before each group.
V1_0 = [
    [Row(16, 64), Row(16, 64), Row(32, 128)],
    [Row(32, 128), Row(48, 192), Row(48, 192), Row(64, 256)],
    [Row(64, 256)],
]
V1_1 = [
    [Row(16, 64), Row(16, 64)],
    [Row(32, 128), Row(32, 128)],
    [Row(48, 192), Row(48, 192), Row(64, 256), Row(64, 256)],
]

Bypass = Literal["none", "simple", "complex"]


class Fire(nn.Module):
    """Squeeze 1×1, then expand 1×1 and 3×3 side by side, each with ReLU (section 3.1).

    A simple bypass adds the input where it has as many channels as the output; a complex one adds a 1×1
    convolution of it where it has not (section 6).
    """

    def __init__(self, inputs: int, row: Row, bypass: Bypass = "none") -> None:
        super().__init__()
        outputs = 2 * row.expand
        self.squeeze = nn.Conv2d(inputs, row.squeeze, 1)
        self.expand1x1 = nn.Conv2d(row.squeeze, row.expand, 1)
        self.expand3x3 = nn.Conv2d(row.squeeze, row.expand, 3, padding=1)
        self.relu = nn.ReLU()
        self.bypass: nn.Module | None = None
        if bypass != "none" and inputs == outputs:
            self.bypass = nn.Identity()
        elif bypass == "complex":
            self.bypass = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.squeeze(x))
        y = torch.cat([self.relu(self.expand1x1(y)), self.relu(self.expand3x3(y))], 1)
        return y if self.bypass is None else y + self.bypass(x)


class PreactivatedFire(nn.Module):
    """The notes' Fire: batch norm and ReLU before each of its three convolutions, none of which has a bias."""

    def __init__(self, inputs: int, row: Row) -> None:
        super().__init__()
        self.shortcut = inputs == 2 * row.expand
        self.squeeze = self._conv(inputs, row.squeeze, 1)
        self.expand1x1 = self._conv(row.squeeze, row.expand, 1)
        self.expand3x3 = self._conv(row.squeeze, row.expand, 3)

    @staticmethod
    def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
        conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), conv)

    def forward(self, x: Tensor) -> Tensor:
        y = self.squeeze(x)
        y = torch.cat([self.expand1x1(y), self.expand3x3(y)], 1)
        return x + y if self.shortcut else y


class SqueezeNet(nn.Module):
    """Stem, groups of Fires, then a 1×1 convolution to the classes and a global average instead of linear layers.

    Initialisation is torchvision's: He uniform, the last convolution normal of deviation 0.01, biases 0. So are
    the names of the weights, except in the CIFAR form.

    Args:
        stem: the layers before the first pool.
        channels: what the stem gives.
        groups: `V1_0` or `V1_1`.
        fire: makes a Fire from its input channels and its row.
        dropout: before the last convolution.
        num_classes: filters of the last convolution.

    Shape: (N, 3, H, W) float32, normalised, to (N, num_classes) logits, none negative: the paper ends in a ReLU.
    """

    def __init__(
        self,
        stem: list[nn.Module],
        channels: int,
        groups: list[list[Row]],
        fire: Callable[[int, Row], nn.Module],
        *,
        dropout: float,
        num_classes: int,
    ) -> None:
        super().__init__()
        layers = [*stem]
        for group in groups:
            layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            for row in group:
                layers.append(fire(channels, row))
                channels = 2 * row.expand
        self.features = nn.Sequential(*layers)
        last = nn.Conv2d(channels, num_classes, 1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(last.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(self.features(x))
        return y.flatten(1)


def _v1_0(bypass: Bypass, num_classes: int) -> SqueezeNet:
    stem = [nn.Conv2d(3, 96, 7, 2), nn.ReLU(inplace=True)]
    return SqueezeNet(stem, 96, V1_0, partial(Fire, bypass=bypass), dropout=0.5, num_classes=num_classes)


def _v1_1(bypass: Bypass, num_classes: int) -> SqueezeNet:
    stem = [nn.Conv2d(3, 64, 3, 2), nn.ReLU(inplace=True)]
    return SqueezeNet(stem, 64, V1_1, partial(Fire, bypass=bypass), dropout=0.5, num_classes=num_classes)


@register_net("squeezenet1.0", input_size=224)
def v1_0(*, num_classes: int = 10) -> SqueezeNet:
    """SqueezeNet 1.0: AlexNet's accuracy with 50 times fewer parameters."""
    return _v1_0("none", num_classes)


@register_net("squeezenet1.0-simple-bypass", input_size=224)
def v1_0_simple(*, num_classes: int = 10) -> SqueezeNet:
    """SqueezeNet 1.0 with identity shortcuts around every other Fire."""
    return _v1_0("simple", num_classes)


@register_net("squeezenet1.0-complex-bypass", input_size=224)
def v1_0_complex(*, num_classes: int = 10) -> SqueezeNet:
    """SqueezeNet 1.0 with identity and 1×1 convolution shortcuts."""
    return _v1_0("complex", num_classes)


@register_net("squeezenet1.1", input_size=224)
def v1_1(*, num_classes: int = 10) -> SqueezeNet:
    """SqueezeNet 1.1: 2.4 times fewer operations than 1.0."""
    return _v1_1("none", num_classes)


@register_net("squeezenet1.1-simple-bypass", input_size=224)
def v1_1_simple(*, num_classes: int = 10) -> SqueezeNet:
    """SqueezeNet 1.1 with identity shortcuts around every other Fire."""
    return _v1_1("simple", num_classes)


@register_net("squeezenet1.1-complex-bypass", input_size=224)
def v1_1_complex(*, num_classes: int = 10) -> SqueezeNet:
    """SqueezeNet 1.1 with identity and 1×1 convolution shortcuts."""
    return _v1_1("complex", num_classes)


@register_net("squeezenet-cifar")
def cifar(*, num_classes: int = 10) -> SqueezeNet:
    """SqueezeNet of the notes for CIFAR-10: pre-activation Fires, shortcuts, a stem that keeps the size."""
    stem = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    return SqueezeNet(stem, 64, V1_1, PreactivatedFire, dropout=0.6, num_classes=num_classes)
