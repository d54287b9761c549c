"""Fixed-point multipliers against the real factors they stand for."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from microbotnet.errors import BadInput
from microbotnet.integer.fixed import COARSE, FINE, SHORT, fixed_point
from microbotnet.integer.program import Requantize
from microbotnet.integer.ranges import Range, requantized


def results(how: Requantize, acc: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return how.apply(acc.astype(np.int32)[None, :, None, :])[0, :, 0, :]


@settings(max_examples=60)
@given(st.integers(0, 100_000), st.integers(4, 24), st.sampled_from([COARSE, FINE]))
@example(32195, 23, FINE)
def test_it_rounds_the_real_number(seed: int, bits: int, tolerance: float) -> None:
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 6))
    bound = 2 ** (bits - 1)
    low, high = np.full(channels, -bound), np.full(channels, bound - 1)
    factor = rng.choice([-1, 1], channels) * 2.0 ** rng.uniform(7 - bits, 12 - bits, channels)
    centre, bias = rng.integers(-bound // 4, bound // 4 + 1, channels), rng.uniform(-100, 100, channels)
    how = fixed_point(Range(low, high), factor, centre, bias, low=-128, high=127, tolerance=tolerance)
    least, most = requantized(Range(low, high), how)
    assert least.min() >= -(2**31)
    assert most.max() < 2**31
    acc = np.concatenate([rng.integers(-bound, bound, (channels, 200)), low[:, None], high[:, None]], 1)
    real = factor[:, None] * (acc - centre[:, None]) + bias[:, None]
    exact = np.clip(np.floor(real + 0.5), -128, 127)
    found = results(how, acc)
    assert np.abs(found - exact).max() <= 1
    # off by one only where the real number is that near to the border between two integers; 32 bits allow sums of
    # more than 20 bits no finer one
    near = np.abs(real + 0.5 - np.rint(real + 0.5)) <= max(tolerance, 2.0 ** (bits - 32))
    assert ((found == exact) | near).all()


def test_the_cheapest_is_taken() -> None:
    how = fixed_point(
        Range(np.array([-2048]), np.array([2047])), np.array([0.06]), np.zeros(1), np.zeros(1),
        low=-128, high=127, tolerance=COARSE,
    )  # fmt: skip
    assert how.pre_shift == 0
    assert abs(how.multiplier).max() <= SHORT
    assert how.multiplier[0] / 2**how.shift == pytest.approx(0.06, abs=2**-19)


def test_dead_saturated_and_gigantic_channels_cost_the_others_nothing() -> None:
    bound = np.full(4, 1000)
    zero = np.zeros(1)
    alone = fixed_point(Range(-bound[:1], bound[:1]), np.array([0.1]), zero, zero, low=-128, high=127, tolerance=FINE)
    # a kernel of zeros with a batch norm of no variance; one that is always clamped; one that jumps at 2.5
    found = Range(np.array([-1000, 0, -1000, -1000]), np.array([1000, 0, 1000, 1000]))
    factor, bias = np.array([0.1, 1e20, 0.5, 1e9]), np.array([0.0, 33.3, 1e7, -2.5e9])
    how = fixed_point(found, factor, np.zeros(4), bias, low=-128, high=127, tolerance=FINE)
    assert how.multiplier[1] == how.multiplier[2] == 0
    y = results(how, np.array([[-7, 7], [0, 0], [-9, 9], [2, 3]]))
    assert y.tolist() == [[-1, 1], [33, 33], [127, 127], [-128, 127]]
    step = [h.multiplier[0] / 2.0 ** (h.shift + h.pre_shift) for h in (alone, how)]
    assert step == pytest.approx([0.1, 0.1], rel=1e-3)


def test_what_is_no_number_is_refused() -> None:
    found = Range(np.array([-9]), np.array([9]))
    for factor, bias in ((np.nan, 0.0), (1.0, np.inf)):
        with pytest.raises(BadInput, match="layer: its scale or bias is NaN or infinite"):
            fixed_point(
                found,
                np.array([factor]),
                np.zeros(1),
                np.array([bias]),
                low=-128,
                high=127,
                tolerance=FINE,
                name="layer",
            )
