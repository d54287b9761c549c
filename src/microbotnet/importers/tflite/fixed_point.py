"""The integer arithmetic of TensorFlow Lite for Microcontrollers' int8 kernels.

A real factor is held as multiplier·2^(shift − 31). A product with it is rounded twice: the high half of the doubled
product to nearest, then the right shift to nearest; halves go up in the first and away from zero in the second.
"""

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

LOWEST, HIGHEST = -(2**31), 2**31 - 1


def quantized_multiplier(factor: Real) -> tuple[Whole, Whole]:
    """Multiplier, 0 or 2^30…2^31 − 1, and shift (negative: to the right) of positive or negative factors."""
    fraction, shift = np.frexp(np.asarray(factor, np.float64))
    multiplier = np.floor(np.abs(fraction) * 2.0**31 + 0.5).astype(np.int64)
    whole = multiplier == 2**31
    multiplier, shift = np.where(whole, 2**30, multiplier), np.where(whole, shift + 1, shift).astype(np.int64)
    small = shift < -31
    multiplier, shift = np.where(small, 0, multiplier), np.where(small, 0, shift)
    return np.where(fraction < 0, -multiplier, multiplier), shift


def scaled(x: Whole, multiplier: Whole | int, shift: Whole | int) -> Whole:
    """x times multiplier·2^(shift − 31), rounded twice."""
    left, right = np.maximum(shift, 0), np.maximum(-np.asarray(shift), 0)
    return shifted_right(doubling_high(saturated(x << left), multiplier), right)


def doubling_high(a: Whole, b: Whole | int) -> Whole:
    """The high 32 bits of 2·a·b, rounded to nearest, halves up; (−2^31)² saturates."""
    return np.minimum((a * b + 2**30) >> 31, HIGHEST)


def shifted_right(x: Whole, count: Whole | int) -> Whole:
    """x / 2^count, rounded to nearest, halves away from zero."""
    half = (np.int64(1) << np.asarray(count, np.int64)) >> 1
    return np.where(x < 0, -((-x + half) >> count), (x + half) >> count)


def saturated(x: Whole) -> Whole:
    """Clamped to 32 bits."""
    return np.clip(x, LOWEST, HIGHEST)
