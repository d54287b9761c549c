"""A program's roundings as the circuit makes them: one multiplication, one addition, one shift.

A rounding is a step function of the sums that can occur, so that shorter constants with the same steps do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..integer.program import Requantize

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Rounding:
    """y = clamp((sum·multiplier + offset) >> shift, low, high), then a table. multiplier, offset: (channels,) int64."""

    multiplier: Whole
    offset: Whole
    shift: int
    low: int
    high: int
    table: NDArray[np.int8] | None


def rounding(how: Requantize, channels: int, moved: Whole | int = 0) -> Rounding:
    """What rounds sums less `moved` as `how` rounds the sums.

    The pre-shift goes into offset and shift, for ⌊(⌊a/2^p⌋ + o)/2^s⌋ = ⌊(a + o·2^p)/2^(p + s)⌋.

    moved: (channels,), or one for all.
    """
    multiplier, offset = (np.broadcast_to(v, channels).astype(np.int64) for v in (how.multiplier, how.offset))
    offset = (offset << how.pre_shift) + multiplier * moved
    return Rounding(multiplier, offset, how.pre_shift + how.shift, how.low, how.high, how.table)


_FAR = 2**62
_MOST_STEPS = 4096  # beyond it, as scores of 16 bits have, constants stay as they are


def narrowed(how: Rounding, low: Whole, high: Whole) -> Rounding:
    """The same results for all sums low…high, (channels,) or one for all, by the shortest constants that have them.

    The shift is one for all channels, as small as they let it be; a channel that could do with less has zeros below.
    """
    low, high = (np.broadcast_to(v, how.multiplier.shape) for v in (low, high))
    negative = how.multiplier < 0
    low, high = np.where(negative, -high, low), np.where(negative, -low, high)
    multiplier = np.abs(how.multiplier)
    least, most = ((v * multiplier + how.offset) >> how.shift for v in (low, high))
    steps = np.arange(max(int(least.min()), how.low + 1), min(int(most.max()) + 1, how.high) + 1)
    if not 0 < len(steps) <= _MOST_STEPS:
        return how
    # The sum at which each step begins, where sums reach it. steps: (steps, channels)
    where = -((how.offset - (steps[:, None] << how.shift)) // np.maximum(multiplier, 1))
    begins, ends = np.maximum(where, low), np.minimum(where - 1, high)
    begun, before = (where <= high) & (multiplier > 0), (where > low) & (multiplier > 0)
    flat = (how.offset >> how.shift) >= steps[:, None]  # where the multiplier is 0
    begun, before = begun | ((multiplier == 0) & flat), before | ((multiplier == 0) & ~flat)
    made, offset, needed = multiplier.copy(), how.offset.copy(), np.full(len(multiplier), how.shift)
    missing = np.ones(len(multiplier), bool)
    for shift in range(how.shift):
        for tried in _near(multiplier, how.shift - shift):
            # Every step has begun at its first sum, and not at the one before.
            least = np.where(begun, (steps[:, None] << shift) - begins * tried, -_FAR).max(0)
            most = np.where(before, (steps[:, None] << shift) - ends * tried - 1, _FAR).min(0)
            fits = missing & (least <= most)
            made[fits], needed[fits], missing = tried[fits], shift, missing & ~fits
            offset[fits] = np.where(least > -_FAR, least, np.minimum(most, 0))[fits]
        if not missing.any():
            break
    shift = int(needed.max())
    made, offset = made << (shift - needed), offset << (shift - needed)
    return replace(how, multiplier=np.where(negative, -made, made), offset=offset, shift=shift)


def _near(multiplier: Whole, less: int) -> Iterator[Whole]:
    rounded = (multiplier + (1 << less >> 1)) >> less
    for more in (0, 1, -1, 2, -2):
        yield np.where(multiplier > 0, np.maximum(rounded + more, 0), 0)


def narrowed_pair(how: Rounding, a: tuple[int, int], b: tuple[int, int]) -> Rounding:
    """The same results of a·multiplier₀ + b·multiplier₁ for all values, each from its lowest to its highest."""
    x, y = np.arange(a[0], a[1] + 1)[:, None], np.arange(b[0], b[1] + 1)
    first, second = (int(m) for m in how.multiplier)
    wanted = np.clip((x * first + y * second + how.offset[0]) >> how.shift, how.low, how.high)
    above, below = wanted > how.low, wanted < how.high
    for shift in range(how.shift):
        less = how.shift - shift
        for p in range((first >> less) - 1, (first >> less) + 3):
            for q in range((second >> less) - 1, (second >> less) + 3):
                sums = (wanted << shift) - x * p - y * q
                least = sums[above].max(initial=-_FAR)
                most = sums[below].min(initial=_FAR) + (1 << shift) - 1
                if least <= most:
                    offset = int(least) if above.any() else min(int(most), 0)
                    return replace(how, multiplier=np.array([p, q]), offset=np.array([offset, 0]), shift=shift)
    return how
