"""Convolutions and linear layers of TensorFlow Lite."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..program import Array, Shape, Tensor
from ..rescale import Rescale
from .convolve import Convolution
from .operator import check_rounding

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class RescaledConvolve(Convolution):
    """A convolution whose sums are rounded as TensorFlow Lite for Microcontrollers does."""

    rescale: Rescale

    @property
    def rounding(self) -> tuple[Rescale, ...]:
        """The one."""
        return (self.rescale,)

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        return self.rescale.apply(self.accumulate(x[0], inputs[0], output.shape))

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        return (self.check_kernel(inputs[0], output), *check_rounding(self.rescale, len(self.weights)))

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        (x,) = inputs
        centre = x.zero_point * self.weights.reshape(len(self.weights), -1).sum(1, dtype=np.int64)
        graph.rescaled(self.onnx_sums(graph, x, output), centre, self.rescale, output)
