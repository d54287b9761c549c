"""Kernels of real numbers as small integers times a scale for each output channel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

_SAME = 1e-5  # magnitudes nearer than this, relatively, are one


@dataclass(frozen=True)
class Codes:
    """weight ≈ scale·codes: codes (outputs, …) int8, scale (outputs,), bits a code is stored in (1, 2 or 8)."""

    codes: NDArray[np.int8]
    scale: Real
    bits: int


def encode(weight: Real, norm: Real | None = None) -> Codes:
    """The integers of a kernel (outputs, …), found from its values.

    With `norm`, (outputs,), what a channel's sums are multiplied by, scale·norm is a power of two in the last case.

    - Every channel's values are −a, 0 and +a: exact, 2 bits; without a zero anywhere, 1 bit.
    - A channel's values are −n, 0 and +p (trained ternary quantization): the best p/n of integers to 127; 8 bits.
    - Else a channel's largest magnitude is 127 and the others are rounded; 8 bits. A kernel that was rounded so
      in training comes out exactly.
    """
    flat = weight.reshape(len(weight), -1)
    size = np.abs(flat)
    largest = size.max(1)
    signs = np.sign(flat)
    ternary = (np.abs(size - largest[:, None]) <= _SAME * largest[:, None]) | (flat == 0)
    if ternary.all():
        mean = (size.sum(1) / np.maximum((flat != 0).sum(1), 1)).astype(np.float64)
        return Codes(_int8(signs, weight), mean, 1 if (flat != 0).all() else 2)
    scale = largest / 127
    if norm is not None:
        by = np.where(norm == 0, 1, np.abs(norm))
        scale = np.exp2(np.ceil(np.log2(np.where(scale > 0, scale * by, 1)) - _SAME)) / by
    for channel in np.flatnonzero(~ternary.all(1)):
        scale[channel] = _two_values(flat[channel]) or scale[channel]
    codes = np.rint(flat / np.where(scale > 0, scale, 1)[:, None])
    return Codes(_int8(codes, weight), scale, 8)


def _two_values(values: Real) -> float:
    """The scale that −n, 0 and +p are nearest to multiples of, up to 127; 0 if there are other values."""
    sides = [values[values > 0], -values[values < 0]]
    if any(len(side) == 0 or np.ptp(side) > _SAME * side.max() for side in sides):
        return 0.0
    more, less = sorted((float(side.mean()) for side in sides), reverse=True)
    top = np.arange(127, 0, -1)
    error = np.abs(np.rint(top * less / more) / top - less / more)
    return more / float(top[error.argmin()])


def _int8(codes: Real, like: Real) -> NDArray[np.int8]:
    return codes.reshape(like.shape).astype(np.int8)
