"""DS-CNN, the word spotter of MLPerf Tiny (Zhang et al. 2017, arXiv 1711.07128; Banbury et al. 2021, 2106.07597)."""

from typing import NamedTuple

from torch import Tensor, nn

from .registry import register_net


class Row(NamedTuple):
    """One depthwise separable convolution."""

    out: int


ROWS = [Row(64)] * 4
ROWS_AND_COLUMNS = (49, 10)  # frames of 20 ms in a second, coefficients of each


class DSCNN(nn.Module):
    """A 10×4 stem of stride 2, depthwise separable convolutions, global average, linear.

    As in the reference, convolutions have biases, batch norm has the constants of Keras, and the stem is padded as
    TensorFlow pads (of an odd number of rows the larger half below). Initialisation as there: Glorot uniform, biases 0.

    Shape: (N, 1, 49, 10) float32, coefficients of a second of sound, to (N, num_classes) logits.
    """

    def __init__(self, *, num_classes: int = 12) -> None:
        super().__init__()
        channels = 64
        layers: list[nn.Module] = [
            nn.ZeroPad2d((1, 1, 4, 5)),
            nn.Conv2d(1, channels, (10, 4), 2),
            *_norm(channels),
            nn.Dropout(0.2),
        ]
        for row in ROWS:
            layers += [nn.Conv2d(channels, channels, 3, padding=1, groups=channels), *_norm(channels)]
            layers += [nn.Conv2d(channels, row.out, 1), *_norm(row.out)]
            channels = row.out
        self.features = nn.Sequential(*layers, nn.Dropout(0.4))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.features(x))
        return self.classifier(y.flatten(1))  # type: ignore[no-any-return]


def _norm(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels, eps=0.001, momentum=0.01), nn.ReLU(inplace=True)]


@register_net("ds-cnn", input_shape=(1, *ROWS_AND_COLUMNS), num_classes=12)
def ds_cnn(*, num_classes: int = 12) -> DSCNN:
    """DS-CNN of MLPerf Tiny: one of twelve spoken words."""
    return DSCNN(num_classes=num_classes)
