"""The autoencoder of MLPerf Tiny that hears when a machine is ill (Banbury et al. 2021, arXiv 2106.07597)."""

from typing import NamedTuple

from torch import Tensor, nn

from .registry import register_net


class Row(NamedTuple):
    """One linear layer with batch norm and ReLU."""

    out: int


ROWS = [*[Row(128)] * 4, Row(8), *[Row(128)] * 4]
FEATURES = 640  # five frames of 128 mel bands


class DeepAutoencoder(nn.Module):
    """Linear layers down to eight features and up again; the further its output from its input, the odder the sound.

    As in the reference, batch norm has the constants of Keras. Initialisation as there: Glorot uniform, biases 0.

    Shape: (N, 640) float32, five frames of log mel energies, to (N, num_classes) float32; 640 of them are the frames
    again.
    """

    def __init__(self, *, num_classes: int = FEATURES) -> None:
        super().__init__()
        features = FEATURES
        layers: list[nn.Module] = []
        for row in ROWS:
            layers += [nn.Linear(features, row.out), nn.BatchNorm1d(row.out, eps=0.001, momentum=0.01), nn.ReLU()]
            features = row.out
        self.layers = nn.Sequential(*layers, nn.Linear(features, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


@register_net("deep-autoencoder", input_shape=(FEATURES,), num_classes=FEATURES)
def deep_autoencoder(*, num_classes: int = FEATURES) -> DeepAutoencoder:
    """Autoencoder of MLPerf Tiny: tells odd sounds of a machine."""
    return DeepAutoencoder(num_classes=num_classes)
