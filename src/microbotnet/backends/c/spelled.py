"""Ternary convolutions by mirrored tables whose rows are straight code: no list is read.

The tables are those of `mirrored`. A row begins with the tile's first entry, which holds no sum, and passes over the
tables once, from the first entry that it adds or takes off to the last. One function rounds for all rows.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from .assembly import CLAMP, guarded, into_table, number, steps

FEWEST_TILES, LONGEST = 4, 6000  # for which a row is worth its code; lines of code


@dataclass(frozen=True, eq=False)
class Spelled:
    """The function that makes all rows of one tile.

    places: (rows, entries), 1 where an entry is added, −1 where it is taken off. words, clamped: see
    `mirrored.Mirrored`. lists, segments: the rows as that reads them, for other processors.
    """

    places: NDArray[np.int8]
    words: int
    shift: int
    clamped: bool
    lists: NDArray[np.uint8]
    segments: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network: the same rows, the same name."""
        numbers = f"{self.places.shape} {self.words} {self.shift} {self.clamped}".encode()
        return f"spelled_{blake2b(self.places.tobytes() + numbers, digest_size=6).hexdigest()}"

    @property
    def instructions(self) -> int:
        """Of a tile."""
        finish = len(self._finish) - 2 * self.words * CLAMP * self.clamped
        return len(self._rows) + len(self.places) * finish + 30

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one with the lists."""
        signature = "const uint32_t *tile, int8_t *y, const mirrored_t *m, const lanes_t *how"
        values = ", ".join(map(str, self.lists.tolist()))
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n    static const uint8_t lists[] = {{{values}}};\n"
            f"    mirrored_t listed = *m;\n\n    listed.lists = lists;\n    listed.bytes = {len(self.lists)};\n"
            f"    mirrored_plain(tile, y, &listed, how, {self.words}, {self.segments}, {int(self.clamped)});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    @cached_property
    def lines(self) -> list[str]:
        """Tile r10 and, where it is read, r1; sums r4 …; y r8, rounding r9, table r11; on the stack the stride."""
        lines = ["sub sp, #4", "mov r10, r0", "mov r8, r1", "ldr r0, [r2, #8]", "str r0, [sp]", "ldmia r3!, {r4, r5}"]
        return [*lines, "mov r9, r4", "mov r11, r5", *self._rows, "b 6f", "5:", *self._finish, "6: add sp, #4"]

    @cached_property
    def _rows(self) -> list[str]:
        lines = []
        sums = "{r4-r7}" if self.words == 4 else "{r4, r5}"
        added, taken = self._entry("adds"), self._entry("subs")
        for row in self.places.tolist():
            lines += ["mov r1, r10", f"ldmia r1!, {sums}"]
            at = 0
            for entry, sign in enumerate(row):
                if sign:
                    lines += _passed(4 * self.words * (entry - at))
                    lines += added if sign > 0 else taken
                    at = entry + 1
            lines.append("bl 5f")
        return lines

    def _entry(self, operation: str) -> list[str]:
        lines = []
        for n in range(4, 4 + self.words, 2):
            lines += ["ldmia r1!, {r2, r3}", f"{operation} r{n}, r{n}, r2", f"{operation} r{n + 1}, r{n + 1}, r3"]
        return lines

    @cached_property
    def _finish(self) -> list[str]:
        """A row's sums become its outputs, by the next rounding."""
        lines = ["mov r3, r9", "ldmia r3!, {r0, r1}", "mov r9, r3", "mov ip, r1", "mov r1, r11", "mov r2, r8"]
        for n in range(self.words):
            word, first = f"r{4 + n}", 4 * (n // 2) + n % 2
            lines += [f"uxth r3, {word}", *self._rounded("r3"), f"strb r3, [r2, #{first}]"]
            lines += [f"lsrs {word}, {word}, #16", *self._rounded(word), f"strb {word}, [r2, #{first + 2}]"]
        return [*lines, "ldr r3, [sp]", "adds r2, r2, r3", "mov r8, r2", "bx lr"]

    def _rounded(self, sum_: str) -> list[str]:
        lines = [f"muls {sum_}, r0, {sum_}", f"add {sum_}, ip", f"asrs {sum_}, {sum_}, #{self.shift}"]
        if self.clamped:
            lines += [*into_table(sum_), "1:"]
        return [*lines, f"ldrb {sum_}, [r1, {sum_}]"]


@cache
def _passed(size: int) -> list[str]:
    if size <= 3 * 255:
        return [f"adds r1, #{part}" for part in steps(size, 255)]
    return [*number("r2", size), "adds r1, r1, r2"]
