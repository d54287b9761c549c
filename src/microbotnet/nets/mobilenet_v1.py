"""MobileNet V1 (Howard et al. 2017, arXiv 1704.04861) and FD-MobileNet (Qin et al. 2018, arXiv 1802.03750)."""

from typing import NamedTuple

from torch import Tensor, nn

from .layers import conv_bn
from .registry import register_net


class Row(NamedTuple):
    """One depthwise separable convolution; `out` is that of width ×1.00."""

    out: int
    stride: int


V1 = [
    Row(64, 1),
    Row(128, 2),
    Row(128, 1),
    Row(256, 2),
    Row(256, 1),
    Row(512, 2),
    *[Row(512, 1)] * 5,
    Row(1024, 2),
    Row(1024, 1),
]

FAST_DOWNSAMPLING = [
    Row(64, 2),
    Row(128, 2),
    Row(128, 1),
    Row(256, 2),
    Row(256, 1),
    Row(512, 2),
    *[Row(512, 1)] * 4,
    Row(1024, 1),
]


class MobileNetV1(nn.Module):
    """A 3×3 stem of 32 filters, depthwise separable convolutions, global average, linear.

    Width multiplies every channel count, rounded down, at least 8. Initialisation as in the reference code: weights
    normal of deviation 0.09 cut at two deviations, biases 0.

    Shape: (N, 3, H, W) float32, normalised, to (N, num_classes) logits.
    """

    def __init__(self, rows: list[Row], *, width: float = 1.0, num_classes: int = 10) -> None:
        super().__init__()
        channels = _scaled(32, width)
        layers = [conv_bn(3, channels, 3, 2, activation=nn.ReLU6)]
        for row in rows:
            outputs = _scaled(row.out, width)
            layers += [
                conv_bn(channels, channels, 3, row.stride, groups=channels, activation=nn.ReLU6),
                conv_bn(channels, outputs, 1, activation=nn.ReLU6),
            ]
            channels = outputs
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.09, a=-0.18, b=0.18)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.features(x))
        return self.classifier(y.flatten(1))  # type: ignore[no-any-return]


def _scaled(channels: int, width: float) -> int:
    return max(8, int(channels * width))


@register_net("mobilenet-v1", input_size=224)
def v1(*, num_classes: int = 10, width: float = 1.0) -> MobileNetV1:
    """MobileNet V1: depthwise separable convolutions."""
    return MobileNetV1(V1, width=width, num_classes=num_classes)


@register_net("fd-mobilenet", input_size=224)
def fast_downsampling(*, num_classes: int = 10, width: float = 1.0) -> MobileNetV1:
    """FD-MobileNet: MobileNet V1 that shrinks the picture 32 times within its first 12 layers."""
    return MobileNetV1(FAST_DOWNSAMPLING, width=width, num_classes=num_classes)
