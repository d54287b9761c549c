"""Depthwise convolutions with weights of 8 bits over larger maps: straight Armv6-M code for one row of outputs.

As in `unrolled`, the code follows from the windows and the shifts alone. A channel's map, less its zero point, is
widened to words in the arena, between rows of zeros, and its kernel to words on the stack; then every row of outputs
runs the same code. No product is with padding beside the map.
"""

from functools import cached_property
from math import prod

from .assembly import (
    CLAMP,
    SLOTS,
    Depthwise,
    entered,
    finished,
    guarded,
    next_rounding,
    number,
    products,
    steps,
    widened,
)

BLOCK = 4  # outputs at once, in r4 … r7
WIDEST, MOST_WEIGHTS, LONGEST = 31, 32, 950  # columns of the map, read at offsets of 7 bits; weights; lines of a row


class Striped(Depthwise):
    """The code of one row of a channel's outputs."""

    kind = "stripes"

    @property
    def words(self) -> int:
        """Of the arena: the map's rows, and rows of zeros above and below as far as windows reach."""
        reached = (self.made[0] - 1) * self.window.stride[0] + self.window.kernel[0]
        return max(self.window.padding[0] + self.size[0], reached) * self.size[1]

    @property
    def possible(self) -> bool:
        """Whether it can be written so."""
        fits = self.size[1] <= WIDEST and prod(self.window.kernel) <= MOST_WEIGHTS
        fits = fits and self._above < 256 and max(self.words, prod(self.size)) < 2**15
        return fits and self.made[0] < 256 and len(self._row) <= LONGEST

    @property
    def instructions(self) -> float:
        """Of a channel, about: without the clamps, which are rarely taken."""
        row = len(self._row) - CLAMP * self.made[1]
        return self.made[0] * row + 4.25 * prod(self.size) + 2.5 * prod(self.window.kernel) + 35

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors a name of the plain one."""
        signature = "const int8_t *x, int8_t *y, const int8_t *weights, const mapped_t *m, int32_t *tile"
        plain = f"#define NAME_{self.name}(x, y, weights, m, tile) ((void)(tile), depthwise_mapped(x, y, weights, m))\n"
        return guarded(self.name, signature, self.lines, plain)

    @cached_property
    def lines(self) -> list[str]:
        """Its instructions, and few directives."""
        slot, weights = self._slots, prod(self.window.kernel)
        frame = 4 * (weights + len(slot))
        lines = ["ldr r7, [sp, #36]", f"sub sp, #{frame}", f"str r7, [sp, #{slot['tile']}]"]
        lines += entered(slot)
        lines += [f"ldr r7, [sp, #{slot['tile']}]", "movs r0, #0", *number("r1", self.words)]
        lines += ["1: stmia r7!, {r0}", "subs r1, #1", "bne 1b"]
        lines += ["adr r4, 5f", "adds r4, #1", f"str r4, [sp, #{slot['again']}]", ".p2align 2", "5:"]
        lines += ["mov r0, r8", f"ldr r6, [sp, #{slot['zero']}]", f"ldr r7, [sp, #{slot['tile']}]"]
        lines += [f"str r7, [sp, #{slot['row']}]", *([f"adds r7, #{self._above}"] if self._above else [])]
        lines += self._filled
        lines += ["mov r8, r0", "mov r7, sp", "mov r0, r10", *widened(weights, ""), "mov r10, r0"]
        lines += next_rounding(slot, self.started, self.pre_shift)
        lines += [f"movs r0, #{self.made[0]}", f"str r0, [sp, #{slot['left']}]", "7:", *self._row, "beq 8f", "b 7b"]
        lines += ["8: mov r0, lr", "subs r0, #1", "mov lr, r0", "beq 6f", f"ldr r0, [sp, #{slot['again']}]", "bx r0"]
        return [*lines, "6:", f"add sp, #{frame}"]

    @property
    def _filled(self) -> list[str]:
        """The map at r0 becomes words at r7, less r6."""
        lines = []
        if fours := prod(self.size) // 4 * 4:
            lines += [*number("r5", fours), "adds r5, r5, r0", "1:", *widened(4, "r6"), "cmp r0, r5", "bne 1b"]
        return lines + widened(prod(self.size) % 4, "r6")

    @property
    def _above(self) -> int:
        """Bytes of zeros above the map."""
        return 4 * self.window.padding[0] * self.size[1]

    @property
    def _down(self) -> int:
        """Bytes from one row of the map to the next."""
        return 4 * self.size[1]

    @property
    def _slots(self) -> dict[str, int]:
        """On the stack, behind the weights."""
        names = ("tile", "row", "left", *SLOTS)
        return {name: 4 * (prod(self.window.kernel) + i) for i, name in enumerate(names)}

    @cached_property
    def _row(self) -> list[str]:
        """A row of outputs, to y r9; it ends with the flags of the rows that are left."""
        slot, (tall, wide), columns = self._slots, self.window.kernel, self.made[1]
        lines = []
        for first in range(0, columns, BLOCK):
            lines.append(f"ldr r3, [sp, #{slot['row']}]")
            started: set[int] = set()
            last = min(first + BLOCK, columns)
            lefts = [j * self.window.stride[1] - self.window.padding[1] for j in range(first, last)]
            places = [[(left + v, v) for v in range(wide) if 0 <= left + v < self.size[1]] for left in lefts]
            for u in range(tall):
                lines += [f"adds r3, #{self._down}"] if u else []
                block = [[(at, u * wide + v) for at, v in output] for output in places]
                lines += products(block, lambda at: f"[r3, #{4 * at}]", lambda at: f"[sp, #{4 * at}]", started)
            lines += [f"movs r{4 + n}, #0" for n in range(len(places)) if n not in started]
            lines += [f"ldr r0, [sp, #{slot['factor']}]", f"ldr r1, [sp, #{slot['table']}]", "mov r2, r9"]
            for n in range(len(places)):
                lines += finished(f"r{4 + n}", n, self.pre_shift, self.shift, self.started)
            lines += [f"adds r2, #{len(places)}", "mov r9, r2"]
        step = self.window.stride[0] * self._down
        lines += [f"ldr r3, [sp, #{slot['row']}]", *(f"adds r3, #{part}" for part in steps(step, 255))]
        lines += [f"str r3, [sp, #{slot['row']}]", f"ldr r0, [sp, #{slot['left']}]", "subs r0, #1"]
        return [*lines, f"str r0, [sp, #{slot['left']}]"]


class Wide(Striped):
    """The code of four outputs, for rows of any length: zeros stand beside the map, too."""

    kind = "wide"

    @property
    def _across(self) -> int:
        """Words of a row, with the zeros beside it."""
        before, wide = self.window.padding[1], self.window.kernel[1]
        return max(before + self.size[1], (self.made[1] - 1) * self.window.stride[1] + wide)

    @property
    def words(self) -> int:
        """Of the arena: as in a stripe, of longer rows."""
        return super().words // self.size[1] * self._across

    @property
    def possible(self) -> bool:
        """Whether it can be written so."""
        reached = (BLOCK - 1) * self.window.stride[1] + self.window.kernel[1]
        fits = self.made[1] % BLOCK == 0 and reached <= WIDEST + 1 and prod(self.window.kernel) <= MOST_WEIGHTS
        fits = fits and max(self.words, prod(self.size)) < 2**15 and max(self.made) // BLOCK < 256
        return fits and self.made[0] < 256 and self.size[1] < 256 and len(self._row) <= LONGEST

    @property
    def instructions(self) -> float:
        """Of a channel, about."""
        row = (len(self._row) - CLAMP * BLOCK) * self.made[1] / BLOCK
        return self.made[0] * row + 4.25 * prod(self.size) + 2.5 * prod(self.window.kernel) + 60

    @property
    def _above(self) -> int:
        return 0

    @property
    def _down(self) -> int:
        return 4 * self._across

    @property
    def _slots(self) -> dict[str, int]:
        names = ("tile", "row", "left", *SLOTS, "at", "blocks")
        return {name: 4 * (prod(self.window.kernel) + i) for i, name in enumerate(names)}

    @property
    def _filled(self) -> list[str]:
        """The map at r0 becomes rows of words at r7, less r6. The map's end is ip."""
        (above, before), width = self.window.padding, self.size[1]
        lines = [*number("r5", prod(self.size)), "adds r5, r5, r0", "mov ip, r5"]
        if first := 4 * (above * self._across + before):
            lines += [*number("r1", first), "adds r7, r7, r1"]
        lines += ["9:"]
        if fours := width // 4 * 4:
            lines += [*number("r5", fours), "adds r5, r5, r0", "1:", *widened(4, "r6"), "cmp r0, r5", "bne 1b"]
        lines += widened(width % 4, "r6")
        if gap := 4 * (self._across - width):
            lines += [*number("r1", gap), "adds r7, r7, r1"]
        return [*lines, "cmp r0, ip", "bne 9b"]

    @cached_property
    def _row(self) -> list[str]:
        slot, (tall, wide), stride = self._slots, self.window.kernel, self.window.stride[1]
        lines = [f"ldr r3, [sp, #{slot['row']}]", f"str r3, [sp, #{slot['at']}]"]
        lines += [f"movs r0, #{self.made[1] // BLOCK}", f"str r0, [sp, #{slot['blocks']}]", "9:"]
        lines += [f"ldr r3, [sp, #{slot['at']}]"]
        started: set[int] = set()
        for u in range(tall):
            lines += [f"adds r3, #{part}" for part in steps(self._down, 255)] if u else []
            block = [[(n * stride + v, u * wide + v) for v in range(wide)] for n in range(BLOCK)]
            lines += products(block, lambda at: f"[r3, #{4 * at}]", lambda at: f"[sp, #{4 * at}]", started)
        lines += [f"ldr r0, [sp, #{slot['factor']}]", f"ldr r1, [sp, #{slot['table']}]", "mov r2, r9"]
        for n in range(BLOCK):
            lines += finished(f"r{4 + n}", n, self.pre_shift, self.shift, self.started)
        lines += [f"adds r2, #{BLOCK}", "mov r9, r2", f"ldr r3, [sp, #{slot['at']}]", f"adds r3, #{4 * BLOCK * stride}"]
        lines += [f"str r3, [sp, #{slot['at']}]", f"ldr r0, [sp, #{slot['blocks']}]", "subs r0, #1"]
        lines += [f"str r0, [sp, #{slot['blocks']}]", "beq 4f", "b 9b", "4:"]
        lines += [f"ldr r3, [sp, #{slot['row']}]"]
        lines += [f"adds r3, #{part}" for part in steps(self.window.stride[0] * self._down, 255)]
        lines += [f"str r3, [sp, #{slot['row']}]", f"ldr r0, [sp, #{slot['left']}]", "subs r0, #1"]
        return [*lines, f"str r0, [sp, #{slot['left']}]"]
