"""The lists of ternary rows hold the rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from microbotnet.backends.c.sparse import encode_rows


def decode(stream: list[int], inputs: int) -> np.ndarray:
    row, bytes_left = np.zeros(inputs + 1, int), iter(stream)
    counts = next(bytes_left), next(bytes_left)
    for sign, count in zip((1, -1), counts, strict=True):
        at = 0
        for byte in [next(bytes_left) for _ in range(count)]:
            for distance in (byte >> 4, byte & 15):
                at += distance
                row[at] += sign
                at += 1
    assert not list(bytes_left)
    return row[1:]


@given(st.integers(1, 400), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_rows_come_back(inputs: int, zeros: float, plus: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = np.where(rng.random(inputs) < zeros, 0, np.where(rng.random(inputs) < plus, 1, -1)).astype(np.int8)
    stream = encode_rows(row[None])
    if stream is None:  # a gap that the other list fills, or too many entries
        assert np.count_nonzero(row) >= 15
    else:
        np.testing.assert_array_equal(decode(stream.tolist(), inputs), row)


def test_two_weights_by_hand() -> None:
    np.testing.assert_array_equal(encode_rows(np.array([[0, 1, 0, 0, 1]], np.int8)), [1, 0, 0x22])
    np.testing.assert_array_equal(encode_rows(np.array([[0, -1]], np.int8)), [0, 1, 0x01])
