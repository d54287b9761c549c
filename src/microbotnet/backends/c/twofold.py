"""Convolutions with few weights of 8 bits, two neighbouring outputs at once: a first layer as straight Armv6-M code.

Two values share a word, so that a product serves two outputs; but sums of products with 8 bits do not fit 16. So every
weight is two digits to the base 16, of which one sum each is kept: 16·a + b, a and b from −8 to 8. Multiples of a word
by so little are made one from the other, once for four outputs.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import prod

import numpy as np
from numpy.typing import NDArray

from .assembly import CLAMP, guarded, requantized, steps

BLOCK = 4  # outputs at once: the higher digits' sums in r4 … r7, the lower ones' in r8 … r11
VALUES = ("r0", "r1", "r2", "r4", "r5")  # of a window's row, at one time
MOST = 100  # words of a window, on the stack
LARGEST = 32767


@dataclass(frozen=True, eq=False)
class Twofold:
    """One function. weights: (outputs, depth, rows, columns) int8; apart: columns from a window to the next."""

    weights: NDArray[np.int8]
    apart: int
    pre_shift: int
    shift: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network: the same weights, the same name."""
        numbers = f"{self.weights.shape} {self.apart} {self.pre_shift} {self.shift}".encode()
        return f"pixels_{blake2b(self.weights.tobytes() + numbers, digest_size=6).hexdigest()}"

    @property
    def possible(self) -> bool:
        """Whether its sums fit and its values find a place."""
        fits = prod(self.weights.shape[1:]) <= MOST and self.apart < len(VALUES)
        sums = [np.abs(digit.reshape(len(digit), -1)).sum(1).max() for digit in self._digits]
        return fits and self.weights.shape[3] + self.apart <= 32 and 128 * int(max(sums)) <= LARGEST

    @property
    def instructions(self) -> int:
        """Of two pixels, about."""
        return len(self.lines) - 2 * CLAMP * len(self.weights) + 18

    @cached_property
    def _digits(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        weights = self.weights.astype(np.int64)
        high = -((8 - weights) // 16)  # an 8 stays as it is
        return high, weights - 16 * high

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one with the weights."""
        signature = "const int8_t *x, int8_t *y, const immediate_t *m"
        outputs, depth, rows, columns = self.weights.shape
        values = ", ".join(map(str, self.weights.reshape(-1).tolist()))
        shape = f"weights, {outputs}, {depth}, {rows}, {columns}, {self.pre_shift}, {self.shift}"
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n    static const int8_t weights[] = {{{values}}};\n\n"
            f"    immediate_plain(x, y, m, {shape});\n    immediate_plain(x + {self.apart}, y + 1, m, {shape});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    @cached_property
    def lines(self) -> list[str]:
        """Its instructions: x r3, a row's step ip, a channel's lr; then words on the stack, and behind them y, rounding
        and table.
        """
        words = prod(self.weights.shape[1:])
        slot = {name: 4 * (words + i) for i, name in enumerate(("y", "rounding", "table"))}
        frame = 4 * (words + len(slot))
        lines = [*(f"sub sp, #{part}" for part in steps(frame, 508)), f"str r1, [sp, #{slot['y']}]", "mov r3, r0"]
        lines += ["ldmia r2!, {r0, r1, r4-r6}", f"str r0, [sp, #{slot['rounding']}]", f"str r1, [sp, #{slot['table']}]"]
        lines += ["mov ip, r4", "mov lr, r5", "mov r8, r6", *self._words, "mov lr, r8"]
        for first in range(0, len(self.weights), BLOCK):
            lines += self._sums(slice(first, first + BLOCK))
            lines += self._finish(min(BLOCK, len(self.weights) - first), slot)
        return lines + [f"add sp, #{part}" for part in steps(frame, 508)]

    @property
    def _words(self) -> list[str]:
        """Of each value of the window, with that of the next output's window in the upper lane."""
        _, depth, rows, columns = self.weights.shape
        lines = []
        for row in range(depth * rows):
            if row:
                lines.append("add r3, ip" if row % rows else "add r3, lr")
            for column in range(columns + self.apart):
                value = VALUES[column % (self.apart + 1)]
                lines += [f"ldrb {value}, [r3, #{column}]", f"sxtb {value}, {value}"]
                if (at := column - self.apart) >= 0:
                    lower = VALUES[at % (self.apart + 1)]
                    lines += [f"lsls r7, {value}, #16", f"adds r7, r7, {lower}"]
                    lines.append(f"str r7, [sp, #{4 * (row * columns + at)}]")
        return lines

    def _sums(self, block: slice) -> list[str]:
        high, low = (digit[block].reshape(len(digit[block]), -1) for digit in self._digits)
        sums = [f"r{n}" for n in (*range(4, 4 + len(high)), *range(8, 8 + len(low)))]
        lines = ["movs r4, #0", *(f"mov {sum_}, r4" for sum_ in sums[1:])]
        for at in range(high.shape[1]):
            digits = dict(zip(sums, (*high[:, at].tolist(), *low[:, at].tolist()), strict=True))
            if any(digits.values()):
                lines += [f"ldr r0, [sp, #{4 * at}]", *_multiples(digits)]
        return lines

    def _finish(self, count: int, slot: dict[str, int]) -> list[str]:
        """The digits' sums become the two outputs' sums, those of the lower lane in r8 …, and all of them outputs."""
        lines = []
        for n in range(count):
            high, low = f"r{4 + n}", f"r{8 + n}"
            lines += [
                f"mov r2, {low}",
                f"sxth r0, {high}",
                "sxth r1, r2",
                f"subs {high}, {high}, r0",
                "subs r2, r2, r1",
            ]
            lines += ["lsls r0, r0, #4", "adds r0, r0, r1", f"mov {low}, r0", f"asrs {high}, {high}, #16"]
            lines += ["asrs r2, r2, #16", f"lsls {high}, {high}, #4", f"adds {high}, {high}, r2"]
        lines.append(f"ldr r3, [sp, #{slot['y']}]")
        for n in range(count):
            sum_ = f"r{4 + n}"
            lines += [f"ldr r2, [sp, #{slot['rounding']}]", "ldmia r2!, {r0, r1}", f"str r2, [sp, #{slot['rounding']}]"]
            lines += ["mov ip, r1", f"ldr r1, [sp, #{slot['table']}]"]
            for to in (1, 0):
                lines += requantized(sum_, "r0", "ip", "r1", "r2", self.pre_shift, self.shift)
                lines += [f"strb {sum_}, [r3, #{to}]", *([f"mov {sum_}, r{8 + n}"] if to else [])]
            lines.append("add r3, lr")
        return [*lines, f"str r3, [sp, #{slot['y']}]"]


def _multiples(digits: dict[str, int]) -> list[str]:
    """The word r0, times each sum's digit, into the sums: multiples in r1, their negatives for high registers in r2."""
    lines, made = [], 1
    for size in sorted({abs(digit) for digit in digits.values()} - {0}):
        if size & (size - 1) == 0:
            lines += [f"lsls r1, r0, #{size.bit_length() - 1}"] if size > 1 else []
        elif made == size - 1 and made > 1:
            lines.append("adds r1, r1, r0")
        elif 2 * made == size:
            lines.append("lsls r1, r1, #1")
        else:
            lines += [f"movs r1, #{size}", "muls r1, r0, r1"]
        made, word, turned = size, "r1" if size > 1 else "r0", False
        for sum_, digit in digits.items():
            if abs(digit) != size:
                continue
            if int(sum_[1:]) < 8:
                lines.append(f"{'adds' if digit > 0 else 'subs'} {sum_}, {sum_}, {word}")
            elif digit > 0:
                lines.append(f"add {sum_}, {word}")
            else:
                lines += [] if turned else [f"rsbs r2, {word}, #0"]
                lines.append(f"add {sum_}, r2")
                turned = True
    return lines
