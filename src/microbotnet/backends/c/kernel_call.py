"""How an operator is written in C: the kernel that is called, and what it is given."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolution
from ...integer.program import Pair, Program, Requantize, Tensor
from ...integer.rescale import Rescale
from .packed import Packed, Steps, pack, pack_table


@dataclass(frozen=True)
class Window:
    """Windows over an operator's input; the C struct window_t."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)


@dataclass(frozen=True)
class KernelCall:
    """A call of a kernel.

    files: of `kernels/` that it needs, in order.
    call: C, in which {NAME}, {x}, {y}, {scratch} and the names of arrays stand for what they will be called; &how and
        &window are `how` and `window`; &how0, &how1, … are `hows`.
    lanes: whether `how` is for sums in lanes: no pre-shift, 128 outputs more.
    scratch: bytes of the arena, for the operator alone.
    structs: further constants, by name: a C type and its values, in which arrays' names may stand.
    functions: what writes C of its own, by name, with NAME_ for the network's; printed once for all operators.
    code: bytes of those.
    slack: of the offsets of `how`, or of the arrays `multiplier` and `offset`: see `pack`. packed: whether they are.
    instructions: that a Cortex-M0 executes, about; 0 where no other form is there to compare.
    in_place: whether nothing is to do where the memory plan has put the output into the input.
    """

    files: tuple[str, ...]
    call: str
    scratch: int = 0
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    how: Requantize | None = None
    lanes: bool = False
    hows: tuple[Requantize, ...] = ()
    window: Window | None = None
    structs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    functions: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    code: int = 0
    slack: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    packed: bool = False
    instructions: float = 0
    in_place: bool = False

    @cached_property
    def bytes(self) -> int:
        """Of the constants that another form may have in fewer."""
        given = 0 if self.how is None else self.how.multiplier.nbytes + self.how.offset.nbytes
        if self.lanes and self.slack is not None:
            given = 8 * len(self.slack[0])
        tables = [] if self.how is None else [table(self.how)]
        if not self.packed:
            return given + sum(array.nbytes for array in (*self.arrays.values(), *tables))
        size, widened = 0, set()
        if (rounding := self.rounding) is not None:
            size, widened = rounding.data.nbytes + 16, {"multiplier", "offset"}
        if steps := self.steps:
            size, widened, tables = size + sum(each.data.nbytes + 16 for each in steps), widened | {"table"}, []
        rest = [array for name, array in self.arrays.items() if name not in widened]
        return int(size + given * (rounding is None) + sum(array.nbytes for array in (*rest, *tables)))

    @cached_property
    def kernel(self) -> str:
        """The one that does the work: the last that is called."""
        return self.call.split("\n")[-1].strip().split("(")[0]

    @property
    def kind(self) -> str:
        """The kernel, in a word, and whether constants are packed."""
        word = re.sub(r"(_\d+)+$|_[0-9a-f]{12}$", "", self.kernel.removeprefix("{NAME}_"))
        return f"{word}, packed" if self.packed else word

    @cached_property
    def rounding(self) -> Packed | None:
        """Multipliers and offsets in fewer bytes."""
        if self.slack is None or len(self.slack[0]) == 1:
            return None
        found = self.arrays if self.how is None else {"multiplier": self.how.multiplier, "offset": self.how.offset}
        channels = len(self.slack[0])
        multiplier, offset = (
            np.broadcast_to(found[what].astype(np.int64), channels) for what in ("multiplier", "offset")
        )
        return pack(multiplier, offset, self.slack)

    @cached_property
    def steps(self) -> list[Steps]:
        """The tables in fewer bytes; none for one that most layers share."""
        found = table(self.how) if self.how is not None else self.arrays.get("table")
        if found is None or (found.reshape(-1, 256) == np.arange(-128, 128)).all():
            return []
        made = [pack_table(each) for each in found.reshape(-1, 256)]
        return [steps for steps in made if steps is not None] if None not in made else []


def with_packed(forms: list[KernelCall]) -> list[KernelCall]:
    """The forms, and those whose multipliers, offsets or table can be packed so."""
    found = list(forms)
    for form in forms:
        rounding = form.rounding
        channels = 0 if rounding is None else rounding.count
        entries = 256 * len(form.steps)
        if channels or entries:
            smaller = replace(
                form,
                files=(*form.files, "widen"),
                packed=True,
                scratch=-(-form.scratch // 4) * 4 + 8 * channels + entries,
                instructions=form.instructions + 90 * channels + 11 * entries,
            )
            found.append(smaller)
    return found


def window_of(operator: Convolution) -> Window:
    """A convolution's windows."""
    rows, columns = operator.weights.shape[2:]
    return Window((rows, columns), operator.stride, operator.padding)


def is_pointwise(program: Program, operator: Convolution) -> bool:
    """Whether each pixel of its output is made of the input's pixel at the same place, and there are no others."""
    (x,), y = program.of(operator)
    steps = (operator.weights.shape[2:], operator.stride, operator.padding)
    return steps == ((1, 1), (1, 1), (0, 0)) and y.shape[1:] == x.shape[1:]


def destination(output: Tensor) -> str:
    """The arguments for outputs of 8 bits and for scores; the former are never null, since kernels add to them."""
    return "(int8_t *)({y}), {y}" if output.dtype == "int16" else "{y}, 0"


def table(how: Requantize | Rescale) -> NDArray[np.int8]:
    """The output of every index from −128 on, the clamp included: (256,) int8."""
    index = np.clip(np.arange(-128, 128), how.low, how.high)
    return index.astype(np.int8) if how.table is None else how.table[index + 128]


def stretched(how: Requantize, least: int, largest: int) -> tuple[NDArray[np.int8], int]:
    """The table from index `least` to `largest`, or farther, and where its own first entry is in it.

    Operators that only clamp share one of few.
    """
    if how.table is None:
        largest = 1 << max(-least, largest).bit_length()
        least = -largest
    least, largest = min(least, 0), max(largest, 255)
    return table(how)[np.clip(np.arange(least, largest + 1), 0, 255)], -least
