"""Dense convolutions of 8 bits on small cores: the sums of four outputs in registers, and rounded there.

Straight Armv6-M code of two kinds, by what a sum is of. `Dots` multiplies the window's values. `Quads` makes
two neighbouring outputs of windows of three columns by Winograd's F(2, 3), exactly: four products of what is a sum or
difference of two values, and of weights that are prepared (twice, so that nothing is halved), instead of six.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...integer import ranges
from ...integer.operators import Convolve
from ...integer.program import Program
from .assembly import CLAMP, guarded, requantized
from .kernel_call import KernelCall, table, window_of
from .lanes import has_room, wrapped

FILES = ("requantize", "lanes", "armv6m", "window", "dense", "dots")
OUTPUTS = 4  # at once, in r4 … r7
UNROLLED = 8  # values in a turn of the loop
BIAS = 384  # what is added to a prepared weight, so that none is negative
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Dots:
    """The function that makes blocks of four outputs of a pixel. each: values in a turn of the loop, 4 or 8."""

    each: int
    pre_shift: int
    shift: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"dots_{self.each}_{self.pre_shift}_{self.shift}"

    @property
    def rounding(self) -> int:
        """Instructions that round four outputs, with what a block has besides its loop, about."""
        return len(self.lines) - 13 * self.each - 2 - -(-self.each // 8) - 4 * CLAMP - 12

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const uint8_t *weights, const int32_t *values, const int32_t *end, const dots_t *d"
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n"
            f"    dots_plain(weights, values, end, d, {self.pre_shift}, {self.shift});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    @cached_property
    def lines(self) -> list[str]:
        """Weights r0, values r1 from r8 to r9; rounding r10, y r11, blocks left lr; on the stack what is added, the
        table, the stride, a sum.
        """
        lines = ["mov r8, r1", "mov r9, r2", "sub sp, #16", "ldmia r3!, {r4-r7}", "str r4, [sp]", "mov r10, r5"]
        lines += ["str r6, [sp, #4]", "str r7, [sp, #8]", "ldmia r3!, {r4, r5}", "mov r11, r4", "mov lr, r5"]
        lines += ["5: mov r1, r8", "ldr r4, [sp]", "mov r5, r4", "mov r6, r4", "mov r7, r4", "2:"]
        for n in range(self.each):
            lines.append("ldmia r1!, {r2}")
            for o in range(OUTPUTS):
                lines += [f"ldrb r3, [r0, #{4 * n % 32 + o}]", "muls r3, r2, r3", f"adds r{4 + o}, r{4 + o}, r3"]
            lines += ["adds r0, #32"] if n % 8 == 7 else []
        lines += [*(["adds r0, #16"] if self.each % 8 else []), "cmp r1, r9", "bne 2b"]
        lines += ["mov ip, r0", "str r7, [sp, #12]", "ldr r0, [sp, #4]", "mov r1, r10"]
        for sum_ in ("r4", "r5", "r6"):
            lines += ["ldmia r1!, {r2, r3}"]
            lines += requantized(sum_, "r2", "r3", "r0", "r7", self.pre_shift, self.shift)
        lines += ["mov r7, r11", "strb r4, [r7]", "ldr r4, [sp, #8]", "adds r7, r7, r4", "strb r5, [r7]"]
        lines += ["adds r7, r7, r4", "strb r6, [r7]", "adds r7, r7, r4", "ldr r5, [sp, #12]", "ldmia r1!, {r2, r3}"]
        lines += requantized("r5", "r2", "r3", "r0", "r6", self.pre_shift, self.shift)
        lines += ["strb r5, [r7]", "adds r7, r7, r4", "mov r11, r7", "mov r10, r1", "mov r0, ip", "mov r1, lr"]
        return [*lines, "subs r1, #1", "mov lr, r1", "beq 6f", "b 5b", "6: add sp, #16"]


@dataclass(frozen=True)
class Quads:
    """The function that makes blocks of four outputs of two neighbouring pixels. See the module."""

    pre_shift: int
    shift: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"quads_{self.pre_shift}_{self.shift}"

    @property
    def rounding(self) -> int:
        """Instructions that round eight outputs, with what a block has besides its loops, about."""
        return len(self.lines) - 13 * UNROLLED - 8 * CLAMP + 3 * 12

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const uint16_t *weights, const int32_t *values, const int32_t *end, const quads_t *d"
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n"
            f"    quads_plain(weights, values, end, d, {self.pre_shift}, {self.shift});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    @cached_property
    def lines(self) -> list[str]:
        """Weights r0, values r1 from r8 to r9; what is added r10, a kind's place r11, sums from ip on; on the stack 16
        sums, then the rounding, the table, the stride, y, blocks left.
        """
        lines = ["mov r8, r1", "mov r9, r2", "sub sp, #84", "add r1, sp, #64", "mov r10, r3", "adds r3, #16"]
        lines += ["ldmia r3!, {r4-r7}", "stmia r1!, {r4-r7}", "ldr r4, [r3]", "str r4, [r1]"]
        lines += ["5: movs r1, #0", "mov r11, r1", "mov r1, sp", "mov ip, r1"]
        # One of the four products: its values, of which the next is 16 bytes on, its weights.
        lines += ["3: mov r1, r8", "add r1, r11", "mov r2, r9", "add r2, r11", "mov lr, r2", "mov r2, r10"]
        lines += ["mov r3, r11", "ldr r4, [r2, r3]", "mov r5, r4", "mov r6, r4", "mov r7, r4", "2:"]
        for n in range(UNROLLED):
            lines.append(f"ldr r2, [r1, #{16 * n}]")
            for o in range(OUTPUTS):
                lines += [f"ldrh r3, [r0, #{8 * n + 2 * o}]", "muls r3, r2, r3", f"adds r{4 + o}, r{4 + o}, r3"]
        lines += [f"adds r0, #{8 * UNROLLED}", f"adds r1, #{16 * UNROLLED}", "cmp r1, lr", "bne 2b"]
        lines += ["mov r1, ip", "stmia r1!, {r4-r7}", "mov ip, r1", "mov r1, r11", "adds r1, #4", "mov r11, r1"]
        lines += ["cmp r1, #16", "beq 4f", "b 3b", "4: mov lr, r0", "ldr r0, [sp, #68]", "ldr r1, [sp, #64]"]
        halved = self.pre_shift == 0  # else the pre-shift takes one bit more
        for o in range(OUTPUTS):
            lines += [f"ldr r{4 + n}, [sp, #{16 * n + 4 * o}]" for n in range(4)]
            lines += ["adds r4, r4, r5", "adds r4, r4, r6", "subs r5, r5, r6", "subs r5, r5, r7"]
            lines += ["asrs r4, r4, #1", "asrs r5, r5, #1"] if halved else []
            lines += ["ldmia r1!, {r2, r3}"]
            for sum_ in ("r4", "r5"):
                lines += requantized(sum_, "r2", "r3", "r0", "r6", self.pre_shift + (not halved), self.shift)
            lines += ["ldr r6, [sp, #76]", "strb r4, [r6]", "strb r5, [r6, #1]", "ldr r7, [sp, #72]"]
            lines += ["adds r6, r6, r7", "str r6, [sp, #76]"]
        lines += ["str r1, [sp, #64]", "mov r0, lr", "ldr r1, [sp, #80]", "subs r1, #1", "str r1, [sp, #80]"]
        return [*lines, "beq 6f", "ldr r1, 7f", "add r1, pc", "8: bx r1", ".p2align 2", "7: .word 5b - 8b - 2 + 1",
                "6: add sp, #84"]  # fmt: skip


def dots_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """The forms of a dense convolution to bytes."""
    (x,), y = program.of(operator)
    if operator.groups > 1 or y.dtype != "int8" or not has_room(program, operator):
        return []
    how, outputs = operator.requantize, len(operator.weights)
    blocks, inputs = -(-outputs // OUTPUTS), prod(operator.weights.shape[1:])
    rounding = np.zeros((blocks * OUTPUTS, 2), np.int32)
    rounding[:outputs, 0] = how.multiplier
    rounding[:outputs, 1] = wrapped(how.offset.astype(np.int64) + (128 << how.shift))
    shared: dict[str, NDArray[Any]] = {"rounding": rounding, "table": table(how)}
    columns = -(-inputs // 4) * 4
    code = Dots(next(each for each in (8, 4) if columns % each == 0), how.pre_shift, how.shift)
    padded = np.zeros((blocks * OUTPUTS, columns), np.int16)
    padded[:outputs, :inputs] = operator.weights.reshape(outputs, inputs)
    interleaved = (padded + 128).astype(np.uint8).reshape(blocks, OUTPUTS, columns).transpose(0, 2, 1)
    numbers = f"{{weights}}, {{rounding}}, {{table}}, {columns}, {operator.weights.shape[1]}, {outputs}, {x.zero_point}"
    turns = columns / code.each * (13 * code.each + 2 + -(-code.each // 8))
    dots = KernelCall(
        FILES,
        f"dots({{x}}, {{y}}, (int32_t *){{scratch}}, &shape, &window, {{NAME}}_{code.name})",
        scratch=4 * columns,
        arrays={**shared, "weights": np.ascontiguousarray(interleaved)},
        window=window_of(operator),
        structs={"shape": ("dots_shape_t", numbers)},
        functions={code.name: code.text},
        code=2 * len(code.lines),
        instructions=prod(y.shape[1:]) * (110 + 5 * inputs + blocks * (turns + code.rounding)),
    )
    return [dots, *_quads(program, operator, shared)]


def _quads(program: Program, operator: Convolve, shared: dict[str, NDArray[Any]]) -> list[KernelCall]:
    (x,), y = program.of(operator)
    outputs, depth, tall, wide = operator.weights.shape
    how, before = operator.requantize, operator.padding[1]
    (found,) = ranges.sums(program, operator)
    largest = 2 * max(int(found.high.max()), -int(found.low.min()))
    fits = wide == 3 and operator.stride[1] == 1 and before <= 1 and x.shape[2] % 4 == y.shape[2] % 2 == 0
    if not fits or x.name == program.input or largest > LARGEST or y.shape[2] > x.shape[2] or how.pre_shift > 15:
        return []
    blocks, rows = -(-outputs // OUTPUTS), -(-depth * tall // UNROLLED) * UNROLLED
    code = Quads(how.pre_shift, how.shift)
    given = operator.weights.astype(np.int16)
    kinds = [2 * given[..., 0], given.sum(3), given[..., 0] - given[..., 1] + given[..., 2], 2 * given[..., 2]]
    prepared = np.zeros((blocks * OUTPUTS, 4, rows), np.int16)
    prepared[:outputs, :, : depth * tall] = np.stack([kind.reshape(outputs, -1) for kind in kinds], 1)
    stored = (prepared + BIAS).astype(np.uint16).reshape(blocks, OUTPUTS, 4, rows).transpose(0, 2, 3, 1)
    row = x.shape[2] + 8  # bytes, of a copy with four beside it
    numbers = f"{{weights}}, {{rounding}}, {{table}}, {depth}, {outputs}, {rows}, {row}, {x.zero_point}"
    turns = 4 * rows / UNROLLED * (13 * UNROLLED + 4)
    pairs = y.shape[1] * y.shape[2] // 2
    copied = y.shape[1] * depth * tall * (x.shape[2] + 30)
    return [
        KernelCall(
            FILES,
            f"quads({{x}}, {{y}}, (int32_t *){{scratch}}, &shape, &window, {{NAME}}_{code.name})",
            scratch=16 * rows + depth * tall * row,
            arrays={**shared, "weights": np.ascontiguousarray(stored)},
            window=window_of(operator),
            structs={"shape": ("quads_shape_t", numbers)},
            functions={code.name: code.text},
            code=2 * len(code.lines),
            instructions=pairs * (90 + 21 * depth * tall + blocks * (turns + code.rounding)) + copied,
        )
    ]
