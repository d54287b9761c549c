"""Sizes along several axes."""

from collections.abc import Sequence

from ..graph import Shape, times


def each_axis(value: int | Sequence[int], axes: int) -> Shape:
    """One value per spatial axis."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * axes if len(values) == 1 else values


def one(sizes: Shape) -> str:
    """One number where all axes agree."""
    return str(sizes[0]) if len(set(sizes)) == 1 else times(sizes)
