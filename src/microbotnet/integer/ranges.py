"""How large every sum can become, from the weights: the proof that 32 bits are enough."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .program import LIMITS, Program, Requantize
from .rescale import LARGEST, Rescale

if TYPE_CHECKING:
    from .operators import Operator

WORD = (-(2**31), 2**31 - 1)


@dataclass(frozen=True)
class Range:
    """Bounds of the sums of each output channel, or of all: in whatever order it is added, no partial sum of a
    picture is outside. low, high: (channels,) or (1,) int64.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]

    @property
    def bits(self) -> int:
        """Of the two's complement word that holds every sum of every channel."""
        largest = max(int(self.high.max()), -int(self.low.min()) - 1, 0)
        return largest.bit_length() + 1


def sums(program: Program, operator: "Operator") -> tuple[Range, ...]:
    """The ranges of the operator's sums, one for each rounding that it has; none for one without sums."""
    return operator.sums(program.of(operator)[0])


def check(program: Program) -> None:
    """Prove that no sum and no product of the program leaves 32 bits, whatever the picture.

    Raises:
        BadInput: one could; it names the operator. Or an operator contradicts its tensors.
    """
    for operator in program.operators:
        inputs, output = program.of(operator)
        if output.dtype not in operator.makes:
            ends = "a linear, a convolution or an average pool"
            raise BadInput(f"{operator.name}: cannot give the scores, {output.dtype}; end with {ends}")
        if any(x.dtype not in operator.reads for x in inputs):
            raise BadInput(f"{operator.name}: reads the picture's bytes; only a lookup can")
        for found, how in zip(operator.sums(inputs), operator.rounding, strict=True):
            if found.low.min() < WORD[0] or found.high.max() > WORD[1]:
                raise BadInput(f"{operator.name}: its sums can need {found.bits} bits; 32 are there")
            _check_limits(operator, how, output.dtype)
            if not (_rescalable(found, how) if isinstance(how, Rescale) else _requantizable(found, how)):
                raise BadInput(f"{operator.name}: a requantized sum can leave 32 bits")
        if any(t.low < LIMITS[t.dtype][0] or t.high > LIMITS[t.dtype][1] for t in (*inputs, output)):
            raise BadInput(f"{operator.name}: a tensor's range is outside its dtype")


def _requantizable(found: Range, how: Requantize) -> bool:
    low, high = requantized(found, how)
    return bool(low.min() >= WORD[0] and high.max() <= WORD[1])


def _rescalable(found: Range, how: Rescale) -> bool:
    left = np.maximum(-how.shift.astype(np.int64), 0)
    ends = np.stack([end + how.bias.astype(np.int64) << left for end in (found.low, found.high)])
    return bool(np.abs(ends).max() <= LARGEST and how.multiplier.min() >= 0)


def requantized(found: Range, how: Requantize) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bounds, for each channel, of every number on the way from a sum to what the last shift is given."""
    multiplier, offset = how.multiplier.astype(np.int64), how.offset.astype(np.int64)
    ends = np.stack([(found.low >> how.pre_shift) * multiplier, (found.high >> how.pre_shift) * multiplier])
    rest = ((1 << how.pre_shift) - 1) * multiplier  # the product of the bits below
    low, high = ends.min(0) + np.minimum(rest >> how.pre_shift, 0), ends.max(0) + np.maximum(rest >> how.pre_shift, 0)
    low, high = np.minimum(low, low + offset), np.maximum(high, high + offset)
    return np.minimum(low, rest), np.maximum(high, rest)


def _check_limits(operator: "Operator", how: Requantize | Rescale, dtype: str) -> None:
    limits = LIMITS["int8" if how.table is not None else dtype]
    if not limits[0] <= how.low <= how.high <= limits[1]:
        raise BadInput(f"{operator.name}: clamps to {how.low}…{how.high}, outside {dtype}")
    shifts = how.shift if isinstance(how, Rescale) else np.array([how.shift, how.pre_shift])
    if shifts.max() > 31 or shifts.min() < (-31 if isinstance(how, Rescale) else 0):
        raise BadInput(f"{operator.name}: a shift is out of range")
