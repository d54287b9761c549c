"""MobileNet V3, small and large (Howard et al. 2019, arXiv 1905.02244)."""

from functools import partial
from typing import NamedTuple

from torch import Tensor, nn

from .layers import SqueezeExcite, conv_bn, make_divisible
from .registry import register_net


class Row(NamedTuple):
    """One bottleneck of the paper's tables 1 and 2; channel counts are those of width ×1.00."""

    kernel: int
    expanded: int
    out: int
    squeeze_excite: bool
    activation: type[nn.Module]
    stride: int


RE, HS = nn.ReLU, nn.Hardswish

SMALL = [
    Row(3, 16, 16, True, RE, 2),
    Row(3, 72, 24, False, RE, 2),
    Row(3, 88, 24, False, RE, 1),
    Row(5, 96, 40, True, HS, 2),
    Row(5, 240, 40, True, HS, 1),
    Row(5, 240, 40, True, HS, 1),
    Row(5, 120, 48, True, HS, 1),
    Row(5, 144, 48, True, HS, 1),
    Row(5, 288, 96, True, HS, 2),
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

_conv_bn = partial(conv_bn, norm=partial(nn.BatchNorm2d, eps=0.001, momentum=0.01))


class Bottleneck(nn.Module):
    """Expand 1×1, filter k×k per channel, squeeze-and-excite, project 1×1 without activation.

    The shortcut is there when it can be the identity. Squeeze-and-excite has biases, a quarter of the channels
    between its linears (a multiple of 8), and comes after the activation, as in the published weights.
    """

    def __init__(self, inputs: int, expanded: int, outputs: int, row: Row) -> None:
        super().__init__()
        self.shortcut = row.stride == 1 and inputs == outputs
        squeeze = make_divisible(expanded // 4)
        self.conv = nn.Sequential(
            *([_conv_bn(inputs, expanded, 1, activation=row.activation)] if expanded != inputs else []),
            _conv_bn(expanded, expanded, row.kernel, row.stride, groups=expanded, activation=row.activation),
            *([SqueezeExcite(expanded, squeeze, bias=True)] if row.squeeze_excite else []),
            _conv_bn(expanded, outputs, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.shortcut else y


class MobileNetV3(nn.Module):
    """A 3×3 stem of 16 filters, the rows, 1×1 to six times the last row, global average, two linears.

    Width multiplies every channel count to a multiple of 8. Initialisation as in torchvision: convolutions Kaiming
    normal fan-out, linears normal of deviation 0.01, biases 0.

    Args:
        rows: `SMALL` or `LARGE`.
        features: outputs of the first linear at width ×1.00.
        width: multiplier of every channel count.
        num_classes: outputs of the last linear.

    Shape: (N, 3, H, W) float32, normalised, to (N, num_classes) logits.
    """

    def __init__(self, rows: list[Row], features: int, *, width: float = 1.0, num_classes: int = 10) -> None:
        super().__init__()
        channels = make_divisible(16 * width)
        layers: list[nn.Module] = [_conv_bn(3, channels, 3, 2, activation=HS)]
        for row in rows:
            expanded, outputs = make_divisible(row.expanded * width), make_divisible(row.out * width)
            layers.append(Bottleneck(channels, expanded, outputs, row))
            channels = outputs
        last, features = 6 * channels, make_divisible(features * width)
        self.features = nn.Sequential(*layers, _conv_bn(channels, last, 1, activation=HS))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(last, features), HS(inplace=True), nn.Dropout(0.2), nn.Linear(features, num_classes)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.features(x))
        return self.classifier(y.flatten(1))  # type: ignore[no-any-return]


@register_net("mobilenet-v3-small", input_size=224)
def small(*, num_classes: int = 10, width: float = 1.0) -> MobileNetV3:
    """MobileNet V3 small: h-swish, squeeze-and-excite and a cheap last stage."""
    return MobileNetV3(SMALL, 1024, width=width, num_classes=num_classes)


@register_net("mobilenet-v3-large", input_size=224)
def large(*, num_classes: int = 10, width: float = 1.0) -> MobileNetV3:
    """MobileNet V3 large: the same blocks, more of them."""
    return MobileNetV3(LARGE, 1280, width=width, num_classes=num_classes)
