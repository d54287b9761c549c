"""The integer program: a network as a list of operators on int8 tensors, whose meaning is `interpreter.py`.

A tensor of real values x is held as integers q with x = scale·(q − zero_point). The scales say what the integers
stand for; no operator reads them. Everything an operator needs is an integer, and every sum fits in 32 bits:
`ranges.check` proves it from the weights.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int, int]  # channels, height, width
Pair = tuple[int, int]  # of rows, of columns

LIMITS = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}


@dataclass(frozen=True)
class Tensor:
    """A value that operators hand on.

    dtype: "uint8" for the picture, "int8" inside, "int16" for the classes' scores.
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


@dataclass(frozen=True)
class Lookup:
    """y = tables[channel or 0][x − lowest value of x's dtype]: normalises the picture, or is an activation alone.

    tables: (channels, 256) or (1, 256) int8.
    """

    name: str
    input: str
    output: str
    tables: NDArray[np.int8]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tensors it reads."""
        return (self.input,)


@dataclass(frozen=True)
class Convolve:
    """A convolution; a linear layer is one whose kernel covers the whole map.

    acc[o, i, j] = Σ weights[o, c, u, v] · x[channel c of o's group, i·stride + u − padding, j·stride + v − padding],
    where x outside the map is its zero point.

    weights: (outputs, inputs / groups, rows, columns) int8. bits: what a weight is stored in: 1, 2 (ternary) or 8.
    """

    name: str
    input: str
    output: str
    weights: NDArray[np.int8]
    bits: int
    stride: Pair
    padding: Pair
    groups: int
    requantize: Requantize

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tensors it reads."""
        return (self.input,)


@dataclass(frozen=True)
class SumPool:
    """acc = Σ x over windows without padding: an average pool, whose division is in the multiplier."""

    name: str
    input: str
    output: str
    kernel: Pair
    stride: Pair
    requantize: Requantize

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tensors it reads."""
        return (self.input,)


@dataclass(frozen=True)
class MaxPool:
    """y = the largest x of each window; what lies outside the map does not count."""

    name: str
    input: str
    output: str
    kernel: Pair
    stride: Pair
    padding: Pair

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tensors it reads."""
        return (self.input,)


@dataclass(frozen=True)
class Add:
    """acc = multipliers[0]·a + multipliers[1]·b, of equal shapes; then `requantize`, whose multiplier is 1."""

    name: str
    inputs: tuple[str, str]
    output: str
    multipliers: Pair
    requantize: Requantize


@dataclass(frozen=True)
class Gate:
    """acc = (x − zero point of x)·(g − zero point of g), g being (channels, 1, 1): squeeze-and-excite's product."""

    name: str
    inputs: tuple[str, str]
    output: str
    requantize: Requantize


@dataclass(frozen=True)
class Concatenate:
    """The inputs' channels one after the other, each input requantized with acc = x."""

    name: str
    inputs: tuple[str, ...]
    output: str
    requantize: tuple[Requantize, ...]


Operator = Lookup | Convolve | SumPool | MaxPool | Add | Gate | Concatenate


@dataclass(frozen=True)
class Program:
    """Operators in the order they run.

    input: the picture, uint8. output: the scores, (classes, 1, 1) int16.
    labels: the classes' names. source: where the network came from, for people.
    """

    tensors: dict[str, Tensor]
    operators: tuple[Operator, ...]
    input: str
    output: str
    labels: tuple[str, ...] = ()
    source: dict[str, str] = field(default_factory=dict)

    def of(self, operator: Operator) -> tuple[tuple[Tensor, ...], Tensor]:
        """The operator's input tensors and its output tensor."""
        return tuple(self.tensors[name] for name in operator.inputs), self.tensors[operator.output]
