"""A program's roundings as the circuit makes them: one multiplication, one addition, one shift."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..integer.program import Requantize

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Rounding:
    """y = clamp((sum·multiplier + offset) >> shift, low, high), then a table. multiplier, offset: (channels,) int64."""

    multiplier: Whole
    offset: Whole
    shift: int
    low: int
    high: int
    table: NDArray[np.int8] | None


def rounding(how: Requantize, channels: int, moved: Whole | int = 0) -> Rounding:
    """What rounds sums less `moved` as `how` rounds the sums.

    The pre-shift goes into offset and shift, for ⌊(⌊a/2^p⌋ + o)/2^s⌋ = ⌊(a + o·2^p)/2^(p + s)⌋.

    moved: (channels,), or one for all.
    """
    multiplier, offset = (np.broadcast_to(v, channels).astype(np.int64) for v in (how.multiplier, how.offset))
    offset = (offset << how.pre_shift) + multiplier * moved
    return Rounding(multiplier, offset, how.pre_shift + how.shift, how.low, how.high, how.table)
