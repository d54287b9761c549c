"""Reciprocals in the fixed-point arithmetic of TensorFlow Lite's int8 kernels.

A number of b integer bits is held in 32 bits, 2^(31 − b) to the unit.
"""

import numpy as np
from numpy.typing import NDArray

from .rescale import HIGHEST, doubling_high

Whole = NDArray[np.int64]

FIRST, SLOPE = 1515870810, -1010580540  # 48/17 and −32/17, of two integer bits
STEPS = 3


def reciprocal(x: Whole, *, less_one: bool = False) -> Whole:
    """1 / (1 + x), or (1 − x) / (1 + x), of 0 ≤ x ≤ 1; all of 0 integer bits.

    Newton's steps for twice the reciprocal, of two integer bits, from the straight line that is nearest to it.
    """
    half = (x + HIGHEST + 1) >> 1
    made = FIRST + doubling_high(half, SLOPE)
    for _ in range(STEPS):
        made = made + saturated_left(doubling_high(made, 2**29 - doubling_high(half, made)), 2)
    return saturated_left(made - 2**29, 2) if less_one else saturated_left(made, 1)


def saturated_left(x: Whole, count: int) -> Whole:
    """x·2^count, clamped to 32 bits."""
    made: Whole = np.clip(x << count, -HIGHEST - 1, HIGHEST)
    return made
