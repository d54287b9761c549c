"""EfficientNet-Lite0: EfficientNet's rows without gates, with ReLU6 (Tan and Le 2019, arXiv 1905.11946, table 1).

The Lite form and its numbers are those of TensorFlow's reference code (tpu/models/official/efficientnet/lite).
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from .registry import register_net


class Row(NamedTuple):
    """Blocks in a line, the first of them with the stride."""

    expansion: int
    kernel: int
    out: int
    repeats: int
    stride: int


ROWS = [
    Row(1, 3, 16, 1, 1),
    Row(6, 3, 24, 2, 2),
    Row(6, 5, 40, 2, 2),
    Row(6, 3, 80, 3, 2),
    Row(6, 5, 112, 3, 1),
    Row(6, 5, 192, 4, 2),
    Row(6, 3, 320, 1, 1),
]


class SamePad(nn.Module):
    """TensorFlow's padding "same": zeros around, and where their number is odd one more below and to the right."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (max(self.kernel - self.stride - (-side % self.stride), 0) for side in x.shape[-2:])
        return F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, *, active: bool = True
) -> list[nn.Module]:
    padded: list[nn.Module] = [SamePad(kernel, stride)] if stride > 1 else []
    convolve = nn.Conv2d(inputs, outputs, kernel, stride, 0 if stride > 1 else kernel // 2, groups=groups, bias=False)
    norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
    return [*padded, convolve, norm, *([nn.ReLU6(inplace=True)] if active else [])]


class Block(nn.Module):
    """Expand 1×1, filter k×k per channel, project 1×1 without activation; shortcut where it can be the identity."""

    def __init__(self, inputs: int, row: Row, stride: int) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == row.out
        wide = inputs * row.expansion
        self.conv = nn.Sequential(
            *(_conv(inputs, wide, 1) if row.expansion > 1 else []),
            *_conv(wide, wide, row.kernel, stride, wide),
            *_conv(wide, row.out, 1, active=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.shortcut else y


class EfficientNetLite0(nn.Module):
    """A 3×3 stem of 32 filters, the rows, 1×1 to 1280, global average, linear.

    Convolutions start Kaiming normal fan-out, the linear uniform within ±1/√num_classes, its bias 0.

    Shape: (N, 3, H, W) float32, normalised, to (N, num_classes) logits.
    """

    def __init__(self, *, num_classes: int = 10) -> None:
        super().__init__()
        layers, channels = _conv(3, 32, 3, 2), 32
        for row in ROWS:
            for repeat in range(row.repeats):
                layers.append(Block(channels, row, row.stride if repeat == 0 else 1))
                channels = row.out
        self.features = nn.Sequential(*layers, *_conv(channels, 1280, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.uniform_(module.weight, -(num_classes**-0.5), num_classes**-0.5)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.features(x))
        return self.classifier(y.flatten(1))  # type: ignore[no-any-return]


@register_net("efficientnet-lite0", input_size=224, num_classes=1000)
def lite0(*, num_classes: int = 1000) -> EfficientNetLite0:
    """EfficientNet-Lite0: inverted residuals of 3×3 and 5×5 without gates, for ImageNet."""
    return EfficientNetLite0(num_classes=num_classes)
