"""The integer program: a network as a list of operators on int8 tensors.

Each kind of operator is a file of `operators/`, which says what it means. A tensor of real values x is held as integers
q with x = scale·(q − zero_point). The scales say what the integers stand for; no operator reads them. Everything an
operator needs is an integer, and every sum fits in 32 bits: `ranges.check` proves it from the weights.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

if TYPE_CHECKING:
    from .operators import Operator

Shape = tuple[int, int, int]  # channels, height, width
Pair = tuple[int, int]  # of rows, of columns
Array = NDArray[np.int32]  # (N, channels, height, width)

LIMITS = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}
ELEMENT_BYTES = {"uint8": 1, "int8": 1, "int16": 2}


@dataclass(frozen=True)
class Tensor:
    """A value that operators hand on.

    dtype: "uint8" for a picture, "int8" inside, "int16" for scores and other results that no operator reads.
    scale, zero_point: x = scale·(q − zero_point); a padded pixel has the value zero_point.
    low, high: no element is ever outside.
    """

    name: str
    shape: Shape
    dtype: str
    scale: float
    zero_point: int
    low: int
    high: int


@dataclass(frozen=True)
class Requantize:
    """From a 32-bit sum to the output's integers.

        y = clamp((((acc·multiplier) >> pre_shift) + offset) >> shift, low, high)
        y = table[y + 128]                                       if there is a table

    `>>` rounds towards −∞, on negative numbers too; offset holds bias, zero points and the half that makes it
    round to nearest. A table is any non-linearity that is not a clamp; its index is int8.

    The product can be longer than 32 bits, what is kept of it is not. In 32-bit words it is, exactly,

        (acc·m) >> p = (acc >> p)·m + (((acc & (2^p − 1))·m) >> p)

    multiplier: (channels,) or (1,) int32. offset: the same shape, int32. table: (256,) int8.
    """

    multiplier: NDArray[np.int32]
    offset: NDArray[np.int32]
    pre_shift: int
    shift: int
    low: int
    high: int
    table: NDArray[np.int8] | None = None

    def apply(self, acc: Array) -> Array:
        """The outputs of sums (N, channels, height, width)."""
        multiplier, offset = (values[:, None, None] for values in (self.multiplier, self.offset))
        rest = acc & ((1 << self.pre_shift) - 1)
        product = (acc >> self.pre_shift) * multiplier + (rest * multiplier >> self.pre_shift)
        y: Array = np.clip((product + offset) >> self.shift, self.low, self.high)
        return y if self.table is None else self.table[y + 128].astype(np.int32)

    @property
    def shifts(self) -> bool:
        """Whether every multiplier is 0 or a power of two, so that there is nothing to multiply."""
        size = np.abs(self.multiplier.astype(np.int64))
        return bool((size & (size - 1) == 0).all())

    @property
    def span(self) -> Pair:
        """The least and the largest output."""
        return span_of(self.low, self.high, self.table)


def span_of(low: int, high: int, table: NDArray[np.int8] | None) -> Pair:
    """The least and the largest of what is clamped, then looked up if there is a table."""
    if table is None:
        return low, high
    reached = table[low + 128 : high + 129]
    return int(reached.min()), int(reached.max())


@dataclass(frozen=True)
class Program:
    """Operators in the order they run.

    input: a picture, uint8, or features, int8. outputs: what is handed to the caller, int8 or int16; a classifier has
    one, the scores, (classes, 1, 1) int16.
    labels: the classes' names. source: where the network came from, for people.
    """

    tensors: dict[str, Tensor]
    operators: tuple["Operator", ...]
    input: str
    outputs: tuple[str, ...]
    labels: tuple[str, ...] = ()
    source: dict[str, str] = field(default_factory=dict)

    def of(self, operator: "Operator") -> tuple[tuple[Tensor, ...], Tensor]:
        """The operator's input tensors and its output tensor."""
        return tuple(self.tensors[name] for name in operator.inputs), self.tensors[operator.output]

    @property
    def result(self) -> Tensor:
        """The one output.

        Raises:
            BadInput: there are several.
        """
        if len(self.outputs) != 1:
            raise BadInput(
                f"the network has {len(self.outputs)} outputs where one is needed: {', '.join(self.outputs)}"
            )
        return self.tensors[self.outputs[0]]

    @property
    def scores(self) -> Tensor:
        """The one output, a value for each class.

        Raises:
            BadInput: there are several, or it is a map.
        """
        if self.result.shape[1:] != (1, 1):
            shape = "×".join(map(str, self.result.shape))
            raise BadInput(f"the network's output of {shape} is no list of scores")
        return self.result
