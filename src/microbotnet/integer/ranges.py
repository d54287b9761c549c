"""How large every sum can become, from the weights: the proof that 32 bits are enough."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .program import LIMITS, Add, Concatenate, Convolve, Gate, Lookup, MaxPool, Operator, Program, Requantize, SumPool

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


def sums(program: Program, operator: Operator) -> tuple[Range, ...]:
    """The ranges of the operator's sums, one for each `Requantize` that it has; none for one without sums."""
    inputs, _ = program.of(operator)
    x = inputs[0]
    match operator:
        case Lookup() | MaxPool():
            return ()
        case Convolve(weights=weights):
            w = weights.reshape(len(weights), -1).astype(np.int64)
            low, high = min(x.low, x.zero_point), max(x.high, x.zero_point)  # of what is read, padding included
            products = np.stack([w * low, w * high])
            return (Range(np.minimum(products.min(0), 0).sum(1), np.maximum(products.max(0), 0).sum(1)),)
        case SumPool(kernel=kernel):
            count = kernel[0] * kernel[1]
            return (_range(min(x.low, 0) * count, max(x.high, 0) * count),)
        case Add(multipliers=multipliers):
            terms = [(m * t.low, m * t.high) for m, t in zip(multipliers, inputs, strict=True)]
            return (_range(sum(min(*ends, 0) for ends in terms), sum(max(*ends, 0) for ends in terms)),)
        case Gate():
            a, b = ((t.low - t.zero_point, t.high - t.zero_point) for t in inputs)
            corners = [p * q for p in a for q in b]
            return (_range(min(corners), max(corners)),)
        case Concatenate():
            return tuple(_range(t.low, t.high) for t in inputs)


def check(program: Program) -> None:
    """Prove that no sum and no product of the program leaves 32 bits, whatever the picture.

    Raises:
        BadInput: one could; it names the operator. Or an operator contradicts its tensors.
    """
    for operator in program.operators:
        inputs, output = program.of(operator)
        ranges = sums(program, operator)
        hows = operator.requantize if isinstance(operator, Concatenate) else (getattr(operator, "requantize", None),)
        for found, how in zip(ranges, hows, strict=False):
            if how is None:
                continue
            if found.low.min() < WORD[0] or found.high.max() > WORD[1]:
                raise BadInput(f"{operator.name}: its sums can need {found.bits} bits; 32 are there")
            _check_limits(operator, how, output.dtype)
            low, high = requantized(found, how)
            if low.min() < WORD[0] or high.max() > WORD[1]:
                raise BadInput(f"{operator.name}: a requantized sum can leave 32 bits")
        if any(t.low < LIMITS[t.dtype][0] or t.high > LIMITS[t.dtype][1] for t in (*inputs, output)):
            raise BadInput(f"{operator.name}: a tensor's range is outside its dtype")


def requantized(found: Range, how: Requantize) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bounds, for each channel, of every number on the way from a sum to what the last shift is given."""
    multiplier, offset = how.multiplier.astype(np.int64), how.offset.astype(np.int64)
    ends = np.stack([(found.low >> how.pre_shift) * multiplier, (found.high >> how.pre_shift) * multiplier])
    rest = ((1 << how.pre_shift) - 1) * multiplier  # the product of the bits below
    low, high = ends.min(0) + np.minimum(rest >> how.pre_shift, 0), ends.max(0) + np.maximum(rest >> how.pre_shift, 0)
    low, high = np.minimum(low, low + offset), np.maximum(high, high + offset)
    return np.minimum(low, rest), np.maximum(high, rest)


def _check_limits(operator: Operator, how: Requantize, dtype: str) -> None:
    limits = LIMITS["int8" if how.table is not None else dtype]
    if not limits[0] <= how.low <= how.high <= limits[1]:
        raise BadInput(f"{operator.name}: clamps to {how.low}…{how.high}, outside {dtype}")
    if not (0 <= how.shift < 32 and 0 <= how.pre_shift < 32):
        raise BadInput(f"{operator.name}: a shift is out of range")


def _range(low: int, high: int) -> Range:
    return Range(np.array([low], np.int64), np.array([high], np.int64))
