"""Constants in fewer bytes: multipliers and offsets that round every sum to the same output, tables as steps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .exact import Whole


@dataclass(frozen=True)
class Packed:
    """What packed_t of `kernels/widen.c` holds."""

    data: NDArray[np.uint8]
    multiplier: int
    count: int
    factor_bytes: int
    offset_bytes: int
    zeros: int


def pack(multiplier: Whole, offset: Whole, slack: tuple[Whole, Whole]) -> Packed:
    """The fewest bytes.

    Args:
        multiplier, offset: (channels,), of 32 bits.
        slack: (channels,) each: what may at least, and at most, be added to an offset; 0 is between them.
    """
    factor_bytes = 0 if (multiplier == multiplier[0]).all() else _bytes(multiplier)
    zeros, offsets = next(
        (bits, np.clip(0, least, largest))
        for bits in range(24, -1, -1)
        for least, largest in [(-(-(offset + slack[0]) >> bits), offset + slack[1] >> bits)]
        if (least <= largest).all()
    )
    offset_bytes = _bytes(offsets) if offsets.any() else 0
    parts = [_little(multiplier, factor_bytes), _little(offsets, offset_bytes)]
    data = np.concatenate(parts, 1).reshape(-1)
    return Packed(data, int(multiplier[0]), len(offset), factor_bytes, offset_bytes, zeros)


@dataclass(frozen=True)
class Steps:
    """What widen_table of `kernels/widen.c` is given."""

    data: NDArray[np.uint8]
    first: int
    least: int
    bits: int


def pack_table(table: NDArray[np.int8]) -> Steps | None:
    """A table of 256 entries whose neighbours are near each other; None for another."""
    steps = np.append(np.diff(table.astype(np.int64)), 0)
    least = int(steps.min())
    bits = next((bits for bits in (1, 2, 4) if int(steps.max()) - least < 1 << bits), None)
    if bits is None:
        return None
    shifted = (steps - least).reshape(-1, 8 // bits) << bits * np.arange(8 // bits)
    return Steps(shifted.sum(1).astype(np.uint8), int(table[0]), least, bits)


def _bytes(values: Whole) -> int:
    return next(n for n in range(1, 5) if n == 4 or (np.abs(2 * values + 1) < 1 << 8 * n).all())


def _little(values: Whole, count: int) -> NDArray[np.uint8]:
    return (values[:, None] >> 8 * np.arange(count)).astype(np.uint8)
