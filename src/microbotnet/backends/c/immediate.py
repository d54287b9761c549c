"""Convolutions with few weights of 8 bits, such as a first layer: the weights are operands in straight Armv6-M code.

The code makes all outputs of one pixel: every value of the window is read once and goes into eight sums, four of them
in r4 … r7, four in r8 … r11. What a weight costs is what its value costs: nothing for 0, a shift for a power of two.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolve
from ...integer.program import Program
from .assembly import CLAMP, guarded, requantized
from .kernel_call import KernelCall, table, window_of
from .lanes import has_room, wrapped
from .twofold import Twofold

SUMS = ("r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11")
LOW = 4  # of these can be subtracted from
LARGEST, WIDEST = 1024, 32  # weights; columns of a window, whose values are read at offsets of 5 bits


@dataclass(frozen=True, eq=False)
class Immediate:
    """One function. weights: (outputs, depth, rows, columns) int8."""

    weights: NDArray[np.int8]
    pre_shift: int
    shift: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network: the same weights, the same name."""
        numbers = f"{self.weights.shape} {self.pre_shift} {self.shift}".encode()
        return f"pixel_{blake2b(self.weights.tobytes() + numbers, digest_size=6).hexdigest()}"

    @property
    def instructions(self) -> int:
        """Of a pixel, about."""
        return len(self.lines) - CLAMP * len(self.weights) + 18

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one with the weights."""
        signature = "const int8_t *x, int8_t *y, const immediate_t *m"
        outputs, depth, rows, columns = self.weights.shape
        values = ", ".join(map(str, self.weights.reshape(-1).tolist()))
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n    static const int8_t weights[] = {{{values}}};\n\n"
            f"    immediate_plain(x, y, m, weights, {outputs}, {depth}, {rows}, {columns}, "
            f"{self.pre_shift}, {self.shift});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    @cached_property
    def lines(self) -> list[str]:
        """Its instructions: x r0, y r1, m r2, all kept on the stack; then x r3, a row's step ip, a channel's lr."""
        lines = ["push {r0-r2}", "ldr r4, [r2, #8]", "mov ip, r4", "ldr r4, [r2, #12]", "mov lr, r4"]
        for first in range(0, len(self.weights), len(SUMS)):
            block = self.weights[first : first + len(SUMS)]
            lines += ["ldr r3, [sp]", "movs r4, #0", *(f"mov {sum_}, r4" for sum_ in SUMS[1 : len(block)])]
            lines += self._sums(block)
            lines += self._finish(len(block), first)
        return [*lines, "add sp, #12"]

    def _sums(self, block: NDArray[np.int8]) -> list[str]:
        _, depth, rows, columns = block.shape
        lines = []
        for channel in range(depth):
            for row in range(rows):
                for column in range(columns):
                    lines += _products(block[:, channel, row, column].tolist(), column)
                if row < rows - 1:
                    lines.append("add r3, ip")
            lines.append("add r3, lr")
        return lines[:-1]

    def _finish(self, count: int, first: int) -> list[str]:
        """The sums onto the stack; from there to y r5, whose steps are r6, with multipliers and offsets from r0 on."""
        high, low = SUMS[LOW:count], SUMS[: min(LOW, count)]
        lines = [f"mov r{i}, {sum_}" for i, sum_ in enumerate(high)]
        lines += ["push {" + ", ".join(f"r{i}" for i in range(len(high))) + "}"] if high else []
        lines += ["push {" + ", ".join(low) + "}"]
        lines += [f"ldr r5, [sp, #{4 * count + 4}]", f"ldr r6, [sp, #{4 * count + 8}]", "ldmia r6!, {r0, r3}"]
        lines += ["ldr r6, [r6, #8]", *["adds r0, #64"] * (first // len(SUMS))]
        for _ in range(count):
            lines += ["pop {r4}", "ldmia r0!, {r1, r2}"]
            lines += requantized("r4", "r1", "r2", "r3", "r7", self.pre_shift, self.shift)
            lines += ["strb r4, [r5]", "adds r5, r5, r6"]
        return [*lines, "str r5, [sp, #4]"]


def _products(weights: list[int], column: int) -> list[str]:
    """One value r0, and its negative r2, times the weights, into the sums."""
    if not any(weights):
        return []
    lines = [f"ldrb r0, [r3, #{column}]", "sxtb r0, r0"]
    negative = any(weight < 0 for weight in weights[LOW:])
    lines += ["rsbs r2, r0, #0"] if negative else []
    made = ""
    for size, turned, at in sorted((abs(w), at >= LOW and w < 0, at) for at, w in enumerate(weights) if w):
        value, product = "r2" if turned else "r0", "r1"
        if size == 1:
            product = value
        elif made != (made := f"{value} * {size}"):
            if size & (size - 1):
                lines += [f"movs r1, #{size}", f"muls r1, {value}, r1"]
            else:
                lines += [f"lsls r1, {value}, #{size.bit_length() - 1}"]
        operation = "subs" if weights[at] < 0 and not turned else "adds"
        lines.append(f"{operation} {SUMS[at]}, {SUMS[at]}, {product}" if at < LOW else f"add {SUMS[at]}, {product}")
    return lines


def immediate_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """With the weights in the code, if they are few and every output is one of 8 bits: by one pixel, and by two."""
    y = program.of(operator)[1]
    how = operator.requantize
    columns = operator.weights.shape[3]
    small = operator.groups == 1 and operator.weights.size <= LARGEST and columns <= WIDEST
    if not small or y.dtype != "int8" or not has_room(program, operator):
        return []
    found = [_form(program, operator, Immediate(operator.weights, how.pre_shift, how.shift), 1)]
    twofold = Twofold(operator.weights, operator.stride[1], how.pre_shift, how.shift)
    if y.shape[2] % 2 == 0 and twofold.possible:
        found.append(_form(program, operator, twofold, 2))
    return found


def _form(program: Program, operator: Convolve, code: Immediate | Twofold, together: int) -> KernelCall:
    """together: outputs that the code makes, of windows beside each other."""
    (x,), y = program.of(operator)
    how, channels = operator.requantize, len(operator.weights)
    depth, rows, columns = operator.weights.shape[1:]
    offset = how.offset.astype(np.int64) + (128 << how.shift)
    width, reached = x.shape[2], columns + (together - 1) * operator.stride[1]
    steps = f"{width}, {(x.shape[1] - rows + 1) * width}", f"{reached}, {reached}"
    stride = y.shape[1] * y.shape[2]
    return KernelCall(
        ("requantize", "lanes", "armv6m", "window", "immediate"),
        f"{'immediate' if together == 1 else 'twofold'}({{x}}, {{y}}, {{scratch}}, &inside, &edge, &window, {depth}, "
        f"{x.zero_point}, {{NAME}}_{code.name})",
        scratch=depth * rows * reached,
        arrays={
            "rounding": np.stack(
                [np.broadcast_to(values, channels) for values in (how.multiplier, wrapped(offset))], 1
            ).astype(np.int32),
            "table": table(how),
        },
        window=window_of(operator),
        structs={
            name: ("immediate_t", f"{{rounding}}, {{table}}, {step}, {stride}")
            for name, step in zip(("inside", "edge"), steps, strict=True)
        },
        functions={code.name: code.text},
        code=2 * len(code.lines),
        instructions=stride // together * (code.instructions + 40),
    )
