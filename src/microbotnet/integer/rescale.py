"""The rounding of TensorFlow Lite for Microcontrollers' int8 kernels, which gemmlowp's fixed point began.

A real factor is held as multiplier·2^(−31 − shift), the multiplier of 31 bits. A product with it is rounded twice: its
high half to nearest, halves up; then the shift to nearest, halves away from zero. No `Requantize` has these steps where
sums are of both signs, and few have them where sums are long.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .program import Array, Pair, span_of

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

HIGHEST = LARGEST = 2**31 - 1  # the latter of a sum with its bias


@dataclass(frozen=True)
class Rescale:
    """From a 32-bit sum to the output's integers, rounded twice.

        x = ((acc + bias)·multiplier + 2^30) >> 31               of (acc + bias) << −shift, where the shift is negative
        y = clamp(round(x / 2^shift) + zero_point, low, high)    halves away from zero
        y = table[y + 128]                                       if there is a table

    multiplier, bias, shift: (channels,) or (1,) int32; the multiplier is not negative.
    table: (256,) int8; its index is int8.
    """

    multiplier: NDArray[np.int32]
    bias: NDArray[np.int32]
    shift: NDArray[np.int32]
    zero_point: int
    low: int
    high: int
    table: NDArray[np.int8] | None = None

    def apply(self, acc: Array) -> Array:
        """The outputs of sums (N, channels, height, width)."""
        multiplier, bias, shift = (v.astype(np.int64)[:, None, None] for v in (self.multiplier, self.bias, self.shift))
        y = np.clip(scaled(acc + bias, multiplier, shift) + self.zero_point, self.low, self.high)
        return y.astype(np.int32) if self.table is None else self.table[y + 128].astype(np.int32)

    @property
    def span(self) -> Pair:
        """The least and the largest output."""
        return span_of(self.low, self.high, self.table)


def rescale(
    factor: Real, bias: Whole, *, zero_point: int, low: int, high: int, table: NDArray[np.int8] | None = None
) -> Rescale:
    """The `Rescale` of real factors and whole biases, each (channels,) or (1,)."""
    multiplier, shift = quantized_multiplier(factor)
    found = (np.broadcast_to(v, np.broadcast_shapes(factor.shape, bias.shape)) for v in (multiplier, bias, shift))
    arrays = [values.astype(np.int32) for values in found]
    return Rescale(arrays[0], arrays[1], arrays[2], zero_point, low, high, table)


def quantized_multiplier(factor: Real | np.float64) -> tuple[Whole, Whole]:
    """Multiplier, 0 or 2^30…2^31 − 1 with the factor's sign, and shift to the right, of any factors."""
    fraction, exponent = np.frexp(np.asarray(factor, np.float64))
    multiplier = np.floor(np.abs(fraction) * 2.0**31 + 0.5).astype(np.int64)
    whole = multiplier == 2**31
    multiplier, exponent = np.where(whole, 2**30, multiplier), np.where(whole, exponent + 1, exponent)
    tiny = exponent < -31
    return np.where(tiny, 0, np.sign(fraction) * multiplier).astype(np.int64), np.where(tiny, 0, -exponent)


def scaled(x: Whole, multiplier: Whole | int, shift: Whole | int) -> Whole:
    """x times multiplier·2^(−31 − shift), rounded twice; what is shifted to the left saturates."""
    left, right = np.maximum(-np.asarray(shift, np.int64), 0), np.maximum(shift, 0)
    return shifted_right(doubling_high(np.clip(x << left, -HIGHEST - 1, HIGHEST), multiplier), right)


def doubling_high(a: Whole, b: Whole | int) -> Whole:
    """The high 32 bits of 2·a·b, rounded to nearest, halves up; (−2^31)² saturates."""
    high: Whole = np.minimum((a * b + 2**30) >> 31, HIGHEST)
    return high


def shifted_right(x: Whole, count: Whole | int) -> Whole:
    """x / 2^count, rounded to nearest, halves away from zero."""
    half = (np.int64(1) << np.asarray(count, np.int64)) >> 1
    nearest: Whole = np.where(x < 0, -((-x + half) >> count), (x + half) >> count)
    return nearest
