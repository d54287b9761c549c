"""Sigmoid, tanh, hard swish and exponentials in the fixed-point arithmetic of TensorFlow Lite's int8 kernels.

A number of `bits` integer bits is held in 32 bits, 2^(31 − bits) to the unit; of 0 integer bits, 1 is 2^31 − 1.
The exponential of a number under 0 is a fourth-degree polynomial on the quarter before it, times constants for the
quarters, halves, ones and so on beyond; a reciprocal is three steps of Newton's.
"""

import numpy as np
from numpy.typing import NDArray

from ...integer.reciprocal import reciprocal, saturated_left
from ...integer.rescale import HIGHEST, doubling_high, quantized_multiplier, scaled, shifted_right

Whole = NDArray[np.int64]
Quantized = tuple[np.float32, int]  # scale and zero point

_EIGHTH = 1895147668  # exp(−1/8), of 0 integer bits
_THIRD = 715827883
_POWERS = {-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242}  # exp(−2^i)
_LOGISTIC_BITS = 4  # integer bits of the argument


def exponential(x: Whole, bits: int) -> Whole:
    """exp(x) of 0 integer bits, of x ≤ 0 of `bits`."""
    quarter = 1 << (29 - bits)
    last = (x & (quarter - 1)) - quarter
    result = _on_last_quarter(saturated_left(last, bits))
    beyond = last - x
    for power, factor in _POWERS.items():
        if power < bits:
            result = np.where(beyond & (1 << (31 - bits + power)), doubling_high(result, factor), result)
    return np.where(x == 0, HIGHEST, result)


def _on_last_quarter(x: Whole) -> Whole:
    """exp(x) of −1/4 ≤ x < 0, of 0 integer bits: around −1/8."""
    x = x + (1 << 28)
    square = doubling_high(x, x)
    cube, fourth = doubling_high(square, x), doubling_high(square, square)
    terms = doubling_high(shifted_right(fourth, 2) + cube, _THIRD) + square
    made: Whole = _EIGHTH + doubling_high(x + shifted_right(terms, 1), _EIGHTH)
    return made


def exponentials(scale: np.float32, beta: float) -> NDArray[np.int32]:
    """exp(beta·scale·d) of 0 integer bits for d = 0, −1, … −255; 0 from where on they do not count."""
    bits = 5
    factor = min(np.float64(beta) * np.float64(scale) * (1 << (31 - bits)), 2.0**31 - 1)
    multiplier, shift = quantized_multiplier(np.float64(factor))
    left = int(-shift)
    radius = int(np.floor(((1 << bits) - 1) * 2.0 ** (31 - bits) / 2.0**left))
    d = np.arange(0, -256, -1, dtype=np.int64)
    found = exponential(doubling_high(np.maximum(d, -radius) << max(left, 0), multiplier), bits)
    return np.where(d >= -radius, found, 0).astype(np.int32)


def logistic(q: Whole, x: Quantized, y: Quantized) -> Whole:
    """LOGISTIC, whose output is always held as 256·y − 128."""
    argument, inside = _argument(q, x)
    positive = reciprocal(exponential(-np.abs(argument), _LOGISTIC_BITS))
    made = np.where(argument < 0, HIGHEST - positive, positive)
    made = shifted_right(np.where(argument == 0, 1 << 30, made), 23) - 128
    return np.where(inside, made, np.where(q < x[1], -128, 127))


def tanh(q: Whole, x: Quantized, y: Quantized) -> Whole:
    """TANH, whose output is always held as 128·y."""
    argument, inside = _argument(q, x)
    # Twice the argument, of one integer bit more, is the same number.
    positive = reciprocal(exponential(-np.abs(argument), _LOGISTIC_BITS + 1), less_one=True)
    made = np.where(argument < 0, -positive, positive)
    made = shifted_right(np.where(argument == 0, 0, made), 24)
    return np.where(inside, made, np.where(q < x[1], -128, 127))


def _argument(q: Whole, x: Quantized) -> tuple[Whole, NDArray[np.bool_]]:
    """The real of an int8 in fixed point, and whether it is so small that it fits."""
    multiplier, shift = quantized_multiplier(np.float64(x[0]) * (1 << (31 - _LOGISTIC_BITS)))
    left = int(-shift)
    radius = int(np.floor(((1 << _LOGISTIC_BITS) - 1) * 2.0 ** (31 - _LOGISTIC_BITS) / 2.0**left))
    centred = q - x[1]
    inside = np.abs(centred) < radius
    return np.where(inside, scaled(np.where(inside, centred, 0), multiplier, shift), 0), inside


def hard_swish(q: Whole, x: Quantized, y: Quantized) -> Whole:
    """HARD_SWISH: x·relu6(x + 3)/6 in 16 bits, x held in 1/128 of its unit and the gate in 1/32768."""
    fine = np.float32(1 / 128) * x[0]
    factor, shift = _short(np.float64(fine / y[0]))
    gate_factor, gate_shift = _short(np.float64(fine / np.float32(3 / 32768)))
    wide = (q - x[1]) << 7
    gate = _short_left(wide, -gate_shift - 1) if gate_shift < 0 else wide
    gate = _short_high(gate, gate_factor)
    gate = _short_left(gate, 1) if gate_shift < 0 else shifted_right(gate, gate_shift)
    gate = (gate + 2**15) >> 1
    product = gate * _short_high(wide, factor)
    return shifted_right(np.sign(product) * (np.abs(product) >> 15), shift) + y[1]


def _short(factor: np.float64) -> tuple[int, int]:
    """Multiplier of 16 bits, and shift to the right."""
    multiplier, shift = quantized_multiplier(factor)
    return min((int(multiplier) + 2**15) >> 16, 2**15 - 1), int(shift)


def _short_high(a: Whole, b: int) -> Whole:
    """The high 16 bits of 2·a·b, rounded to nearest, halves up."""
    made: Whole = (a * b + 2**14) >> 15
    return made


def _short_left(x: Whole, count: int) -> Whole:
    made: Whole = np.clip(x << count, -(2**15), 2**15 - 1)
    return made
