"""A border of one value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..program import Array, Shape, Tensor
from ..validation import demand
from .operator import OfOne

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class Pad(OfOne):
    """y is x with `fill` around it: before it as many channels, rows and columns as said, behind it to y's shape."""

    before: Shape
    fill: int

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        return np.pad(x[0], ((0, 0), *self._around(inputs[0], output)), constant_values=self.fill)

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        (x,) = inputs
        demand(len(self.before) == 3 and min(self.before) >= 0, "has a negative border")
        demand(min(min(side) for side in self._around(x, output)) >= 0, f"does not fit {output.shape}")
        demand(-128 <= self.fill <= 127, f"fills with {self.fill}")
        return output.shape, min(x.low, self.fill), max(x.high, self.fill)

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        sides = ((0, 0), *self._around(inputs[0], output))
        pads = np.array([side[end] for end in (0, 1) for side in sides], np.int64)
        fill = graph.constant(graph.bytes(np.array(self.fill, np.int8)))
        graph.add("Pad", self.input, graph.constant(pads), fill, output=output.name)

    def _around(self, x: Tensor, y: Tensor) -> list[tuple[int, int]]:
        return [(p, m - n - p) for p, n, m in zip(self.before, x.shape, y.shape, strict=True)]
