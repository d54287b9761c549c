"""Another tool's rounding as a `Requantize` with the very same steps.

Whatever rounds sums to int8 is a step function: from which sum on an output is reached says all of it. Two roundings
that reach every output from the same sum on are one and the same on all sums between.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .fixed import SHORT
from .program import Requantize
from .ranges import WORD, Range, requantized

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Step = Callable[[Whole], Whole]

_FAR = 2**62
_CROWD = 24.0  # outputs on either side of the centre among which most are
_TRIED = (0, -1, 1, -2, 2)  # multipliers beside the nearest, where some step is missed
_NEAR = 32  # multipliers up to so far from the nearest are tried


@dataclass(frozen=True)
class Rounding:
    """`how`, and by how many units of the output it can be off in each channel; 0 is proof that it never is.

    worst: (channels,).
    """

    how: Requantize
    worst: Whole


def rounding_of(
    step: Step, found: Range, slope: Real, *, low: int, high: int, centre: int | None = None, name: str = ""
) -> Rounding:
    """The cheapest `Requantize` that rounds every sum as `step` does; a near one if there is none.

    No `pre_shift` is cheaper than one, a multiplier of 16 bits cheaper than a longer one.

    Args:
        step: outputs of sums, both (channels, n) int64; it never falls from one sum to a larger. It is only asked for
            sums of `found`.
        found: bounds of the sums, (channels,).
        slope: units of the output for a unit of the sum, (channels,) float64; where the search begins.
        low, high: outputs are clamped to these.
        centre: the output near which most are; what must be missed is missed far from it. None: anywhere.
        name: the operator's, for the error.

    Raises:
        BadInput: no shift keeps the sums within 32 bits.
    """
    steps = _Steps.of(step, found, slope, low, high)
    slope = np.where(steps.still, 0.0, slope)
    steepest = max(float(np.abs(slope).max()), 2.0**-31)
    reach = float((np.maximum(np.abs(found.low), np.abs(found.high)) * np.abs(slope)).max())
    widest = int(np.floor(np.log2(WORD[1] / max(reach / 2, 128)))) if np.isfinite(reach) else 31  # no more can fit

    def shift_of(pre_shift: int, longest: int) -> int | None:
        """The largest that fits."""
        finest = int(np.floor(np.log2(longest / steepest))) - pre_shift
        for shift in range(min(finest, widest), -1, -1):
            bare = np.rint(slope * 2.0 ** (pre_shift + shift)).astype(np.int64)
            if _fitting(bare, 0 * bare, pre_shift, shift, low, high, found) is None:
                continue  # whatever the offsets
            if _fitting(*steps.first_try(slope, pre_shift, shift), pre_shift, shift, low, high, found):
                return shift
        return None

    def attempt(pre_shift: int, shift: int, *, thorough: bool = False) -> tuple[Requantize | None, bool]:
        multiplier, offset, missed = steps.search(slope, pre_shift, shift, thorough=thorough)
        return _fitting(multiplier, offset, pre_shift, shift, low, high, found), missed

    shifts = {p: shift for p in range(min(found.bits, 31)) if (shift := shift_of(p, WORD[1])) is not None}
    if not shifts:
        raise BadInput(f"{name}: no shift keeps its sums, of {found.bits} bits, within 32")
    finest = sorted(shifts, key=lambda p: (p + shifts[p], shifts[p]), reverse=True)  # the longest multipliers first
    tried = ((p, *attempt(p, shift, thorough=True)) for p in finest for shift in (shifts[p], max(shifts[p] - 1, 0)))
    last, near, missed = next((each for each in tried if each[1] is not None), (0, None, True))
    if near is None:
        raise BadInput(f"{name}: no shift keeps its sums, of {found.bits} bits, within 32")
    if not missed:  # there may be a cheaper one
        for pre_shift in range(last + 1):
            for shift in (shift_of(pre_shift, SHORT), shifts.get(pre_shift)):
                how, missed = (None, True) if shift is None else attempt(pre_shift, shift)
                if how is not None and not missed:
                    return Rounding(how, steps.worst(how, step))
    if centre is not None:
        multiplier, offset = steps.fewest(near, centre, steps.worst(near, step))
        near = _fitting(multiplier, offset, near.pre_shift, near.shift, low, high, found) or near
    return Rounding(near, steps.worst(near, step))


@dataclass(frozen=True)
class _Steps:
    """wanted: the outputs from the second lowest on. first: the smallest sum from which on each of them is reached,
    (channels, outputs); one more than the largest sum where it never is.
    """

    found: Range
    wanted: Whole
    first: Whole

    @classmethod
    def of(cls, step: Step, found: Range, slope: Real, low: int, high: int) -> "_Steps":
        """Those of `step`, by bisection; where the slope says where a step may be, it is looked for there first."""
        wanted = np.arange(low + 1, high + 1)
        least, largest = found.low[:, None], found.high[:, None]
        below, above = (np.repeat(end, len(wanted), 1) for end in (least - 1, largest + 1))

        def ask(at: Whole) -> None:
            nonlocal below, above
            middle = np.clip(np.maximum(np.minimum(at, above - 1), below + 1), least, largest)
            reached = step(middle) >= wanted
            above, below = (
                np.where(reached, np.minimum(middle, above), above),
                np.where(reached, below, np.maximum(middle, below)),
            )

        (middle,) = np.unravel_index(len(wanted) // 2, (max(len(wanted), 1),))
        one = slice(int(middle), int(middle) + 1)
        full = below, above, wanted
        below, above, wanted = below[:, one], above[:, one], wanted[one]
        while (above - below).max(initial=0) > 1:
            ask((above + below) >> 1)
        centre, (below, above, wanted) = above, full
        apart = np.clip((wanted - wanted[one]) / np.where(slope > 0, slope, 1)[:, None], WORD[0], WORD[1])
        near = centre + np.rint(apart).astype(np.int64)
        for at in (near - 2, near + 2):
            ask(at)
        while (above - below).max(initial=0) > 1:
            ask((above + below) >> 1)
        return cls(found, wanted, above)

    @property
    def still(self) -> NDArray[np.bool_]:
        """Channels that have one output only."""
        made = (self.first == self.found.low[:, None]) | (self.first > self.found.high[:, None])
        still: NDArray[np.bool_] = made.all(1)
        return still

    def first_try(self, slope: Real, pre_shift: int, shift: int) -> tuple[Whole, Whole]:
        """The multipliers nearest to the slope, and their offsets."""
        multiplier = np.rint(slope * 2.0 ** (pre_shift + shift)).astype(np.int64)
        return multiplier, self._offsets(multiplier, pre_shift, shift, np.arange(len(slope)))[0]

    def search(self, slope: Real, pre_shift: int, shift: int, *, thorough: bool = False) -> tuple[Whole, Whole, bool]:
        """Multiplier and offset of each channel, and whether a step is missed.

        From the multiplier that is nearest to the slope, by bisection: the steps that no offset brings together say
        whether the multiplier is too small or too large. Unless `thorough`, the search ends with the first channel
        that misses one.
        """
        multiplier = np.rint(slope * 2.0 ** (pre_shift + shift)).astype(np.int64)
        offset, gap, steeper = self._offsets(multiplier, pre_shift, shift, np.arange(len(slope)))
        wide = np.maximum(_NEAR, multiplier >> 20)
        low = np.where(steeper, multiplier + 1, np.maximum(multiplier - wide, 1))
        high = np.where(steeper, multiplier + wide, multiplier - 1)
        worst = int(gap.argmax())
        for rows in ([worst], range(len(slope))):
            while True:
                left = np.array([c for c in rows if gap[c] > 0 and low[c] <= high[c] and multiplier[c]], np.int64)
                if not len(left):
                    break
                tried = (low[left] + high[left]) >> 1
                at, missed, steeper = self._offsets(tried, pre_shift, shift, left)
                better = missed < gap[left]
                multiplier[left] = np.where(better, tried, multiplier[left])
                offset[left] = np.where(better, at, offset[left])
                gap[left] = np.minimum(missed, gap[left])
                low[left] = np.where(steeper, tried + 1, low[left])
                high[left] = np.where(steeper, high[left], tried - 1)
            if gap[worst] > 0 and not thorough:
                break
        return multiplier, offset, bool((gap > 0).any())

    def _offsets(
        self, multiplier: Whole, pre_shift: int, shift: int, rows: Whole
    ) -> tuple[Whole, Whole, NDArray[np.bool_]]:
        """The middle of the offsets that give every step, by how much there are none, and whether a larger
        multiplier would bring them nearer.

        The offset must bring the first sum of an output to it and leave the sum before that below.
        """
        first, least, largest = self.first[rows], self.found.low[rows, None], self.found.high[rows, None]
        limit, factor = self.wanted << shift, multiplier[:, None]
        up_to_it = np.where(first <= largest, limit - (first * factor >> pre_shift), -_FAR)
        below_it = np.where(first > least, limit - 1 - ((first - 1) * factor >> pre_shift), _FAR)
        low, high = up_to_it.max(1, initial=-_FAR), below_it.min(1, initial=_FAR)
        gap = low - high
        conflict = (up_to_it == low[:, None]).argmax(1), (below_it == high[:, None]).argmax(1)
        at = [np.take_along_axis(first, place[:, None], 1)[:, 0] for place in conflict] if len(limit) else [low, high]
        room = (1 << shift) - 1  # where every output, or none, is reached
        low, high = np.where(low == -_FAR, high - room, low), np.where(high == _FAR, low + room, high)
        return (low + high) >> 1, gap, at[0] >= at[1]

    def fewest(self, how: Requantize, centre: int, worst: Whole) -> tuple[Whole, Whole]:
        """Multipliers and offsets near those of `how` that miss the fewest steps, above all near the centre.

        worst: by how much `how` is off in each channel; the others stay as they are.
        """
        weight = np.exp(-np.abs(self.wanted - centre) / _CROWD)
        multiplier, offset = how.multiplier.astype(np.int64), how.offset.astype(np.int64)
        for channel in np.flatnonzero(worst).tolist():
            best = -1.0
            for tried in multiplier[channel] + np.array(_TRIED):
                least, most = self._bounds(int(tried), how.pre_shift, how.shift, channel)
                ends = np.concatenate([least[least > -_FAR], most[most < _FAR]])
                if not len(ends):
                    break
                met = _weight_before(least, weight, ends + 1) - _weight_before(most, weight, ends)
                if met.max() > best + 1e-9:
                    best = float(met.max())
                    tops = np.sort(ends[met >= best - 1e-9])
                    found = int(tried), int(tops[len(tops) // 2])
            if best >= 0:
                multiplier[channel], offset[channel] = found
        return multiplier, offset

    def _bounds(self, multiplier: int, pre_shift: int, shift: int, channel: int) -> tuple[Whole, Whole]:
        """For every step of a channel, the least and the largest offset that gives it."""
        first, limit = self.first[channel], self.wanted << shift
        least = np.where(first <= self.found.high[channel], limit - (first * multiplier >> pre_shift), -_FAR)
        before = limit - 1 - ((first - 1) * multiplier >> pre_shift)
        return least, np.where(first > self.found.low[channel], before, _FAR)

    def worst(self, how: Requantize, step: Step) -> Whole:
        """By how much `how` is off at worst, (channels,): largest before or at a step of `step`."""
        least, largest = self.found.low[:, None], self.found.high[:, None]
        at = np.clip(np.concatenate([self.first, self.first - 1, least, largest], 1), least, largest)
        multiplier, offset = (values.astype(np.int64)[:, None] for values in (how.multiplier, how.offset))
        made = np.clip(((at * multiplier >> how.pre_shift) + offset) >> how.shift, how.low, how.high)
        worst: Whole = np.abs(made - np.clip(step(at), how.low, how.high)).max(1)
        return worst


def _weight_before(places: Whole, weight: Real, ends: Whole) -> Real:
    """The weight of the places that are before each end."""
    order = np.argsort(places)
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    found: Real = total[np.searchsorted(places[order], ends)]
    return found


def _fitting(
    multiplier: Whole, offset: Whole, pre_shift: int, shift: int, low: int, high: int, found: Range
) -> Requantize | None:
    """The `Requantize`, if nothing on its way leaves 32 bits."""
    if max(np.abs(multiplier).max(), np.abs(offset).max()) > WORD[1]:
        return None
    how = Requantize(multiplier.astype(np.int32), offset.astype(np.int32), pre_shift, shift, low, high)
    lowest, highest = requantized(found, how)
    room = 128 << shift  # an engine may count outputs from 0 to 255
    return how if lowest.min() >= WORD[0] and highest.max() + room <= WORD[1] else None
