"""A table for each value: normalises a picture, or is an activation alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..program import LIMITS, Array, Shape, Tensor
from .operator import OfOne, Over, check_array

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class Lookup(OfOne):
    """y = tables[channel or 0][x − lowest value of x's dtype].

    tables: (channels, 256) or (1, 256) int8.
    """

    tables: NDArray[np.int8]

    reads = ("uint8", "int8")

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        index = x[0] - LIMITS[inputs[0].dtype][0]
        channel = np.arange(x[0].shape[1])[None, :, None, None] if len(self.tables) > 1 else 0
        found: Array = self.tables[channel, index].astype(np.int32)
        return found

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        (x,) = inputs
        check_array(self.tables, np.int8, ((1, 256), (x.shape[0], 256)))
        lowest = LIMITS[x.dtype][0]
        reached = self.tables[:, x.low - lowest : x.high - lowest + 1]
        return x.shape, int(reached.min()), int(reached.max())

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        return ((inputs[0].name, 0),)

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        index = graph.cast(self.input, "int32")
        if len(self.tables) > 1:
            starts = np.arange(0, self.tables.size, 256).astype(np.int32)[:, None, None]
            index = graph.add("Add", index, graph.constant(starts))
        graph.add("Gather", graph.constant(graph.bytes(self.tables.reshape(-1))), index, output=output.name)
