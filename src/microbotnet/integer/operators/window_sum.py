"""Average pools whose windows are not all alike."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..program import Array, Pair, Requantize, Shape, Tensor
from ..ranges import Range
from ..validation import demand
from .operator import OfOne, Rounded, check_rounding

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph


@dataclass(frozen=True)
class WindowSum(Rounded, OfOne):
    """acc[i, j] = Σ (x − zero point of x) over rows[i] and columns[j]; the multiplier of (i, j) divides.

    rows, columns: for each of the output's, where its windows begin and end. requantize: with a multiplier for each
    window, row by row, not for each channel; or with one.
    """

    rows: tuple[Pair, ...]
    columns: tuple[Pair, ...]
    requantize: Requantize

    makes = ("int8", "int16")

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        sums = self._sums(x[0] - inputs[0].zero_point)
        n, channels, height, width = sums.shape
        by_window = sums.reshape(n, channels, height * width, 1).transpose(0, 2, 1, 3)
        return self.requantize.apply(by_window).transpose(0, 2, 1, 3).reshape(sums.shape)

    def _sums(self, x: Array) -> Array:
        by_row = np.stack([x[:, :, a:b].sum(2, dtype=np.int32) for a, b in self.rows], 2)
        return np.stack([by_row[..., a:b].sum(3, dtype=np.int32) for a, b in self.columns], 3)

    def sums(self, inputs: tuple[Tensor, ...]) -> tuple[Range, ...]:
        (x,) = inputs
        counts = np.array([(b - a) * (d - c) for a, b in self.rows for c, d in self.columns], np.int64)
        return (Range(counts * min(x.low - x.zero_point, 0), counts * max(x.high - x.zero_point, 0)),)

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        (x,) = inputs
        for ends, size in ((self.rows, x.shape[1]), (self.columns, x.shape[2])):
            demand(len(ends) > 0 and all(len(end) == 2 and 0 <= end[0] < end[1] <= size for end in ends),
                   "has a window outside the map")  # fmt: skip
        shape = (x.shape[0], len(self.rows), len(self.columns))
        return (shape, *check_rounding(self.requantize, shape[1] * shape[2]))

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        (x,) = inputs
        real = graph.add("Sub", graph.cast(self.input, "float64"), graph.real(x.zero_point + graph.SHIFT))
        # A window's rows and columns are those at which these matrices are 1.
        down, right = (_ones(ends, size) for ends, size in ((self.rows, x.shape[1]), (self.columns, x.shape[2])))
        acc = graph.add("MatMul", graph.add("MatMul", graph.constant(down), real), graph.constant(right.T.copy()))
        n, height, width = output.shape
        flat = graph.add("Reshape", acc, graph.constant(np.array([0, n, height * width, 1], np.int64)))
        by_window = graph.add("Transpose", flat, perm=[0, 2, 1, 3])
        rounded = graph.requantized(by_window, np.zeros(1), self.requantize, wide=output.dtype == "int16")
        back = graph.add("Transpose", rounded, perm=[0, 2, 1, 3])
        graph.add("Reshape", back, graph.constant(np.array([0, *output.shape], np.int64)), output=output.name)


def _ones(ends: tuple[Pair, ...], size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    made = np.zeros((len(ends), size))
    for i, (a, b) in enumerate(ends):
        made[i, a:b] = 1
    return made
