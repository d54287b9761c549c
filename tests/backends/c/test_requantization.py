"""Exchanged multipliers and offsets round every sum as before."""

from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from microbotnet.backends.c.requantization import exchanged, offset_bounds, roundest
from microbotnet.integer.program import Requantize
from microbotnet.integer.ranges import Range


@st.composite
def rounding(draw: st.DrawFn) -> tuple[Requantize, Range, np.ndarray]:
    """With all sums, (sums, channels, 1, 1) int32."""
    channels, high = draw(st.integers(1, 3)), draw(st.integers(0, 500))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pre_shift, shift = draw(st.integers(0, 4)), draw(st.integers(6, 12))
    multiplier = rng.integers(-(2**12), 2**12, channels).astype(np.int32)
    offset = rng.integers(-(2 ** (shift + 7)), 2 ** (shift + 7), channels).astype(np.int32)
    low = draw(st.sampled_from([-128, -40, 0]))
    table = rng.integers(-3, 3, 256).astype(np.int8) if draw(st.booleans()) else None
    how = Requantize(multiplier, offset, pre_shift, shift, low, 127, table)
    sums = np.repeat(np.arange(-high, high + 1, dtype=np.int32)[:, None], channels, 1)[:, :, None, None]
    return how, Range(np.full(channels, -high), np.full(channels, high)), sums


@given(rounding(), st.integers(-300, 300), st.integers(0, 2**32 - 1))
def test_offsets_in_the_bounds_and_no_others(made: tuple[Requantize, Range, np.ndarray], by: int, seed: int) -> None:
    how, found, sums = made
    moved = np.full(len(how.offset), by)
    least, largest = offset_bounds(how, found, moved, how)
    assume((least <= largest).all() and np.abs([least, largest]).max() < 2**30)
    rng = np.random.default_rng(seed)
    for offset, same in ((rng.integers(least, largest + 1), True), (least - 1, False), (largest + 1, False),
                         (roundest(least, largest), True)):  # fmt: skip
        other = replace(how, offset=offset.astype(np.int32))
        equal = (other.apply(sums - by) == how.apply(sums)).all((0, 2, 3))
        assert equal.all() if same else how.table is not None or not equal.any()


@given(rounding(), st.integers(-300, 300), st.integers(0, 4))
def test_exchanges_are_exact(made: tuple[Requantize, Range, np.ndarray], by: int, pre_shift: int) -> None:
    how, found, sums = made
    moved, pre_shift = np.full(len(how.offset), by), min(pre_shift, how.pre_shift)
    other = exchanged(how, found, moved=moved, pre_shift=pre_shift)
    if other is not None:
        assert other.pre_shift == pre_shift
        np.testing.assert_array_equal(other.apply(sums - by), how.apply(sums))


def test_a_pre_shift_by_hand() -> None:
    how = Requantize(np.array([2**12], np.int32), np.array([128], np.int32), 4, 8, -128, 127)
    shorter = exchanged(how, Range(np.array([-99]), np.array([99])))
    assert shorter is not None
    assert shorter.multiplier.tolist() == [2**8]


def test_the_roundest_by_hand() -> None:
    assert roundest(np.array([5, -9, 3, -9]), np.array([9, -7, 3, 9])).tolist() == [8, -8, 3, 0]
