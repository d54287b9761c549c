"""Another tool's sum of two int8 maps as an `Add` that gives the same output for each of the 65,536 pairs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .program import Pair
from .ranges import WORD

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

_ROUNDS = 100  # of the search for real multipliers; each halves what is left of their plane by a quarter or more
_NEAR = (0, 1, -1, 2, -2, 3, -3)


@dataclass(frozen=True)
class Sum:
    """y = clamp((multipliers[0]·a + multipliers[1]·b + offset) >> shift, low, high).

    worst: by how many units y can be off; 0 is proof that it never is.
    """

    multipliers: Pair
    offset: int
    shift: int
    worst: int


def sum_of(outputs: Whole, slopes: tuple[float, float], *, low: int, high: int, name: str = "") -> Sum:
    """The finest `Sum` that fits in 32 bits and gives `outputs`; the nearest one that is met if none does.

    The offsets that a pair of multipliers leaves form an interval, whose length is a concave function of the two:
    an ellipse around its top shrinks until the interval is not empty.

    Args:
        outputs: (256, 256) int64 in low…high: of a from −128 on (rows) and b from −128 on (columns).
        slopes: units of the output for a unit of a, and of b; where the search begins.

    Raises:
        BadInput: no shift keeps the sums within 32 bits.
    """
    pairs = _Pairs(outputs, low, high)
    centre = pairs.middle(slopes)
    nearest: Sum | None = None
    for shift in range(30, 7, -1):
        rounded = [int(np.rint(c * 2.0**shift)) for c in centre]
        if not pairs.fits((rounded[0], rounded[1]), 0, shift):
            continue
        for more in [(i, j) for i in _NEAR for j in _NEAR]:
            multipliers = rounded[0] + more[0], rounded[1] + more[1]
            least, largest = pairs.offsets(multipliers, shift)
            offset = (least + largest) >> 1
            if not pairs.fits(multipliers, offset, shift):
                continue
            if least <= largest:
                return Sum(multipliers, offset, shift, pairs.worst(multipliers, offset, shift))
            if nearest is None:
                nearest = Sum(multipliers, offset, shift, pairs.worst(multipliers, offset, shift))
    if nearest is None:
        raise BadInput(f"{name}: its inputs' scales are too far from its output's")
    return nearest


class _Pairs:
    """The 65,536 pairs, and what is wanted of them."""

    def __init__(self, outputs: Whole, low: int, high: int) -> None:
        q = np.arange(-128, 128)
        self.a, self.b, self.outputs = np.repeat(q, 256), np.tile(q, 256), outputs.reshape(-1)
        self.low, self.high = low, high
        self.up, self.down = self.outputs > low, self.outputs < high  # what a clamp reaches needs no bound there

    def middle(self, slopes: tuple[float, float]) -> Real:
        """Real multipliers with which some offset gives every output, or the best that were met."""
        a, b, y = (values.astype(np.float64) for values in (self.a, self.b, self.outputs))
        centre = best = np.array(slopes, np.float64)
        ellipse, widest = np.eye(2) * (np.abs(centre).max() / 64) ** 2, -np.inf
        for _ in range(_ROUNDS):
            line = centre[0] * a + centre[1] * b
            lower, upper = np.where(self.up, y - line, -np.inf), np.where(self.down, y + 1 - line, np.inf)
            i, j = int(lower.argmax()), int(upper.argmin())
            width = upper[j] - lower[i]
            if width > widest:
                best, widest = centre, width
            ascent = np.array([a[i] - a[j], b[i] - b[j]])
            reach = float(np.sqrt(max(ascent @ ellipse @ ascent, 0)))
            if not np.isfinite(width) or reach == 0 or reach < width / 2:
                break
            step = ellipse @ ascent / reach
            centre = centre + step / 3
            ellipse = 4 / 3 * (ellipse - 2 / 3 * np.outer(step, step))
        return best

    def offsets(self, multipliers: Pair, shift: int) -> tuple[int, int]:
        """The least and the largest that gives every output; the least is above the largest where none does."""
        line, far = multipliers[0] * self.a + multipliers[1] * self.b, 2**62
        lower = np.where(self.up, (self.outputs << shift) - line, -far).max()
        upper = np.where(self.down, ((self.outputs + 1) << shift) - 1 - line, far).min()
        room = (1 << shift) - 1
        least, largest = int(lower), int(upper)
        return (largest - room if least == -far else least), (least + room if largest == far else largest)

    def fits(self, multipliers: Pair, offset: int, shift: int) -> bool:
        """Whether nothing leaves 32 bits, in whatever order it is added."""
        reach = sum(128 * abs(m) for m in multipliers) + abs(offset) + (128 << shift)
        return reach <= WORD[1]

    def worst(self, multipliers: Pair, offset: int, shift: int) -> int:
        """By how many units an output is off."""
        made = (multipliers[0] * self.a + multipliers[1] * self.b + offset) >> shift
        return int(np.abs(np.clip(made, self.low, self.high) - self.outputs).max())
