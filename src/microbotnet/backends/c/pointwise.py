"""Pointwise convolutions of 8 bits on small cores: a weight is loaded once for four pixels, their values by one `ldm`.

Straight Armv6-M code that makes all outputs of a few neighbouring pixels. Their values are widened to words first, the
pixels of an input beside each other. A sum takes 2.6 instructions a product, where a window's values take 3.3.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...integer.operators import Convolve
from ...integer.program import Program
from .assembly import CLAMP, guarded, requantized, steps
from .kernel_call import KernelCall, is_pointwise, table
from .lanes import has_room, wrapped

FILES = ("requantize", "lanes", "armv6m", "pointwise")
PIXELS = 4  # at once
SUMS = ("r8", "r9", "r10", "r11", "ip")
SLOTS = ("weights", "y", "rounding", "table", "stride", "left", "values")
MOST = 1024  # inputs


@dataclass(frozen=True)
class Pointwise:
    """The function that makes all outputs of `pixels`, one to five. each: inputs in a turn of the loop."""

    pixels: int
    each: int
    pre_shift: int
    shift: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"pointwise_{self.pixels}_{self.each}_{self.pre_shift}_{self.shift}"

    def instructions(self, inputs: int, outputs: int) -> float:
        """For all outputs, about."""
        turn = self.each * (2 + 2 * self.pixels) + 3
        spread = inputs * (3 * self.pixels + 4) + 60
        rounding = len(self._rounded) - CLAMP * self.pixels + self.pixels + 3
        return spread + outputs * (inputs / self.each * turn + rounding)

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const int8_t *x, int8_t *y, int32_t *values, const pointwise_t *p"
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n    (void)values;\n"
            f"    pointwise_plain(x, y, p, {self.pixels}, {self.pre_shift}, {self.shift});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    @cached_property
    def lines(self) -> list[str]:
        """x r0, y r1, values r2, their end lr, shape r3; on the stack what is added to each sum, then `SLOTS`."""
        at, sums = self._slots, SUMS[: self.pixels]
        frame = 4 * (self.pixels + len(SLOTS))
        lines = [f"sub sp, #{frame}", f"str r1, [sp, #{at['y']}]", f"str r2, [sp, #{at['values']}]"]
        lines += ["ldmia r3!, {r4-r7}"]
        given = ("weights", "rounding", "table", "stride")
        lines += [f"str r{4 + n}, [sp, #{at[what]}]" for n, what in enumerate(given)]
        lines += ["ldmia r3!, {r4, r5}", f"str r4, [sp, #{at['left']}]", f"movs r4, #{4 * self.pixels}"]
        lines += [
            "muls r4, r5, r4",
            "adds r4, r4, r2",
            "mov lr, r4",
            "mov r1, r2",
            "movs r4, #0",
            *(f"mov {sum_}, r4" for sum_ in sums),
        ]
        lines += ["1:"]
        for n in range(self.pixels):
            lines += [f"ldrb r{2 + n}, [r0, #{n}]", f"sxtb r{2 + n}, r{2 + n}", f"add {sums[n]}, r{2 + n}"]
        several = f"{{r2-r{1 + self.pixels}}}" if self.pixels > 1 else "{r2}"
        lines += [f"stmia r1!, {several}", "adds r0, r0, r7", "cmp r1, lr", "bne 1b"]
        for n, sum_ in enumerate(sums):  # a weight has 128 too much
            lines += [f"mov r2, {sum_}", "lsls r2, r2, #7", "rsbs r2, r2, #0", f"str r2, [sp, #{4 * n}]"]
        values = [f"r{8 - self.pixels + n}" for n in range(self.pixels)]
        many = "{" + ", ".join(values) + "}"
        lines += [f"ldr r0, [sp, #{at['weights']}]", "5: mov r1, sp", f"ldmia r1!, {many}"]
        lines += [f"mov {sum_}, {value}" for sum_, value in zip(sums, values, strict=True)]
        lines += [f"ldr r1, [sp, #{at['values']}]", "2:"]
        for k in range(self.each):
            lines += [f"ldrb r2, [r0, #{k}]", f"ldmia r1!, {many}"]
            lines += [f"muls {value}, r2, {value}" for value in values]
            lines += [f"add {sum_}, {value}" for sum_, value in zip(sums, values, strict=True)]
        lines += [f"adds r0, #{self.each}", "cmp r1, lr", "bne 2b", *self._rounded, "beq 6f", "b 5b"]
        return [*lines, "6:", *(f"add sp, #{step}" for step in steps(frame, 508))]

    @property
    def _slots(self) -> dict[str, int]:
        return {name: 4 * (self.pixels + i) for i, name in enumerate(SLOTS)}

    @property
    def _rounded(self) -> list[str]:
        """The sums become outputs; it ends with the flags of the outputs that are left."""
        at = self._slots
        lines = [f"ldr r1, [sp, #{at['rounding']}]", "ldmia r1!, {r2, r3}", f"str r1, [sp, #{at['rounding']}]"]
        lines += [f"ldr r1, [sp, #{at['table']}]", f"ldr r7, [sp, #{at['y']}]"]
        for n in range(self.pixels):
            lines += [f"mov r4, {SUMS[n]}"]
            lines += requantized("r4", "r2", "r3", "r1", "r5", self.pre_shift, self.shift)
            lines += [f"strb r4, [r7, #{n}]"]
        lines += [f"ldr r4, [sp, #{at['stride']}]", "adds r7, r7, r4", f"str r7, [sp, #{at['y']}]"]
        return [*lines, f"ldr r4, [sp, #{at['left']}]", "subs r4, #1", f"str r4, [sp, #{at['left']}]"]


def pointwise_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """The form of a pointwise convolution to bytes, of a map of two pixels or more."""
    _, y = program.of(operator)
    how, (outputs, inputs, *_) = operator.requantize, operator.weights.shape
    plain = is_pointwise(program, operator) and operator.groups == 1
    pixels = y.shape[1] * y.shape[2]
    if not plain or y.dtype != "int8" or pixels < 2 or inputs > MOST or not has_room(program, operator):
        return []
    each = next(each for each in (8, 4, 2, 1) if inputs % each == 0)
    last = pixels if pixels < PIXELS else PIXELS + 1 if pixels % PIXELS == 1 else pixels % PIXELS or PIXELS
    four, rest = (Pointwise(count, each, how.pre_shift, how.shift) for count in (PIXELS, last))
    fours = (pixels - last) // PIXELS
    used = (four, rest) if fours else (rest,)
    rounding = np.zeros((outputs, 2), np.int32)
    rounding[:, 0] = how.multiplier
    rounding[:, 1] = wrapped(how.offset.astype(np.int64) + (128 << how.shift))
    return [
        KernelCall(
            FILES,
            f"pointwise({{x}}, {{y}}, (int32_t *){{scratch}}, &shape, {fours}, {{NAME}}_{used[0].name}, "
            f"{{NAME}}_{rest.name})",
            scratch=4 * inputs * max(each.pixels for each in used),
            arrays={
                "weights": (operator.weights.reshape(outputs, inputs).astype(np.int16) + 128).astype(np.uint8),
                "rounding": rounding,
                "table": table(how),
            },
            structs={"shape": ("pointwise_t", f"{{weights}}, {{rounding}}, {{table}}, {pixels}, {outputs}, {inputs}")},
            functions={each.name: each.text for each in used},
            code=2 * max(len(each.lines) for each in used),
            instructions=fours * (20 + four.instructions(inputs, outputs)) + rest.instructions(inputs, outputs),
        )
    ]
