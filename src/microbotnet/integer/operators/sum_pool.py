"""Average pools."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..program import Array, Pair, Requantize, Shape, Tensor
from ..ranges import Range
from ..validation import demand
from .operator import OfOne, Rounded, check_rounding, one_range, windows

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class SumPool(Rounded, OfOne):
    """acc = Σ x over windows without padding: an average pool, whose division is in the multiplier."""

    kernel: Pair
    stride: Pair
    requantize: Requantize

    makes = ("int8", "int16")

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        return self.requantize.apply(windows(x[0], self.kernel, self.stride).sum((-2, -1), dtype=np.int32))

    def sums(self, inputs: tuple[Tensor, ...]) -> tuple[Range, ...]:
        count = self.kernel[0] * self.kernel[1]
        return (one_range(min(inputs[0].low, 0) * count, max(inputs[0].high, 0) * count),)

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        (x,) = inputs
        demand(min(*self.kernel, *self.stride) >= 1, "has an empty window or stride")
        rows, columns = ((n - k) // s + 1 for n, k, s in zip(x.shape[1:], self.kernel, self.stride, strict=True))
        demand(min(rows, columns) >= 1, "its window is larger than the map")
        return ((x.shape[0], rows, columns), *check_rounding(self.requantize, x.shape[0]))

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ones = np.ones((output.shape[0], 1, *self.kernel), np.int8)
        around = (0, 0), (0, 0)
        acc = graph.windowed(inputs[0], ones, 0, output.shape[0], self.stride, around, output.shape)
        graph.requantized(acc, np.zeros(1), self.requantize, output)
