"""Sums in lanes of 16 bits: convolutions whose sums fit, and how they are requantized."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...integer import ranges
from ...integer.operators import Convolve, Gate, SumPool
from ...integer.program import Pair, Program, Requantize
from .kernel_call import KernelCall, stretched
from .requantization import Whole, exchanged, offset_bounds

LANE = 2**15
LARGEST = 2**31 - 1
LONGEST_TABLE = 2**13 + 1


def in_lanes(program: Program, operator: Convolve, centre: int) -> Convolve | None:
    """The operator, if every sum of its weights and inputs less `centre` fits 16 bits; without a pre-shift, if it can
    be, and then with room for outputs counted from 0.
    """
    (x,), y = program.of(operator)
    if operator.bits > 2 or y.dtype != "int8":
        return None
    shifted = replace(x, low=x.low - centre, high=x.high - centre, zero_point=x.zero_point - centre)
    (found,) = ranges.sums(replace(program, tensors=program.tensors | {x.name: shifted}), operator)
    if found.low.min() < -LANE or found.high.max() >= LANE:
        return None
    how = exchanged(operator.requantize, ranges.sums(program, operator)[0])
    made = operator if how is None else replace(operator, requantize=how)
    return made if how is None or has_room(program, made) else None


def has_room(program: Program, operator: Convolve | Gate | SumPool) -> bool:
    """Whether 32 bits still hold what the last shift is given when outputs are counted from 0 to 255."""
    how = operator.requantize
    (found,) = ranges.sums(program, operator)
    return int(ranges.requantized(found, how)[1].max()) + (128 << how.shift) <= LARGEST


def indices(found: ranges.Range, how: Requantize) -> tuple[int, int]:
    """The least and the largest index of a table that counts from 0, without a pre-shift."""
    multiplier, offset = how.multiplier.astype(np.int64), how.offset.astype(np.int64)
    ends = np.stack([found.low * multiplier, found.high * multiplier]) + offset + (128 << how.shift) >> how.shift
    return int(ends.min()), int(ends.max())


def centred(operator: Convolve, centre: int, *, more: int = 0) -> Requantize:
    """The requantization of sums of inputs less `centre`. Only without a pre-shift, or with centre 0.

    Offsets may leave 32 bits; they wrap around, as the kernels' sums do.

    Args:
        more: added to every output.
    """
    how = operator.requantize
    if centre == 0 and more == 0:
        return how
    total = operator.weights.reshape(len(operator.weights), -1).sum(1, dtype=np.int64)
    offset = how.offset.astype(np.int64) + how.multiplier.astype(np.int64) * centre * total + (more << how.shift)
    multiplier = np.broadcast_to(how.multiplier, offset.shape)
    if (multiplier == multiplier[0]).all() and (offset == offset[0]).all():
        multiplier, offset = multiplier[:1], offset[:1]
    return replace(how, multiplier=multiplier, offset=wrapped(offset))


def slack(program: Program, operator: Convolve) -> tuple[Whole, Whole]:
    """What may be added to the offsets, at least and at most, without another output."""
    how, (found,) = operator.requantize, ranges.sums(program, operator)
    least, largest = offset_bounds(how, found, np.zeros(len(found.low), np.int64), how)
    far = 1 << 40
    return np.maximum(least - how.offset, -far), np.minimum(largest - how.offset, far)


def lane_rounding(how: Requantize, rows: int) -> NDArray[np.int32]:
    """A multiplier and an offset for each row, (rows, 2), for sums to which LANE was added."""
    multiplier = np.broadcast_to(how.multiplier.astype(np.int64), rows)
    return np.stack([wrapped(multiplier), wrapped(how.offset - LANE * multiplier)], 1)


def unclamped(form: KernelCall, reached: Pair, rows: int) -> list[KernelCall]:
    """A form of so many rows whose `how` is for lanes, with a table that reaches as far as sums do; see `indices`.
    None where the table would be longer than what it spares is worth.
    """
    assert form.how is not None
    wide, first = stretched(form.how, *reached)
    if len(wide) > LONGEST_TABLE:
        return []
    numbers = f"{{rounding}}, {{wide}} + {first}, {form.how.shift}"
    arrays = {**form.arrays, "rounding": lane_rounding(form.how, rows), "wide": wide}
    structs = {**form.structs, "how": ("lanes_t", numbers)}
    return [replace(form, arrays=arrays, structs=structs, how=None, lanes=False, slack=None)]


def wrapped(values: NDArray[np.int64]) -> NDArray[np.int32]:
    """Modulo 2³²."""
    return values.astype(np.uint32).view(np.int32)
