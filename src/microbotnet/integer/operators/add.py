"""Sums of two maps."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..program import Array, Pair, Requantize, Shape, Tensor
from ..ranges import Range
from ..validation import demand
from .operator import Operator, Over, Rounded, check_rounding, one_range

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class Add(Rounded, Operator):
    """acc = multipliers[0]·a + multipliers[1]·b, of equal shapes; then `requantize`, whose multiplier is 1."""

    inputs: tuple[str, str]
    output: str
    multipliers: Pair
    requantize: Requantize

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        a, b = self.multipliers
        return self.requantize.apply(a * x[0] + b * x[1])

    def sums(self, inputs: tuple[Tensor, ...]) -> tuple[Range, ...]:
        terms = [(m * t.low, m * t.high) for m, t in zip(self.multipliers, inputs, strict=True)]
        return (one_range(sum(min(*ends, 0) for ends in terms), sum(max(*ends, 0) for ends in terms)),)

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        a, b = inputs
        demand(a.shape == b.shape, "adds two shapes")
        how = self.requantize
        demand(how.pre_shift == 0 and bool((how.multiplier == 1).all()), "has a multiplier or pre_shift")
        demand(max(map(abs, self.multipliers)) < 2**31, "has multipliers too long")
        return (a.shape, *check_rounding(how, a.shape[0]))

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        return tuple(dict.fromkeys((x.name, 0) for x in inputs))

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        reals = [graph.cast(name, "float64") for name in self.inputs]
        terms = [graph.add("Mul", a, graph.real(m)) for a, m in zip(reals, self.multipliers, strict=True)]
        centre = np.array([-graph.SHIFT * float(sum(self.multipliers))])
        graph.requantized(graph.add("Add", *terms), centre, self.requantize, output)
