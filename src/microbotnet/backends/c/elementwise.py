"""Sums of two maps and products with a gate a channel, as straight Armv6-M code: one output after the other.

Where no index can leave a table that reaches a little beyond both ends, there is no clamp.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from .assembly import guarded, into_table


@dataclass(frozen=True)
class _Elementwise:
    """each: outputs in a turn of the loop. clamped: whether an index may be beyond the table."""

    each: int
    shift: int
    clamped: bool
    kind: ClassVar[str]
    signature: ClassVar[str]
    names: ClassVar[str]

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"{self.kind}_{self.each}_{self.shift}_{int(self.clamped)}"

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        plain = (
            f"KERNEL void NAME_{self.name}({self.signature})\n{{\n"
            f"    {self.kind}_plain({self.names}, {self.shift}, {int(self.clamped)});\n}}\n"
        )
        return guarded(self.name, self.signature, self.lines, plain)

    @property
    def lines(self) -> list[str]:
        """Its instructions."""
        raise NotImplementedError

    def _index(self, sum_: str) -> list[str]:
        lines = [f"asrs {sum_}, {sum_}, #{self.shift}"] if self.shift else []
        if self.clamped:
            lines += [*into_table(sum_), "1:"]
        return lines


class Added(_Elementwise):
    """a times a factor and b times another."""

    kind = "added"
    signature = "const int8_t *a, const int8_t *b, int8_t *y, const added_t *s"
    names = "a, b, y, s"

    def instructions(self, count: int) -> float:
        """For so many outputs, about."""
        return 50 + count * (11 + 1 / self.each + 2 * self.clamped)

    @cached_property
    def lines(self) -> list[str]:
        """a r0, b r1, y r2 behind their ends, r3 outputs before those; factors r4, r5, offset ip, table lr."""
        lines = ["ldmia r3!, {r4-r7}", "mov ip, r6", "mov lr, r7", "ldr r3, [r3]"]
        lines += [*(f"adds {at}, {at}, r3" for at in ("r0", "r1", "r2")), "rsbs r3, r3, #0", "3:"]
        for _ in range(self.each):
            lines += ["ldrsb r7, [r0, r3]", "ldrsb r6, [r1, r3]", "muls r7, r4, r7", "muls r6, r5, r6"]
            lines += ["adds r7, r7, r6", "add r7, ip", *self._index("r7"), "add r7, lr", "ldrb r7, [r7]"]
            lines += ["strb r7, [r2, r3]", "adds r3, #1"]
        return [*lines, "bne 3b"]


class Gated(_Elementwise):
    """x times one gate a channel, both less their zero points."""

    kind = "gated"
    signature = "const int8_t *x, const int8_t *gates, int8_t *y, const gated_t *g"
    names = "x, gates, y, g"

    def instructions(self, channels: int, pixels: int) -> float:
        """For so many outputs, about."""
        return 50 + channels * (20 + pixels * (7 + 1 / self.each + 2 * self.clamped))

    @cached_property
    def lines(self) -> list[str]:
        """x r0, y r1 behind the ends of their maps, r2 pixels before those; factor r4, offset r5, pixels r6, table r7.
        Gates r8, their end lr, multiplier r9, offset r10, zero points r11 and ip.
        """
        lines = ["mov r8, r1", "mov r1, r2", "ldmia r3!, {r4-r7}", "mov r9, r4", "mov r10, r5", "mov r11, r6"]
        lines += ["mov ip, r7", "ldmia r3!, {r5-r7}", "mov lr, r5", "add lr, r8", "5: mov r3, r8", "ldrb r4, [r3]"]
        lines += ["adds r3, #1", "mov r8, r3", "sxtb r4, r4", "mov r3, ip", "subs r4, r4, r3", "mov r3, r9"]
        lines += ["muls r4, r3, r4", "mov r3, r11", "muls r3, r4, r3", "mov r5, r10", "subs r5, r5, r3"]
        lines += ["adds r0, r0, r6", "adds r1, r1, r6", "rsbs r2, r6, #0", "3:"]
        for _ in range(self.each):
            lines += ["ldrsb r3, [r0, r2]", "muls r3, r4, r3", "adds r3, r3, r5", *self._index("r3")]
            lines += ["ldrb r3, [r7, r3]", "strb r3, [r1, r2]", "adds r2, #1"]
        return [*lines, "bne 3b", "cmp r8, lr", "bne 5b"]
