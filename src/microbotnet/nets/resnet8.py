"""ResNet-8, the picture classifier of MLPerf Tiny (Banbury et al. 2021, arXiv 2106.07597)."""

from typing import NamedTuple

from torch import Tensor, nn

from .registry import register_net


class Row(NamedTuple):
    """One residual block."""

    out: int
    stride: int


ROWS = [
    Row(16, 1),
    Row(32, 2),
    Row(64, 2),
]


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut, which is a strided 1×1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1),
            _norm(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1),
            _norm(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.conv(x) + self.shortcut(x))
        return y


class ResNet8(nn.Module):
    """A 3×3 stem of 16 filters, three residual blocks, global average, linear.

    As in the reference, convolutions have biases, and batch norm the constants of Keras. Initialisation as there:
    He normal, biases 0.

    Shape: (N, 3, H, W) float32, normalised, to (N, num_classes) logits.
    """

    def __init__(self, *, num_classes: int = 10) -> None:
        super().__init__()
        channels = 16
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, 1, 1), _norm(channels), nn.ReLU(inplace=True)]
        for row in ROWS:
            layers.append(ResidualBlock(channels, row.out, row.stride))
            channels = row.out
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.features(x))
        return self.classifier(y.flatten(1))  # type: ignore[no-any-return]


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=0.001, momentum=0.01)


@register_net("resnet8")
def resnet8(*, num_classes: int = 10) -> ResNet8:
    """ResNet-8 of MLPerf Tiny, the yardstick of the field."""
    return ResNet8(num_classes=num_classes)
