"""What the values of a quantized file are in the program.

The program's maps are flat in the file's order, so operators that only move elements are done to an array of places,
and bytes are moved only where an operator needs them in order.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from ....integer.program import Shape
from ..file import Refused

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Held:
    """Integers of the file.

    tensor: of the program, int8. at: where in it, flat, each element of the value is; its shape is the value's,
    without the batch. unsigned: whether the file holds them 128 higher, as uint8.
    """

    tensor: str
    at: Places
    unsigned: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The value's, without the batch."""
        return self.at.shape

    def moved(self, at: Places) -> "Held":
        """The elements at other places."""
        return replace(self, at=at)


@dataclass(frozen=True)
class Operand:
    """Integers and what they stand for: scale·(q − zero_point), q being the program's int8."""

    held: Held
    scale: np.float32
    zero_point: int


@dataclass(frozen=True)
class Real:
    """Real numbers, each a function of one integer.

    table: (1 or the tensor's channels, 256) float32, of every integer of the tensor. of: the operand that it is, if
    nothing has been computed since. grid: scale and zero point of what it was computed of.
    """

    held: Held
    table: NDArray[np.float32]
    of: Operand | None = None
    grid: tuple[np.float32, int] | None = None


@dataclass(frozen=True)
class Target:
    """How a result is to be held. least, most: bounds that a ReLU or a clip has set, as real numbers."""

    scale: np.float32
    zero_point: int
    unsigned: bool
    least: float = -np.inf
    most: float = np.inf

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest integer."""
        with np.errstate(all="ignore"):
            low, high = (np.rint(np.float32(end) / self.scale) + self.zero_point for end in (self.least, self.most))
        return int(np.clip(low, -128, 127)), int(np.clip(high, -128, 127))


@dataclass(frozen=True)
class Pending:
    """A result of real numbers that waits to be quantized. finish: makes it so; least, most: see `Target`."""

    finish: Callable[[Target], Held]
    shape: tuple[int, ...]
    least: float = -np.inf
    most: float = np.inf


def program_shape(shape: tuple[int, ...]) -> Shape:
    """Channels, rows and columns that hold a value: signals have one row, what has more axes has them as channels."""
    if len(shape) <= 1:
        return prod(shape), 1, 1
    if len(shape) == 2:
        return shape[0], 1, shape[1]
    return prod(shape[:-2]), shape[-2], shape[-1]


def in_order(shape: tuple[int, ...]) -> Places:
    """The places of a value that lies in order."""
    return np.arange(prod(shape), dtype=np.int64).reshape(shape)


def demand(holds: bool | np.bool_, otherwise: str) -> None:
    """Refuse the node, for this reason."""
    if not holds:
        raise Refused(otherwise)
