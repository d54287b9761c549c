"""Ternary linear layers with more outputs than inputs: each row's sums come from tables, by straight Armv6-M code.

As in `kernels/tables.c` all sums of three, four or five inputs are made once. What is stored of a row for each table is
where its sum lies, in 16 bits; a sum takes three instructions, and is rounded where it is.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...integer import ranges
from ...integer.operators import Convolve
from ...integer.program import Program
from .assembly import CLAMP, guarded, into_table
from .codes import EACH, encode_codes
from .kernel_call import KernelCall, stretched, table
from .lanes import LONGEST_TABLE, has_room, indices, wrapped

FILES = ("requantize", "lanes", "armv6m", "rows", "window", "ternary", "tables", "gathered")
TABLE_BYTES = 5120  # of RAM at most, for all tables
MOST, NEAR = 62, 31  # tables; codes that are read before the pointer moves


@dataclass(frozen=True)
class Gathered:
    """The function for all rows.

    groups: tables. alone: whether all rows have one multiplier and one offset. clamped: whether an index may be beyond
    the table.
    """

    groups: int
    shift: int
    alone: bool
    clamped: bool

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"gathered_{self.groups}_{self.shift}_{int(self.alone)}_{int(self.clamped)}"

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const uint16_t *codes, const uint32_t *tables, int8_t *y, const gathered_t *m"
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n    gathered_plain(codes, tables, y, m, {self.groups}, "
            f"{self.shift}, {int(self.alone)}, {int(self.clamped)});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    @property
    def instructions(self) -> int:
        """Of a row."""
        return len(self.lines) - (8 if self.alone else 6) - CLAMP * self.clamped

    @cached_property
    def lines(self) -> list[str]:
        """Codes r0, tables r1, sum r4, table of outputs r5, rounding r6 (or factor, offset r9), y r7, its end r8."""
        lines = ["mov r7, r2", "ldmia r3!, {r4, r5, r6}", "adds r6, r6, r7", "mov r8, r6"]
        lines += ["ldmia r4!, {r2, r3}", "mov r6, r2", "mov r9, r3"] if self.alone else ["mov r6, r4"]
        lines.append("5:")
        for at in range(self.groups):
            into = "r3" if at else "r4"
            lines += [f"ldrh r2, [r0, #{2 * (at % NEAR)}]", f"ldr {into}, [r1, r2]"]
            lines += ["adds r4, r4, r3"] if at else []
            lines += [f"adds r0, #{2 * NEAR}"] if at % NEAR == NEAR - 1 else []
        lines += [f"adds r0, #{2 * (self.groups % NEAR)}"] if self.groups % NEAR else []
        lines += (
            ["muls r4, r6, r4", "add r4, r9"]
            if self.alone
            else ["ldmia r6!, {r2, r3}", "muls r4, r2, r4", "adds r4, r4, r3"]
        )
        lines += [f"asrs r4, r4, #{self.shift}"] if self.shift else []
        lines += [*into_table("r4"), "1:"] if self.clamped else []
        lines += ["ldrb r4, [r5, r4]", "strb r4, [r7]", "adds r7, #1", "cmp r7, r8"]
        return [*lines, *(["bne 5b"] if self.groups < 30 else ["beq 6f", "b 5b", "6:"])]


def gathered_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """The forms of a linear layer to bytes without a pre-shift whose tables are small enough, with and without a clamp.

    Args:
        operator: ternary; each output is one sum over the whole input.
    """
    y = program.of(operator)[1]
    how = operator.requantize
    if y.dtype != "int8" or how.pre_shift or not has_room(program, operator):
        return []
    rows: NDArray[np.int8] = operator.weights.reshape(len(operator.weights), -1)
    outputs, inputs = rows.shape
    wide, first = stretched(how, *indices(ranges.sums(program, operator)[0], how))
    multiplier = np.broadcast_to(how.multiplier.astype(np.int64), outputs)
    offset = np.broadcast_to(how.offset.astype(np.int64), outputs) + (128 << how.shift)
    rounding = np.stack([multiplier, wrapped(offset)], 1).astype(np.int32)
    alone = bool((rounding == rounding[0]).all())
    found = []
    for each in EACH:
        groups = -(-inputs // each)
        if groups > MOST or 4 * groups * 3**each > TABLE_BYTES:
            continue
        places = 4 * (encode_codes(rows, each).astype(np.int64) + 3**each * np.arange(groups))
        for clamped in (True, False) if len(wide) <= LONGEST_TABLE else (True,):
            code = Gathered(groups, how.shift, alone, clamped)
            name, moved = ("table", "") if clamped else ("wide", f" + {first}")
            numbers = f"{{rounding}}, {{{name}}}{moved}, {outputs}, {{weights}}, {inputs}, {groups}, {each}"
            form = KernelCall(
                FILES,
                f"gathered({{x}}, {{y}}, (uint32_t *){{scratch}}, &rows, {{NAME}}_{code.name})",
                scratch=4 * groups * (each + 3**each),
                arrays={
                    "weights": places.astype(np.uint16),
                    "rounding": rounding[:1] if alone else rounding,
                    name: table(how) if clamped else wide,
                },
                structs={"rows": ("gathered_t", numbers)},
                functions={code.name: code.text},
                code=2 * len(code.lines),
                instructions=outputs * code.instructions + groups * (2.33 * 3**each + 14 * each + 40) + 8 * inputs + 60,
            )
            found.append(form)
    return found
