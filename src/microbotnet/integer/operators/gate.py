"""Products of two maps, such as squeeze-and-excite's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..program import Array, Requantize, Shape, Tensor
from ..ranges import Range
from ..validation import demand
from .operator import Operator, Over, Rounded, check_rounding, one_range

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class Gate(Rounded, Operator):
    """acc = (x − zero point of x)·(g − zero point of g), g repeated along the axes where it has one element.

    (channels, 1, 1) is squeeze-and-excite's gate, (1, rows, columns) a spatial one, x's own shape a product of maps.
    """

    inputs: tuple[str, str]
    output: str
    requantize: Requantize

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        return self.requantize.apply((x[0] - inputs[0].zero_point) * (x[1] - inputs[1].zero_point))

    def sums(self, inputs: tuple[Tensor, ...]) -> tuple[Range, ...]:
        a, b = ((t.low - t.zero_point, t.high - t.zero_point) for t in inputs)
        corners = [p * q for p in a for q in b]
        return (one_range(min(corners), max(corners)),)

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        x, g = inputs
        fits = all(n in (1, m) for n, m in zip(g.shape, x.shape, strict=True))
        demand(fits, f"multiplies {x.shape} by {g.shape}")
        demand(len(self.requantize.multiplier) == 1, "has a multiplier for each channel")
        return (x.shape, *check_rounding(self.requantize, 1))

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        x, g = inputs
        same = [t for t in inputs if t.shape == x.shape]
        if x.name == g.name or g.shape == x.shape:
            return tuple(dict.fromkeys((t.name, 0) for t in same))
        return ((x.name, 0),)

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        reals = [graph.cast(name, "float64") for name in self.inputs]
        terms = [
            graph.add("Sub", a, graph.real(t.zero_point + graph.SHIFT)) for a, t in zip(reals, inputs, strict=True)
        ]
        graph.requantized(graph.add("Mul", *terms), np.zeros(1), self.requantize, output)
