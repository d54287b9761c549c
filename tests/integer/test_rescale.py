"""Rounding twice, against whole numbers of any length."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from microbotnet.errors import BadInput
from microbotnet.integer.operators import Lookup, RescaledConvolve
from microbotnet.integer.program import Program, Tensor
from microbotnet.integer.ranges import check
from microbotnet.integer.rescale import quantized_multiplier, rescale


def twice(acc: int, multiplier: int, shift: int) -> int:
    """By fractions: to nearest, halves up; then to nearest, halves away from zero."""
    high = floor(Fraction(acc * 2 ** max(-shift, 0) * multiplier, 2**31) + Fraction(1, 2))
    size = floor(Fraction(abs(high), 2 ** max(shift, 0)) + Fraction(1, 2))
    return size if high >= 0 else -size


def test_it_rounds_twice() -> None:
    rng = np.random.default_rng(0)
    factor = 2.0 ** rng.uniform(-14, 3, 40)
    how = rescale(factor, rng.integers(-1000, 1000, 40), zero_point=3, low=-100, high=90)
    acc = rng.integers(-(2**17), 2**17, (40, 200))
    made = how.apply(acc.astype(np.int32)[None, :, None])[0, :, 0]
    for channel in range(40):
        numbers = int(how.multiplier[channel]), int(how.shift[channel])
        wanted = [twice(int(a) + int(how.bias[channel]), *numbers) + 3 for a in acc[channel]]
        assert np.array_equal(made[channel], np.clip(wanted, -100, 90))


def test_halves_go_away_from_zero_behind_a_first_rounding_up() -> None:
    how = rescale(np.array([0.25]), np.array([0]), zero_point=0, low=-128, high=127)
    assert how.apply(np.arange(-6, 7, dtype=np.int32)[None, None, None]).ravel().tolist() == [
        -2, -1, -1, -1, -1, 0, 0, 1, 1, 1, 1, 2, 2,
    ]  # fmt: skip


def test_factors_are_held_to_31_bits() -> None:
    factors = np.array([1.0, 0.3, 5.7, 2.0**-40, 1 - 2.0**-33])
    multiplier, shift = quantized_multiplier(factors)
    assert np.allclose(multiplier * 2.0 ** -(31.0 + shift), [*factors[:3], 0, 1], rtol=2**-30, atol=0)


def test_sums_of_more_than_32_bits_are_refused() -> None:
    x, y = Tensor("x", (3, 1, 1), "int8", 1.0, 0, -128, 127), Tensor("y", (1, 1, 1), "int8", 1.0, 0, -128, 127)
    picture = Tensor("picture", (3, 1, 1), "uint8", 1.0, 0, 0, 255)
    table = Lookup("x", "picture", "x", np.arange(-128, 128).astype(np.int8)[None])
    for bias in (2**31 - 2**18, 2**31 - 1):
        how = rescale(np.array([1e-8]), np.array([bias]), zero_point=0, low=-128, high=127)
        layer = RescaledConvolve("y", "x", "y", np.ones((1, 3, 1, 1), np.int8), 8, (1, 1), (0, 0), 1, how)
        program = Program({"picture": picture, "x": x, "y": y}, (table, layer), "picture", ("y",))
        if bias < 2**31 - 1:
            check(program)
        else:
            with pytest.raises(BadInput, match="can leave 32 bits"):
                check(program)
