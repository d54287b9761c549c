"""Where the elements of a file's tensor lie in the program.

The file has (batch, rows, columns, channels), the last axis running fastest; the program (channels, rows, columns).
Operators that only move elements (reshape, transpose, slices, pixel shuffles) are done to an array of places, by NumPy
itself; the program moves bytes only where an operator needs them in order.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.program import Shape

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Held:
    """A value of the file.

    tensor: of the program, that holds it. shape: in the file. at: the place in the tensor, flat, of each element of
    `shape`; None where they lie in order, as `in_order` says.
    """

    tensor: str
    shape: tuple[int, ...]
    at: Places | None = None

    @property
    def places(self) -> Places:
        """`at`, also where the elements are in order."""
        return in_order(self.shape) if self.at is None else self.at

    def moved(self, at: Places) -> "Held":
        """The elements at these places."""
        return Held(self.tensor, at.shape, at)


def shape_in_order(shape: tuple[int, ...]) -> Shape:
    """Channels, rows and columns of a file's tensor: its last axis, and the others but leading ones."""
    *others, channels = shape or (1,)
    while others and others[0] == 1:
        others = others[1:]
    if len(others) > 2:
        others = [prod(others[:-1]), others[-1]]
    rows, columns = [1, 1, *others][-2:]
    return channels, rows, columns


def in_order(shape: tuple[int, ...]) -> Places:
    """The places of a file's tensor that lies in order."""
    channels, rows, columns = shape_in_order(shape)
    places = np.arange(channels * rows * columns, dtype=np.int64).reshape(channels, rows, columns)
    return places.transpose(1, 2, 0).reshape(shape)


def as_program(at: Places) -> Places:
    """Places of a file's tensor in the order in which the program would hold it: flat."""
    channels, rows, columns = shape_in_order(at.shape)
    return at.reshape(rows, columns, channels).transpose(2, 0, 1).reshape(-1)
