"""Other tools' sums of two maps, met on every pair."""

import numpy as np
import pytest

from microbotnet.errors import BadInput
from microbotnet.integer.pairs import sum_of

Q = np.arange(-128, 128)


@pytest.mark.parametrize("seed", range(5))
def test_every_pair_of_a_rounded_real_sum_is_met(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = float(rng.uniform(0.1, 1.5)), float(rng.uniform(0.1, 1.5)) * (-1 if seed == 4 else 1)
    low = 0 if seed % 2 else -128
    wanted = np.clip(np.rint(a * Q[:, None] + b * Q[None] + float(rng.uniform(-50, 50))), low, 127).astype(np.int64)
    made = sum_of(wanted, (a * 1.0001, b), low=low, high=127)
    found = (made.multipliers[0] * Q[:, None] + made.multipliers[1] * Q[None] + made.offset) >> made.shift
    assert made.worst == 0
    assert np.array_equal(np.clip(found, low, 127), wanted)
    assert sum(128 * abs(m) for m in made.multipliers) + abs(made.offset) < 2**31


def test_what_is_no_sum_is_told() -> None:
    wanted = np.clip(Q[:, None] * Q[None] // 64, -128, 127)
    made = sum_of(wanted, (1.0, 1.0), low=-128, high=127)
    found = (made.multipliers[0] * Q[:, None] + made.multipliers[1] * Q[None] + made.offset) >> made.shift
    assert made.worst == np.abs(np.clip(found, -128, 127) - wanted).max() > 0


def test_scales_that_are_far_apart_are_refused() -> None:
    with pytest.raises(BadInput, match="too far"):
        sum_of(np.clip(Q[:, None] * 2**22 + Q[None], -128, 127), (2.0**22, 1.0), low=-128, high=127, name="sum")
