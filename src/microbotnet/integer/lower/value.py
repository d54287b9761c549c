"""What a stage makes, as elements of a tensor of the program in some order: moves are done only where they must be."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..operators.view import AXES
from ..program import Shape

Index = NDArray[np.int64]
FILL = -1  # in an index, an element of a border


@dataclass(frozen=True)
class Value:
    """Elements of `tensor`.

    index: in the network's shape without the batch, which element of the tensor, flat, each is; FILL where it is
    the real number `fill`.
    """

    tensor: str
    index: Index
    fill: float = 0.0

    @property
    def has_border(self) -> bool:
        """Whether there are elements that are no element of the tensor."""
        return bool((self.index == FILL).any())

    def is_whole(self, shape: Shape) -> bool:
        """Whether it is the tensor, of `shape`, as it lies."""
        return self.index.size == prod(shape) and bool((self.index.reshape(-1) == np.arange(self.index.size)).all())

    def rearranges(self, shape: Shape) -> bool:
        """Whether it has every element of the tensor, of `shape`, once."""
        return self.index.size == prod(shape) and bool((np.bincount(self.index.reshape(-1) + 1)[1:] == 1).all())


def whole(tensor: str, shape: Sequence[int]) -> Value:
    """A tensor as it lies, its elements in the network's shape."""
    return Value(tensor, np.arange(prod(shape), dtype=np.int64).reshape(shape))


def canonical(shape: Sequence[int]) -> Shape:
    """A network's shape as a program has it: features (F, 1, 1), signals (C, 1, L), maps (C, H, W)."""
    first = shape[0] if shape else 1
    if len(shape) == 2:
        return first, 1, shape[1]
    return first, shape[1] if len(shape) > 2 else 1, prod(shape[2:])


def box(index: Index) -> tuple[tuple[int, int], ...] | None:
    """Where the elements that are no border begin and end, along each axis; None if they are no box."""
    inside = index != FILL
    ends = []
    for axis in range(index.ndim):
        found = np.flatnonzero(inside.any(tuple(other for other in range(index.ndim) if other != axis)))
        if not len(found):
            return None
        ends.append((int(found[0]), int(found[-1]) + 1))
    area = prod(b - a for a, b in ends)
    return tuple(ends) if area == np.count_nonzero(inside) else None


def along(index: Index, shape: Shape) -> tuple[Index, Index, Index] | None:
    """Which channels, rows and columns of a tensor of `shape` an index takes; None if it takes no such."""
    if (index == FILL).any():
        return None
    taken = []
    for axis, places in enumerate(np.unravel_index(index, shape)):
        others = tuple(other for other in range(3) if other != axis)
        line = places[tuple(slice(None) if other == axis else slice(0, 1) for other in range(3))]
        if (places != line).any():
            return None
        taken.append(line.squeeze(others))
    return taken[0], taken[1], taken[2]


def runs(line: Index) -> list[slice]:
    """The longest pieces of a line, one after the other, along which its steps are equal."""
    found, start = [], 0
    while start < len(line):
        end = start + min(2, len(line) - start)
        while end < len(line) and line[end] - line[end - 1] == line[start + 1] - line[start]:
            end += 1
        found.append(slice(start, end))
        start = end
    return found


def steps(flat: Index) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Sizes and strides of axes that an index is regular along, the last running fastest; None if it is not."""
    sizes: list[int] = []
    strides: list[int] = []
    while len(flat) > 1:
        gaps = np.diff(flat)
        stride = int(gaps[0])
        change = np.flatnonzero(gaps != stride)
        run = int(change[0]) + 1 if len(change) else len(flat)
        if len(flat) % run or len(sizes) == AXES:
            return None
        rows = flat.reshape(-1, run)
        if (rows - rows[:, :1] != stride * np.arange(run)).any():
            return None
        sizes.insert(0, run)
        strides.insert(0, stride)
        flat = rows[:, 0]
    return (tuple(sizes), tuple(strides)) if sizes else ((1,), (1,))
