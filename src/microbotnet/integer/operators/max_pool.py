"""Max pools."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..program import LIMITS, Array, Pair, Shape, Tensor
from ..validation import demand
from .operator import OfOne, check_windows, more_fit, reached, windows

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class MaxPool(OfOne):
    """y = the largest x of each window; what lies outside the map does not count.

    padding is that before the map; how far windows reach behind it is what the output's shape says.
    """

    kernel: Pair
    stride: Pair
    padding: Pair

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        rows, columns = reached(inputs[0], output.shape, self.kernel, self.stride, self.padding)
        padded = np.pad(x[0], ((0, 0), (0, 0), rows, columns), constant_values=LIMITS["int8"][0])
        seen = windows(padded, self.kernel, self.stride)
        largest: Array = seen[:, :, : output.shape[1], : output.shape[2]].max((-2, -1))
        return largest

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        (x,) = inputs
        check_windows(x, output.shape, self.kernel, self.stride, self.padding)
        demand(all(2 * p <= k for p, k in zip(self.padding, self.kernel, strict=True)), "pads by over half its window")
        for n, count, s, p in zip(x.shape[1:], output.shape[1:], self.stride, self.padding, strict=True):
            demand((count - 1) * s < n + p, "has a window that holds nothing")
        return (x.shape[0], *output.shape[1:]), x.low, x.high

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        around = reached(inputs[0], output.shape, self.kernel, self.stride, self.padding)
        pads = [side[end] for end in (0, 1) for side in around]
        more = more_fit(inputs[0], output.shape, self.kernel, self.stride, around)
        made = graph.add("MaxPool", self.input, kernel_shape=self.kernel, strides=self.stride, pads=pads,
                         output="" if more else output.name)  # fmt: skip
        if more:
            graph.cut(made, output.shape, output.name)
