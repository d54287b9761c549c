"""Real factors as fixed-point numbers, as fine as needed and as 32 bits allow."""

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .operators import Convolve, Operator
from .program import Requantize
from .ranges import WORD, Range, requantized

Real = NDArray[np.float64]

FINE = 2.0**-12  # units of the output by which an unclamped result may be off before it is rounded
TERNARY = 2.0**-9
COARSE = 2.0**-8
WHOLE = 1.0  # for scores, whose units are small
SHORT = 2**15 - 1  # multipliers up to it take less room
_STEEPEST = 2**14  # a factor over it turns one unit of the sum into more than the output can tell


def tolerance_of(operator: Operator, *, scores: bool) -> float:
    """How far off `fixed_point` may be behind `operator`.

    Sums of many products by 8 bits take long; elsewhere, rounding takes most of the time.
    """
    if scores:
        return WHOLE
    if not isinstance(operator, Convolve):
        return COARSE
    return FINE if operator.bits == 8 else TERNARY


def fixed_point(
    found: Range,
    factor: Real,
    centre: Real,
    bias: Real,
    *,
    low: int,
    high: int,
    table: NDArray[np.int8] | None = None,
    tolerance: float,
    name: str = "",
) -> Requantize:
    """The cheapest `Requantize` for y = round(factor·(acc − centre) + bias), clamped to low…high, within
    `tolerance`.

    No `pre_shift` is cheaper than one, a multiplier of 16 bits cheaper than a longer one; where nothing that fits in
    32 bits is near enough, the nearest is taken. Channels whose sum is constant or always clamped lose their factor,
    so that they cost the others nothing.

    Args:
        found: bounds of acc. factor, centre, bias: (channels,) float64.
        name: the operator's, for the error.

    Raises:
        BadInput: nothing fits, or a factor is no number.
    """
    if not (np.isfinite(factor).all() and np.isfinite(bias).all()):
        raise BadInput(f"{name}: its scale or bias is NaN or infinite")
    factor, centre, bias = (np.array(np.broadcast_to(v, factor.shape), np.float64) for v in (factor, centre, bias))
    ends = np.stack([np.broadcast_to(end, factor.shape).astype(np.float64) for end in (found.low, found.high)])
    y = factor * (ends - centre) + bias
    still = (ends[0] == ends[1]) | (y.min(0) >= high + 1) | (y.max(0) <= low - 1)
    bias = np.where(still, np.clip(y[0], low, high), bias)
    factor = np.where(still, 0, factor)
    steep = np.abs(factor) > _STEEPEST  # of such a channel only counts on which side of the middle a sum is
    middle = (low + high) / 2
    centre[steep] += (middle - bias[steep]) / factor[steep]
    bias[steep], factor[steep] = middle, np.sign(factor[steep]) * _STEEPEST
    # How far from the centre sums are not clamped.
    slope = np.where(factor == 0, 1, np.abs(factor))
    reach = np.minimum(np.abs([low - 1 - bias, high + 1 - bias]).max(0) / slope, np.abs(ends - centre).max(0))
    steepest = max(float(np.abs(factor).max()), 2.0**-31)

    def attempt(pre_shift: int, longest: int) -> tuple[float, Requantize] | None:
        finest = int(np.floor(np.log2(longest / steepest))) - pre_shift
        for shift in range(min(finest, 31), -1, -1):
            step = 2.0 ** (pre_shift + shift)
            multiplier = np.rint(factor * step)
            offset = np.floor((bias + 0.5) * 2.0**shift - multiplier * centre / 2.0**pre_shift)
            if np.abs(offset).max() > WORD[1]:
                continue
            how = Requantize(multiplier.astype(np.int32), offset.astype(np.int32), pre_shift, shift, low, high, table)
            least, most = requantized(found, how)
            room = 128 << shift  # an engine may count outputs from 0 to 255
            if least.min() >= WORD[0] and most.max() + room <= WORD[1]:
                return float((reach * np.abs(multiplier / step - factor)).max()) + 2.0**-shift, how
        return None

    best: tuple[float, Requantize] | None = None
    for pre_shift in range(found.bits):
        for longest in (SHORT, WORD[1]):
            tried = attempt(pre_shift, longest)
            if tried and (best is None or tried[0] < best[0]):
                best = tried
            if best and best[0] <= tolerance:
                return best[1]
    if best is None:
        raise BadInput(f"{name}: no shift keeps its sums, of {found.bits} bits, within 32")
    return best[1]
