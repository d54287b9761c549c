"""Evenly spaced values: what a policy leaves at 8 bits."""

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .ternary import straight_through


@straight_through
def uniform(weight: Tensor, bits: int = 8) -> Tensor:
    """Integers from −(2^(bits−1) − 1) to its opposite, times one scale for each output channel.

        Q = s·round(W / s);   s = max|W of the channel| / (2^(bits−1) − 1)
        ∂W = G

    Symmetric, so that no zero point is needed: Jacob et al. 2017 (arXiv 1712.05877), section 3. A channel of zeros
    stays one.

    Args:
        weight: (outputs, …) float.
        bits: from 2 to 8.
    """
    largest = weight.abs().amax(dim=tuple(range(1, weight.ndim)), keepdim=True)
    scale: Tensor = (largest / (2 ** (bits - 1) - 1)).clamp(min=torch.finfo(weight.dtype).tiny)
    return scale * (weight / scale).round()


class Uniform(nn.Module):
    """`uniform` as a parametrization."""

    def __init__(self, bits: int = 8) -> None:
        super().__init__()
        if not 2 <= bits <= 8:
            raise BadInput(f"bits must be from 2 to 8, not {bits}")
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        return uniform(weight, self.bits)
