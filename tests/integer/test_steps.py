"""Other tools' roundings, met step for step."""

from typing import Any

import numpy as np
import pytest

from microbotnet.integer.program import Requantize
from microbotnet.integer.ranges import Range, requantized
from microbotnet.integer.rescale import quantized_multiplier, scaled
from microbotnet.integer.steps import rounding_of


def outputs(how: Requantize, acc: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return how.apply(acc.astype(np.int32)[None, :, None, :])[0, :, 0, :]


def every(found: Range) -> np.ndarray:  # type: ignore[type-arg]
    return np.stack([np.linspace(a, b, 60_001).astype(np.int64) for a, b in zip(found.low, found.high, strict=True)])


@pytest.mark.parametrize("count", [2, 3, 9, 49, 64, 125])
def test_an_average_with_halves_away_from_zero_is_met_exactly(count: int) -> None:
    def step(acc: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.where(acc > 0, (acc + count // 2) // count, -((-acc + count // 2) // count))

    found = Range(np.array([-128 * count]), np.array([127 * count]))
    made = rounding_of(step, found, np.array([1 / count]), low=-128, high=127)
    assert not made.worst.any()
    acc = np.arange(-128 * count, 127 * count + 1)[None]
    assert np.array_equal(outputs(made.how, acc), step(acc))


@pytest.mark.parametrize("seed", range(6))
def test_what_it_says_is_what_it_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels, bits = int(rng.integers(1, 5)), int(rng.integers(8, 17))
    slope = 2.0 ** rng.uniform(7 - bits, 9 - bits, channels)
    multiplier, shift = quantized_multiplier(slope)
    bias, zero = rng.integers(-(2 ** (bits - 2)), 2 ** (bits - 2), (channels, 1)), int(rng.integers(-128, 128))
    low = zero if seed % 2 else -128  # a layer with ReLU meets one sign only

    def step(acc: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.clip(scaled(acc + bias, multiplier[:, None], shift[:, None]) + zero, low, 127)

    found = Range(np.full(channels, -(2 ** (bits - 1))), np.full(channels, 2 ** (bits - 1) - 1))
    made = rounding_of(step, found, slope, low=low, high=127)
    least, most = requantized(found, made.how)
    assert least.min() >= -(2**31)
    assert most.max() < 2**31
    acc = every(found)
    off = np.abs(outputs(made.how, acc) - step(acc)).max(1)
    assert (off <= made.worst).all()
    assert made.worst.max() <= 1
    if bits <= 14 and seed % 2:
        assert not made.worst.any()


def test_a_channel_of_one_output_costs_the_others_nothing() -> None:
    found = Range(np.array([-1000, -1000]), np.array([1000, 1000]))

    def step(acc: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.stack([np.full(acc.shape[1], 127), np.clip((acc[1] + 8) >> 4, -128, 127)])

    made = rounding_of(step, found, np.array([1e6, 1 / 16]), low=-128, high=127)
    assert not made.worst.any()
    assert made.how.pre_shift == 0
    assert made.how.multiplier[0] == 0
    assert np.abs(made.how.multiplier).max() < 2**15


def test_what_must_be_missed_is_missed_far_from_the_centre() -> None:
    scale = np.float32(np.random.default_rng(5).uniform(4e-4, 2e-3, 24))
    found = Range(np.full(24, -(2**19)), np.full(24, 2**19))

    def step(acc: Any) -> Any:  # onnxruntime's, rounded in float32
        return np.clip(np.rint(acc.astype(np.float32) * scale[:, None]).astype(np.int64) - 20, -128, 127)

    def near_it(centre: int | None) -> int:
        """Sums near the centre that are off."""
        made = rounding_of(step, found, scale.astype(np.float64), low=-128, high=127, centre=centre)
        acc = np.broadcast_to(np.arange(-(2**15), 2**15), (24, 2**16))
        wanted, how = step(acc), made.how
        product = acc * how.multiplier.astype(np.int64)[:, None] >> how.pre_shift
        off = np.clip((product + how.offset.astype(np.int64)[:, None]) >> how.shift, how.low, how.high) != wanted
        return int(off[np.abs(wanted + 20) <= 12].sum())

    assert near_it(None) > 0
    assert near_it(-20) == 0
