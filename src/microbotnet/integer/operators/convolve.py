"""Convolutions and linear layers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..program import Array, Pair, Requantize, Shape, Tensor
from ..ranges import Range
from ..validation import demand
from .operator import OfOne, Rounded, check_rounding, check_windows, reached, windows

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class Convolution(OfOne):
    """The sums of a convolution; a linear layer is one whose kernel covers the whole map.

    acc[o, i, j] = Σ weights[o, c, u, v] · x[channel c of o's group, i·stride + u − padding, j·stride + v − padding],
    where x outside the map is its zero point. padding is that before the map; how far windows reach behind it is
    what the output's shape says.

    weights: (outputs, inputs / groups, rows, columns) int8. bits: what a weight is stored in: 1, 2 (ternary) or 8.
    """

    weights: NDArray[np.int8]
    bits: int
    stride: Pair
    padding: Pair
    groups: int

    @property
    def kernel(self) -> Pair:
        """Rows and columns of a window."""
        return self.weights.shape[2], self.weights.shape[3]

    def accumulate(self, x: Array, of: Tensor, shape: Shape) -> Array:
        """The sums, (N, *shape) int32."""
        outputs, depth, *kernel = self.weights.shape
        rows, columns = reached(of, shape, self.kernel, self.stride, self.padding)
        padded = np.pad(x, ((0, 0), (0, 0), rows, columns), constant_values=of.zero_point)
        seen = windows(padded, (kernel[0], kernel[1]), self.stride)[:, :, : shape[1], : shape[2]]
        n, _, height, width = seen.shape[:4]
        groups = self.groups
        # Products in float64, which holds every integer under 2^53, because NumPy multiplies no integer matrix fast.
        taps = seen.reshape(n, groups, depth, height, width, -1).transpose(1, 0, 3, 4, 2, 5).astype(np.float64)
        weights = self.weights.reshape(groups, outputs // groups, -1).astype(np.float64)
        sums = taps.reshape(groups, n * height * width, -1) @ weights.transpose(0, 2, 1)
        sums = sums.reshape(groups, n, height, width, -1).transpose(1, 0, 4, 2, 3)
        return sums.reshape(n, outputs, height, width).astype(np.int32)

    def sums(self, inputs: tuple[Tensor, ...]) -> tuple[Range, ...]:
        (x,) = inputs
        w = self.weights.reshape(len(self.weights), -1).astype(np.int64)
        low, high = min(x.low, x.zero_point), max(x.high, x.zero_point)  # of what is read, padding included
        products = np.stack([w * low, w * high])
        return (Range(np.minimum(products.min(0), 0).sum(1), np.maximum(products.max(0), 0).sum(1)),)

    def check_kernel(self, x: Tensor, output: Tensor) -> Shape:
        """The shape of what it makes; `demand`s that the kernel fits."""
        weights, groups = self.weights, self.groups
        demand(weights.ndim == 4 and weights.size > 0 and weights.dtype == np.int8, "its weights are no int8 kernel")
        outputs, depth = weights.shape[:2]
        demand(
            groups >= 1 and outputs % groups == 0 and depth * groups == x.shape[0], "its groups do not fit its channels"
        )
        demand(self.bits in (1, 2, 8), f"has weights of {self.bits} bits")
        size = np.abs(weights.astype(np.int16))
        limit = 128 if self.bits == 8 else 1
        demand(size.max() <= limit and (self.bits > 1 or size.min() == 1), f"its weights are not of {self.bits} bits")
        check_windows(x, output.shape, self.kernel, self.stride, self.padding)
        return outputs, *output.shape[1:]

    def onnx_sums(self, graph: "OnnxGraph", x: Tensor, output: Tensor) -> str:
        """The sums less those of the zero point; float64."""
        around = reached(x, output.shape, self.kernel, self.stride, self.padding)
        return graph.windowed(x, self.weights, x.zero_point, self.groups, self.stride, around, output.shape)


@dataclass(frozen=True)
class Convolve(Rounded, Convolution):
    """A convolution whose sums are requantized."""

    requantize: Requantize

    makes = ("int8", "int16")

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        return self.requantize.apply(self.accumulate(x[0], inputs[0], output.shape))

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        return (self.check_kernel(inputs[0], output), *check_rounding(self.requantize, len(self.weights)))

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        (x,) = inputs
        acc = self.onnx_sums(graph, x, output)
        centre = x.zero_point * self.weights.reshape(len(self.weights), -1).sum(1, dtype=np.float64)
        graph.requantized(acc, centre, self.requantize, output)
