"""Constants in fewer bytes: multipliers and offsets that round every sum to the same output, tables as steps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .requantization import Whole

LONGEST = 25  # bits of a number


@dataclass(frozen=True)
class Packed:
    """What packed_t of `kernels/widen.c` holds."""

    data: NDArray[np.uint8]
    multiplier: int
    count: int
    factor_bits: int
    offset_bits: int
    zeros: int


def pack(multiplier: Whole, offset: Whole, slack: tuple[Whole, Whole]) -> Packed | None:
    """The fewest bits; None if a number would take more than 25, which the kernel cannot hold.

    Args:
        multiplier, offset: (channels,), of 32 bits.
        slack: (channels,) each: what may at least, and at most, be added to an offset; 0 is between them.
    """
    factor_bits = 0 if (multiplier == multiplier[0]).all() else _bits(multiplier)
    dropped = np.arange(25)[:, None]
    least, largest = -(-(offset + slack[0]) >> dropped), offset + slack[1] >> dropped
    zeros = int(np.flatnonzero((least <= largest).all(1))[-1])
    offsets = np.clip(0, least[zeros], largest[zeros])
    offset_bits = _bits(offsets) if offsets.any() else 0
    if max(factor_bits, offset_bits) > LONGEST:
        return None
    bits = np.concatenate([_lowest_first(multiplier, factor_bits), _lowest_first(offsets, offset_bits)], 1)
    data = np.packbits(bits.reshape(-1), bitorder="little")
    return Packed(data, int(multiplier[0]), len(offset), factor_bits, offset_bits, zeros)


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


def _bits(values: Whole) -> int:
    return int(np.abs(2 * values + 1).max()).bit_length()


def _lowest_first(values: Whole, count: int) -> NDArray[np.uint8]:
    return (values[:, None] >> np.arange(count) & 1).astype(np.uint8)
