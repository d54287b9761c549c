"""Packed constants are those that were packed, or as good."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from microbotnet.backends.c.packed import pack, pack_table


@given(st.integers(1, 20), st.integers(0, 24), st.integers(0, 31), st.integers(0, 2**20), st.integers(0, 2**32 - 1))
def test_constants_come_back(channels: int, factor: int, offset: int, free: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.integers(-(2**factor), 2**factor, channels)
    offsets = rng.integers(-(2**offset), 2**offset, channels)
    slack = -rng.integers(0, free + 1, channels), rng.integers(0, free + 1, channels)
    packed = pack(factors, offsets, slack)
    if packed is None:
        assert offset >= 25
        return
    assert packed.data.size == -(-channels * (packed.factor_bits + packed.offset_bits) // 8)
    stream = int.from_bytes(packed.data.tobytes(), "little")
    for wanted, near, least, most in zip(factors, offsets, *slack, strict=True):
        found = []
        for count in (packed.factor_bits, packed.offset_bits):
            value = stream & (1 << count) - 1
            found.append(value - (value >> max(count - 1, 0) << count))
            stream >>= count
        assert (found[0] if packed.factor_bits else packed.multiplier) == wanted
        assert least <= (found[1] << packed.zeros) - near <= most


def test_constants_by_hand() -> None:
    packed = pack(np.array([5, 5]), np.array([1000, -4000]), (np.array([-100, 0]), np.array([100, 100])))
    assert packed is not None
    assert (packed.factor_bits, packed.offset_bits, packed.zeros) == (0, 6, 7)
    assert packed.data.tolist() == [8 | (33 & 3) << 6, 33 >> 2]  # 8 and −31


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
