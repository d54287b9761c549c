"""Weight sharing: each kernel's weights take one of a few values (Deep Compression, arXiv 1510.00149, section 3)."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from ..errors import BadInput
from ..quant.policy import kernels

Values = np.ndarray[Any, np.dtype[Any]]

MOST_ROUNDS = 300


def k_means(values: Values, clusters: int) -> tuple[Values, Values]:
    """Lloyd's algorithm on numbers: the centroids, growing, and the index of each value's own.

    It begins with centroids evenly spaced from the least value to the greatest, the paper's linear initialisation
    (section 3.2), which keeps the rare large weights. Clusters that stay empty are left out. Where there are no more
    distinct values than clusters, these are the centroids.

    Args:
        values: (N,) float, N at least 1.
        clusters: at least 1.

    Returns:
        centroids, float64, at most `clusters`; indices, int64, N.
    """
    order = np.argsort(values, kind="stable")
    line = values[order].astype(np.float64)
    distinct = np.unique(line)
    centroids = distinct if len(distinct) <= clusters else np.linspace(line[0], line[-1], clusters)
    sums = np.concatenate([[0.0], np.cumsum(line)])
    ends = None
    for _ in range(MOST_ROUNDS):
        middles = (centroids[1:] + centroids[:-1]) / 2
        found = np.concatenate([[0], np.searchsorted(line, middles), [len(line)]])
        if ends is not None and np.array_equal(found, ends):
            break
        ends = found
        counts = np.diff(ends)
        means = np.diff(sums[ends]) / np.maximum(counts, 1)
        centroids = np.where(counts > 0, means, centroids) if len(distinct) > clusters else distinct
    assert ends is not None
    counts = np.diff(ends)
    index = np.empty(len(line), np.int64)
    index[order] = np.repeat(np.arange(np.count_nonzero(counts)), counts[counts > 0])
    return centroids[counts > 0], index


class Shared(nn.Module):
    """A parametrization that looks each weight up in a codebook of centroids; pruned weights stay zero.

    The codebook is what is trained. Its gradient is the sum of the gradients of the weights that share a centroid
    (equation 3), which is what the look-up's own derivative says.

    Args:
        weight: float; its zeros are left out of the clusters.
        clusters: at most so many centroids.
    """

    index: Tensor

    def __init__(self, weight: Tensor, clusters: int) -> None:
        super().__init__()
        values = weight.detach().cpu().numpy()
        kept = values != 0
        index = np.zeros(values.shape, np.int64)
        self._centroids = np.zeros(0)
        if kept.any():
            self._centroids, index[kept] = k_means(values[kept], clusters)
            index[kept] += 1
        self.register_buffer("index", torch.from_numpy(index))

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The codebook, (clusters,); what `register_parametrization` makes the parameter."""
        return torch.from_numpy(self._centroids).to(weight)

    def forward(self, codebook: Tensor) -> Tensor:
        table = functional.pad(codebook, (1, 0))  # zero first, which nothing trains
        return functional.embedding(self.index, table[:, None])[..., 0]


def share(model: nn.Module, bits: int) -> None:
    """Let every convolution's and linear's weights share 2^bits centroids, in place, until `quant.bake`.

    Raises:
        BadInput: bits are not from 1 to 8; a kernel holds values that are no numbers (it is named).
    """
    if not 1 <= bits <= 8:
        raise BadInput(f"bits must be from 1 to 8, not {bits}")
    for kernel in kernels(model):
        layer = model.get_submodule(kernel.name)
        weight = layer.get_parameter("weight")
        if not torch.isfinite(weight).all():
            raise BadInput(f"layer {kernel.name}: its weight holds NaN or infinity")
        # 255, not 256: with the zero of pruned weights the codebook's indices fit a byte
        parametrize.register_parametrization(layer, "weight", Shared(weight, min(2**bits, 255)))
