"""Softmax over the channels, in the fixed-point arithmetic of TensorFlow Lite's int8 kernel."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..program import Array, Shape, Tensor
from ..reciprocal import FIRST, SLOPE, STEPS, reciprocal
from ..rescale import HIGHEST, doubling_high, shifted_right
from ..validation import demand
from .operator import OfOne, Over, check_array

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph

MOST = 4095  # channels, so that their sum fits in 32 bits
_WHOLE = 12  # integer bits of the sum


@dataclass(frozen=True)
class Softmax(OfOne):
    """y = 256·exp(x) / Σ exp − 128 over the channels of each pixel, where

        e = exponentials[largest x − x];  sum = Σ round(e / 2^12), of 12 integer bits
        r = the reciprocal of sum / 2^(31 − headroom), 1 to 2, by Newton's steps: see `reciprocal`
        y = round(e·r / 2^31 / 2^(35 − headroom)) − 128

    headroom: the leading zeros of the sum in 32 bits.

    exponentials: (256,) int32, of 0, −1, … −255 units of x, 2^31 − 1 being 1.
    """

    exponentials: NDArray[np.int32]

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        e = self.exponentials[x[0].max(1, keepdims=True) - x[0]].astype(np.int64)
        total = shifted_right(e, _WHOLE).sum(1, keepdims=True)
        headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
        factor = reciprocal((total << headroom) - 2**31)
        y = shifted_right(doubling_high(e, factor), _WHOLE + 31 - 8 - headroom) - 128
        return np.clip(y, -128, 127).astype(np.int32)

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        (x,) = inputs
        check_array(self.exponentials, np.int32, ((256,),))
        demand(x.shape[0] <= MOST, f"is over {x.shape[0]} channels; {MOST} are the most")
        demand(self.exponentials.min() >= 0 and self.exponentials[0] == HIGHEST, "has exponentials that are none")
        return x.shape, -128, 127

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        return ((inputs[0].name, 0),)

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """In int64; what is divided is first made positive, because Div rounds towards zero."""

        def number(value: int) -> str:
            return graph.constant(np.array(value, np.int64))

        def times(a: str, b: str) -> str:
            return graph.add("Mul", a, b)

        def high(a: str, b: str) -> str:
            more = graph.add("Add", times(a, b), number(2**62 + 2**30))
            return graph.add("Sub", graph.add("Div", more, number(2**31)), number(2**31))

        def left(a: str, count: int) -> str:
            return graph.add("Clip", times(a, number(1 << count)), number(-(2**31)), number(HIGHEST))

        x = graph.cast(self.input, "int64")
        largest = graph.largest(x)
        e = graph.add("Gather", graph.constant(self.exponentials.astype(np.int64)), graph.add("Sub", largest, x))
        part = graph.add("Div", graph.add("Add", e, number(1 << _WHOLE - 1)), number(1 << _WHOLE))
        total = graph.add("ReduceSum", part, graph.constant(np.array([1], np.int64)), keepdims=1)
        # 2^headroom by comparing with every power of two.
        powers = 2.0 ** np.arange(32)
        reached = graph.add("Less", graph.cast(total, "float64"), graph.constant(powers.reshape(1, 32, 1, 1)))
        room = graph.add("ReduceSum", graph.cast(reached, "int64"), graph.constant(np.array([1], np.int64)), keepdims=1)
        unit = graph.add("Gather", graph.constant(2 ** np.arange(33, dtype=np.int64)), room)
        rest = graph.add("Sub", times(total, unit), number(2**31))
        half = graph.add("Div", graph.add("Add", rest, number(2**31)), number(2))
        made = graph.add("Add", high(half, number(SLOPE)), number(FIRST))
        for _ in range(STEPS):
            missing = graph.add("Sub", number(2**29), high(half, made))
            made = graph.add("Add", made, left(high(made, missing), 2))
        scaled = high(e, left(made, 1))
        shift = graph.add("Gather", graph.constant(2 ** np.arange(35, 2, -1, dtype=np.int64)), room)
        rounded = graph.add("Div", graph.add("Add", scaled, graph.add("Div", shift, number(2))), shift)
        graph.cast(graph.add("Clip", rounded, number(0), number(255)), "uint8", output.name)
