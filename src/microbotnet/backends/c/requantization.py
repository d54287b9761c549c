"""Other multipliers and offsets that round every sum to the same output, bit for bit."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...integer.program import Requantize
from ...integer.ranges import WORD, Range, requantized

Whole = NDArray[np.int64]


NEAR = (0, 1, -1, 2, -2, 3, -3)  # multipliers that are tried, from the nearest


def exchanged(how: Requantize, found: Range, *, moved: Whole | None = None, pre_shift: int = 0) -> Requantize | None:
    """What rounds sums less `moved` as `how` rounds the sums, with another pre-shift; None if nothing does that
    leaves room for outputs counted from 0.

    Args:
        found: bounds of the sums of `how`, (channels,).
        moved: (channels,); None for nothing.
        pre_shift: that of the result.
    """
    channels = len(found.low)
    moved = np.zeros(channels, np.int64) if moved is None else moved
    if pre_shift == how.pre_shift and not moved.any():
        return how
    multiplier, offset = np.zeros((2, channels), np.int64)
    missing = np.ones(channels, bool)
    nearest = np.rint(np.broadcast_to(how.multiplier, channels) / 2.0 ** (how.pre_shift - pre_shift))
    for step in NEAR:
        tried = np.where(nearest == 0, 0, nearest + step)
        shorter = replace(how, multiplier=tried.astype(np.int32), pre_shift=pre_shift)
        least, largest = offset_bounds(how, found, moved, shorter)
        new = missing & (least <= largest)
        multiplier[new], offset[new] = tried[new], roundest(least, np.maximum(least, largest))[new]
        missing &= ~new
        if not missing.any():
            break
    if missing.any() or not WORD[0] <= offset.min() <= offset.max() <= WORD[1]:
        return None
    made = replace(how, multiplier=multiplier.astype(np.int32), offset=offset.astype(np.int32), pre_shift=pre_shift)
    lowest, highest = requantized(Range(found.low - moved, found.high - moved), made)
    return made if WORD[0] <= lowest.min() and highest.max() + (128 << how.shift) <= WORD[1] else None


def offset_bounds(how: Requantize, found: Range, moved: Whole, then: Requantize) -> tuple[Whole, Whole]:
    """The least and the largest offset of each channel with which `then` rounds sums less `moved` as `how` does sums.

    An output y is reached from some sum on, as sums grow in the direction of the multiplier. The offset must bring
    that sum to y and leave the one before it below. Where no offset does, the least is above the largest.

    Args:
        found: bounds of the sums of `how`, (channels,) or (1,).
        moved: (channels,).
        then: its multiplier, pre-shift and shift count; where `how` has a factor of 0, it must have one, too.
    """
    multiplier, scale, offset, low, high = (
        np.broadcast_to(values.astype(np.int64), moved.shape)[:, None]
        for values in (how.multiplier, then.multiplier, how.offset, found.low, found.high)
    )
    first = np.where(multiplier < 0, high, low)
    step = np.where(multiplier < 0, -1, 1)
    shift = moved[:, None]
    size = np.maximum(np.abs(multiplier), 1)
    wanted = np.arange(how.low + 1, how.high + 1)[None]
    if how.table is not None:  # between equal entries nothing has to be told apart
        wanted = wanted[:, np.diff(how.table[how.low + 128 : how.high + 129].astype(np.int64)) != 0]

    def before_shift(at: Whole) -> Whole:
        return (first + step * at - shift) * scale >> then.pre_shift

    count = (high - low).max() + 1
    beyond = 2**62 >> how.pre_shift  # no product is as large
    product = np.clip((wanted << how.shift) - offset, -beyond, beyond) << how.pre_shift  # that reaches the output
    above = np.where(multiplier == 0, np.where(product <= 0, 0, count), -(-product // size) - first * step)
    above = np.clip(above, 0, count)  # the first sum that does, counted from `first`
    limit = wanted << then.shift
    far = 2**62
    least = np.where(above <= high - low, limit - before_shift(above), -far).max(1, initial=-far)
    largest = np.where(above > 0, limit - before_shift(np.minimum(above - 1, high - low)) - 1, far).min(1, initial=far)
    return least, largest


def roundest(least: Whole, largest: Whole) -> Whole:
    """A number of each interval that as large a power of two as possible divides; the intervals are not empty."""
    made, found = np.zeros_like(least), (least <= 0) & (largest >= 0)
    for bits in range(40, -1, -1):
        multiple = -(-least >> bits) << bits
        new = (multiple <= largest) & ~found
        made[new] = multiple[new]
        found |= new
    return made
