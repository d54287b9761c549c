"""The larger, or the smaller, of two maps."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..program import Array, Shape, Tensor
from ..validation import demand
from .operator import Operator, Over

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class Extreme(Operator):
    """y = max(a, b), or min(a, b) where not `largest`, of equal shapes and of one scale."""

    inputs: tuple[str, str]
    output: str
    largest: bool

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        return (np.maximum if self.largest else np.minimum)(x[0], x[1])

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        a, b = inputs
        demand(a.shape == b.shape, "compares two shapes")
        demand(isinstance(self.largest, bool), "does not say which it takes")
        pick = max if self.largest else min
        return a.shape, pick(a.low, b.low), pick(a.high, b.high)

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        return tuple(dict.fromkeys((x.name, 0) for x in inputs))

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        wide = [graph.cast(name, "int32") for name in self.inputs]  # runtimes compare no bytes
        graph.cast(graph.add("Max" if self.largest else "Min", *wide), "uint8", output.name)
