"""Maps joined along their channels."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ..program import Array, Requantize, Shape, Tensor
from ..ranges import Range
from ..validation import demand
from .operator import Operator, Over, check_rounding, one_range

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class Concatenate(Operator):
    """The inputs' channels one after the other, each input requantized with acc = x."""

    inputs: tuple[str, ...]
    output: str
    requantize: tuple[Requantize, ...]

    @property
    def rounding(self) -> tuple[Requantize, ...]:
        """One for each input."""
        return self.requantize

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        return np.concatenate([how.apply(part) for part, how in zip(x, self.requantize, strict=True)], 1)

    def sums(self, inputs: tuple[Tensor, ...]) -> tuple[Range, ...]:
        return tuple(one_range(t.low, t.high) for t in inputs)

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        demand(len(self.requantize) == len(inputs) > 0, "has not one rounding for each input")
        demand(len({part.shape[1:] for part in inputs}) == 1, "joins maps of several sizes")
        spans = [check_rounding(how, part.shape[0]) for how, part in zip(self.requantize, inputs, strict=True)]
        shape = (sum(part.shape[0] for part in inputs), *inputs[0].shape[1:])
        return shape, min(low for low, _ in spans), max(high for _, high in spans)

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        starts = [sum(prod(t.shape) for t in inputs[:i]) for i in range(len(inputs))]
        once = [(t, start) for t, start in zip(inputs, starts, strict=True) if self.inputs.count(t.name) == 1]
        return tuple((t.name, start) for t, start in once)

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        centre = np.array([-float(graph.SHIFT)])
        parts = [
            graph.requantized(graph.cast(name, "float64"), centre, how)
            for name, how in zip(self.inputs, self.requantize, strict=True)
        ]
        graph.add("Concat", *parts, axis=1, output=output.name)
