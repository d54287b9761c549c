"""The arithmetic of onnxruntime's int8 kernels: integer sums times a float32 scale, rounded half to even."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Float = NDArray[np.float32]
Step = Callable[[Whole], Whole]

Q = np.arange(-128, 128, dtype=np.int64)  # every int8


def dequantized(q: Whole, scale: np.float32, zero_point: int) -> Float:
    """What integers stand for."""
    return (q - zero_point).astype(np.float32) * np.float32(scale)


def quantized(x: Float, scale: np.float32, zero_point: int) -> Whole:
    """The integers of real numbers, not yet clamped: QuantizeLinear."""
    with np.errstate(all="ignore"):
        y = np.rint(np.nan_to_num(x.astype(np.float32) / np.float32(scale), nan=0.0, posinf=2.0**31, neginf=-(2.0**31)))
    integers: Whole = np.clip(y, -(2.0**31), 2.0**31).astype(np.int64) + zero_point
    return integers


def requantized(scale: Float, zero_point: int, low: int, high: int) -> Step:
    """From sums (channels, n) to integers; scale: float32, (channels,) or (1,)."""
    column = scale.astype(np.float32)[:, None]

    def step(acc: Whole) -> Whole:
        y = np.rint(acc.astype(np.float32) * column)
        integers: Whole = np.clip(y, -(2.0**40), 2.0**40).astype(np.int64) + zero_point
        return np.clip(integers, low, high)

    return step


def averaged(scale: Float, zero_point: int, low: int, high: int) -> Step:
    """`requantized` as QLinearAveragePool does it, whose halves are rounded to even with the zero point in them."""
    column = scale.astype(np.float32)[:, None]

    def step(acc: Whole) -> Whole:
        y = np.rint(acc.astype(np.float32) * column + np.float32(zero_point))
        integers: Whole = np.clip(y, -(2.0**40), 2.0**40).astype(np.int64)
        return np.clip(integers, low, high)

    return step


def sum_of_pairs(a: Whole, b: Whole, scales: tuple[np.float32, ...], zeros: tuple[int, ...]) -> Whole:
    """QLinearAdd of integers that broadcast, not yet clamped; scales and zero points of a, b and the sum."""
    by_a, by_b = np.float32(scales[0] / scales[2]), np.float32(scales[1] / scales[2])
    fixed = np.float32(zeros[2]) - (by_a * np.float32(zeros[0]) + by_b * np.float32(zeros[1]))
    y = b.astype(np.float32) * by_b + (a.astype(np.float32) * by_a + fixed)
    integers: Whole = np.rint(y).astype(np.int64)
    return integers


def product_of_pairs(a: Whole, b: Whole, scales: tuple[np.float32, ...], zeros: tuple[int, ...]) -> Whole:
    """QLinearMul of integers that broadcast, not yet clamped."""
    scale = np.float32(scales[0] * scales[1] / scales[2])
    integers: Whole = np.rint(((a - zeros[0]) * (b - zeros[1])).astype(np.float32) * scale).astype(np.int64)
    return integers + zeros[2]
