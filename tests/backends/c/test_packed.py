"""Packed constants are those that were packed, or as good."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from microbotnet.backends.c.packed import pack, pack_table


@given(st.integers(1, 20), st.integers(0, 31), st.integers(0, 31), st.integers(0, 2**20), st.integers(0, 2**32 - 1))
def test_constants_come_back(channels: int, factor: int, offset: int, free: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.integers(-(2**factor), 2**factor, channels)
    offsets = rng.integers(-(2**offset), 2**offset, channels)
    slack = -rng.integers(0, free + 1, channels), rng.integers(0, free + 1, channels)
    packed = pack(factors, offsets, slack)
    assert packed.data.size == channels * (packed.factor_bytes + packed.offset_bytes)
    for row, wanted, given_, least, most in zip(
        packed.data.reshape(channels, -1), factors, offsets, *slack, strict=True
    ):
        low, high = row[: packed.factor_bytes].tobytes(), row[packed.factor_bytes :].tobytes()
        assert (int.from_bytes(low, "little", signed=True) if low else packed.multiplier) == wanted
        assert least <= (int.from_bytes(high, "little", signed=True) << packed.zeros) - given_ <= most


def test_constants_by_hand() -> None:
    packed = pack(np.array([5, 5]), np.array([1000, -4000]), (np.array([-100, 0]), np.array([100, 100])))
    assert (packed.factor_bytes, packed.offset_bytes, packed.zeros) == (0, 1, 7)
    assert packed.data.view(np.int8).tolist() == [8, -31]


@given(st.lists(st.integers(-3, 12), min_size=255, max_size=255), st.integers(0, 30))
def test_tables_come_back(steps: list[int], first: int) -> None:
    table = np.clip(np.cumsum([first - 128, *steps]), -128, 127).astype(np.int8)
    packed = pack_table(table)
    assert packed is not None
    bits = np.unpackbits(packed.data, bitorder="little").reshape(256, packed.bits)
    found = packed.first + np.cumsum(packed.least + bits @ (1 << np.arange(packed.bits)))
    np.testing.assert_array_equal(np.append(packed.first, found[:-1]), table)


def test_a_table_that_leaps_is_not_packed() -> None:
    assert pack_table(np.where(np.arange(256) > 99, 100, -100).astype(np.int8)) is None
