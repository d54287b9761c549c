"""Rows of ternary weights as codes of several weights each: three, four (as dense as 2 bits a weight) or five a byte.

A code's digits to the base 3, the lowest first, are its weights, each with 1 added. A code is never decoded on
the core: it is the place of a sum in a table of all sums of its inputs, `kernels/tables.c`.
"""

import numpy as np
from numpy.typing import NDArray

EACH = (5, 4, 3)  # weights that a byte can hold


def encode_codes(weights: NDArray[np.int8], each: int) -> NDArray[np.uint8]:
    """(rows, ⌈inputs / each⌉) codes of (rows, inputs) weights; what a row's last code has too much is zero."""
    rows, inputs = weights.shape
    digits = np.ones((rows, -(-inputs // each) * each), np.int64)
    digits[:, :inputs] += weights
    codes: NDArray[np.uint8] = (digits.reshape(rows, -1, each) @ 3 ** np.arange(each)).astype(np.uint8)
    return codes


def in_chunks(codes: NDArray[np.uint8], groups: int) -> NDArray[np.uint8]:
    """The codes in the order they are read: for `groups` columns at a time, row by row."""
    return np.concatenate([codes[:, i : i + groups].reshape(-1) for i in range(0, codes.shape[1], groups)])
