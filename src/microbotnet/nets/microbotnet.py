"""MicroBotNet: MobileNetV3's blocks after fast downsampling, for 32×32 pictures and under a million MACs."""

from typing import NamedTuple

from torch import Tensor, nn

from .layers import ShiftMax, SqueezeExcite, make_divisible
from .registry import register_net


class Row(NamedTuple):
    """One bottleneck; channel counts are those of width ×1.00."""

    kernel: int
    expanded: int
    out: int
    squeeze_excite: bool
    activation: type[nn.Module]
    stride: int


RE, HS = nn.ReLU, nn.Hardswish

SMALL = [
    Row(3, 72, 24, False, RE, 2),
    Row(5, 96, 40, True, HS, 2),
    Row(5, 240, 40, True, HS, 1),
    Row(5, 120, 48, True, HS, 1),
    Row(5, 144, 48, True, HS, 1),
    Row(5, 288, 96, True, HS, 2),
    Row(5, 576, 96, True, HS, 1),
    Row(5, 576, 96, True, HS, 1),
    Row(5, 576, 96, True, HS, 1),
    Row(5, 576, 96, True, HS, 1),
]

LARGE = [
    Row(3, 16, 16, False, RE, 1),
    Row(3, 64, 24, False, RE, 2),
    Row(3, 72, 24, False, RE, 1),
    Row(5, 72, 40, True, RE, 2),
    Row(5, 120, 40, True, RE, 1),
    Row(5, 120, 40, True, RE, 1),
    Row(3, 240, 80, False, HS, 2),
    Row(3, 200, 80, False, HS, 1),
    Row(3, 184, 80, False, HS, 1),
    Row(3, 184, 80, False, HS, 1),
    Row(3, 480, 112, True, HS, 1),
    Row(3, 672, 112, True, HS, 1),
    Row(5, 672, 160, True, HS, 2),
    Row(5, 960, 160, True, HS, 1),
    Row(5, 960, 160, True, HS, 1),
]


class Bottleneck(nn.Module):
    """Expand 1×1, filter k×k per channel, squeeze-and-excite, project 1×1 without activation.

    The shortcut is there when it can be the identity. `conv` keeps the published checkpoints' numbering.

    With `average`, a global average stands before the projection and in the shortcut. It commutes with both: the
    output is the average of what the block would make without. With `groups`, both 1×1 convolutions have so many,
    and the channels are shuffled before the second. With `shift_max`, that stands for the activation behind the k×k.
    """

    def __init__(
        self,
        inputs: int,
        expanded: int,
        outputs: int,
        row: Row,
        *,
        average: bool = False,
        groups: int = 1,
        shift_max: bool = False,
    ) -> None:
        super().__init__()
        self.shortcut = row.stride == 1 and inputs == outputs
        expand = [
            nn.Conv2d(inputs, expanded, 1, groups=groups, bias=False),
            nn.BatchNorm2d(expanded),
            row.activation(inplace=True),
        ]
        self.conv = nn.Sequential(
            *(expand if expanded != inputs else []),
            nn.Conv2d(expanded, expanded, row.kernel, row.stride, row.kernel // 2, groups=expanded, bias=False),
            nn.BatchNorm2d(expanded),
            SqueezeExcite(expanded) if row.squeeze_excite else ShiftMax(expanded) if shift_max else nn.Identity(),
            nn.Identity() if shift_max else row.activation(inplace=True),
            *([nn.ChannelShuffle(groups)] if groups > 1 else []),
            nn.Conv2d(expanded, outputs, 1, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.pool = nn.AdaptiveAvgPool2d(1) if average else None

    def forward(self, x: Tensor) -> Tensor:
        if self.pool is None:
            y: Tensor = self.conv(x)
            return x + y if self.shortcut else y
        y = self.conv[-2:](self.pool(self.conv[:-2](x)))
        return self.pool(x) + y if self.shortcut else y


class MicroBotNet(nn.Module):
    """The network of the notes, any width.

    Args:
        rows: `SMALL` or `LARGE`.
        features: filters of the last 1×1 conv, 1024 (small) or 1280 (large); scaled only when width > 1.
        width: multiplier of every channel count; each becomes a multiple of 8.
        num_classes: outputs of the classifier.
        zero_gamma: start the last batch norm of each residual block at 0, so that it begins as the identity.

    Shape: (N, 3, H, W) float32, normalised, to (N, num_classes) logits.
    """

    def __init__(
        self,
        rows: list[Row],
        features: int,
        *,
        width: float = 1.0,
        num_classes: int = 10,
        zero_gamma: bool = False,
    ) -> None:
        super().__init__()
        channels = make_divisible(16 * width)
        layers: list[nn.Module] = [
            nn.Sequential(nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), HS(inplace=True))
        ]
        expanded = channels
        for row in rows:
            expanded, outputs = make_divisible(row.expanded * width), make_divisible(row.out * width)
            layers.append(Bottleneck(channels, expanded, outputs, row))
            channels = outputs
        last = make_divisible(expanded * width)  # width applies twice: `expanded` is already scaled
        features = make_divisible(features * width) if width > 1 else features
        layers += [
            nn.Sequential(nn.Conv2d(channels, last, 1, bias=False), nn.BatchNorm2d(last), HS(inplace=True)),
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(last, features, 1, bias=False),
            HS(inplace=True),
        ]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(features, num_classes))
        self._initialise(zero_gamma)

    def _initialise(self, zero_gamma: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.001)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if zero_gamma:
            for module in self.modules():
                if isinstance(module, Bottleneck) and module.shortcut:
                    last = module.conv[-1]
                    assert isinstance(last, nn.BatchNorm2d)
                    nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.features(x).flatten(1)
        return self.classifier(y)  # type: ignore[no-any-return]


@register_net("microbotnet")
def small(*, num_classes: int = 10, width: float = 1.0) -> MicroBotNet:
    """MicroBotNet small, the network of the notes."""
    return MicroBotNet(SMALL, 1024, width=width, num_classes=num_classes)


@register_net("microbotnet-large")
def large(*, num_classes: int = 10, width: float = 1.0) -> MicroBotNet:
    """MicroBotNet large: MobileNetV3-Large's rows on 32×32 pictures."""
    return MicroBotNet(LARGE, 1280, width=width, num_classes=num_classes)
