"""MobileNet V2: inverted residuals and linear bottlenecks (Sandler et al. 2018, arXiv 1801.04381)."""

from typing import NamedTuple

from torch import Tensor, nn

from .layers import conv_bn, make_divisible
from .registry import register_net


class Row(NamedTuple):
    """Bottlenecks in a line, the first of them with the stride (the paper's table 2: t, c, n, s)."""

    expansion: int
    out: int
    repeats: int
    stride: int


ROWS = [
    Row(1, 16, 1, 1),
    Row(6, 24, 2, 2),
    Row(6, 32, 3, 2),
    Row(6, 64, 4, 2),
    Row(6, 96, 3, 1),
    Row(6, 160, 3, 2),
    Row(6, 320, 1, 1),
]


class Bottleneck(nn.Module):
    """Expand 1×1, filter 3×3 per channel, project 1×1 without activation; shortcut where it can be the identity."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        expanded = inputs * expansion
        self.conv = nn.Sequential(
            *([conv_bn(inputs, expanded, 1, activation=nn.ReLU6)] if expansion > 1 else []),
            conv_bn(expanded, expanded, 3, stride, groups=expanded, activation=nn.ReLU6),
            *conv_bn(expanded, outputs, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.shortcut else y


class MobileNetV2(nn.Module):
    """A 3×3 stem of 32 filters, the rows, 1×1 to 1280, global average, linear.

    Width multiplies every channel count to a multiple of 8, the 1280 only when over 1. The names of the weights are
    torchvision's, and so is the initialisation: convolutions Kaiming normal fan-out, linear normal of deviation
    0.01, bias 0.

    Shape: (N, 3, H, W) float32, normalised, to (N, num_classes) logits.
    """

    def __init__(self, *, width: float = 1.0, num_classes: int = 10) -> None:
        super().__init__()
        channels, last = make_divisible(32 * width), make_divisible(1280 * max(1.0, width))
        layers: list[nn.Module] = [conv_bn(3, channels, 3, 2, activation=nn.ReLU6)]
        for row in ROWS:
            outputs = make_divisible(row.out * width)
            for repeat in range(row.repeats):
                layers.append(Bottleneck(channels, outputs, row.expansion, row.stride if repeat == 0 else 1))
                channels = outputs
        self.features = nn.Sequential(*layers, conv_bn(channels, last, 1, activation=nn.ReLU6))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.features(x))
        return self.classifier(y.flatten(1))  # type: ignore[no-any-return]


@register_net("mobilenet-v2", input_size=224)
def v2(*, num_classes: int = 10, width: float = 1.0) -> MobileNetV2:
    """MobileNet V2: inverted residuals with linear bottlenecks."""
    return MobileNetV2(width=width, num_classes=num_classes)
