"""Binary kernels; the sign of activations is the same function (`nets.binarynet.Sign`)."""

from torch import Tensor, nn

from ..nets.binarynet import sign
from .ternary import straight_through


def binary(weight: Tensor) -> Tensor:
    """BinaryNet: −1 and +1, never 0.

        Q = +1 where W ≥ 0, else −1
        ∂W = G where |W| ≤ 1, else 0

    Hubara et al. 2016 (arXiv 1602.02830), section 1.3; it keeps W in −1…1 by clipping after every step.
    """
    return sign(weight)


@straight_through
def scaled_binary(weight: Tensor) -> Tensor:
    """XNOR-Net's weights: −α and +α with the α of least squares.

        Q = α·sign(W);   α = mean|W|
        ∂W = G

    Rastegari et al. 2016 (arXiv 1603.05279), section 3.1, with one α for the whole kernel and BinaryConnect's
    gradient. A kernel of zeros stays one.
    """
    return weight.abs().mean() * sign(weight)


class Binary(nn.Module):
    """`binary`, or where `scaled` `scaled_binary`, as a parametrization; None as in `ternary.OneNegativeOne`."""

    bits = 1
    bound = 1.0  # of the full-precision kernel, see `latent.clip_latent`

    def __init__(self, *, scaled: bool | None = None) -> None:
        super().__init__()
        self.scaled = scaled

    def forward(self, weight: Tensor) -> Tensor:
        return scaled_binary(weight) if self.scaled else binary(weight)
