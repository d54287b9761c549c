"""Ternary depthwise convolutions as straight Armv6-M code: a piece for each tap, a list of pieces for each kernel.

A map's row becomes words of two lanes, column c and column c + 2: of stride 1 they serve outputs j and j + 2, of
stride 2 outputs j and j + 1, and four bytes become two such words by one shift and two masks. A tap's piece adds its
words to up to eight sums in registers and jumps to the next piece of the list, a byte of which is how far. First come
the taps that are taken off; then all sums are turned round.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolve
from ...integer.program import Pair, Program, Requantize
from .assembly import CLAMP, guarded, into_table, number, steps
from .kernel_call import KernelCall, Window, window_of
from .lanes import unclamped
from .requantization import Whole

FILES = ("requantize", "window", "lanes", "armv6m", "rows", "tapped")

SUMS, LOW = 8, 4  # words of sums, of which so many are in r4 … r7, the rest in r8 …
REACH, HALF = 64, 32  # words of the map that a block of outputs may reach; those from r1, the rest are from r2
FARTHEST, APART = 255, 220  # instructions that a jump passes over; from one stepping stone to the next
MOST_TAPS, LONGEST = 32, 900
NEXT = ("ldrb r0, [r3]", "adds r3, #1", "lsls r0, r0, #1", "add pc, r0", "nop")
SLOTS = (
    "x",
    "y",
    "list",
    "rounding",
    "table",
    "tile",
    "left",
    "less",
    "lower",
    "sign",
    "bytes",
    "start",
    "at",
    "blocks",
)


@dataclass(frozen=True)
class Tapped:
    """The function for all channels of a layer.

    size, made: rows and columns of the map and of the output. centred: whether the zero point is no −128, so that it
    must be taken off. clamped: whether an index may be beyond the table.
    """

    window: Window
    size: tuple[int, int]
    made: tuple[int, int]
    shift: int
    centred: bool
    clamped: bool

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        w = self.window
        flags = (self.shift, int(self.centred), int(self.clamped))
        return "taps_" + "_".join(map(str, (*self.size, *self.made, *w.kernel, *w.stride, *w.padding, *flags)))

    @property
    def possible(self) -> bool:
        """Whether it can be written so."""
        right = self.window.stride[1]
        fits = right in (1, 2) and self.size[1] % 4 == 0 and self.made[1] % (4 // right) == 0
        fits = fits and prod(self.window.kernel) <= MOST_TAPS and prod(self.size) < 2**15 and self.shift > 0
        fits = fits and self._filled > 0 and len(self.columns) > 0
        return fits and self.rows > 0 and self.blocks < 256 and len(self.lines) <= LONGEST

    @cached_property
    def rows(self) -> int:
        """Of outputs, of one block; 0 if none can be written."""
        fitting = [r for r in range(1, self.made[0] + 1) if self.made[0] % r == 0 and self._fits(r)]
        return max(fitting, default=0)

    def _fits(self, rows: int) -> bool:
        reached = self._reached(rows)
        if rows == self.made[0]:
            reached = min(self.size[0], reached - self.window.padding[0])
        return rows * len(self._bases) <= SUMS and reached * len(self.columns) <= REACH

    def _reached(self, rows: int) -> int:
        """Rows of the map, padding included, that windows of so many rows of outputs are over."""
        return (rows - 1) * self.window.stride[0] + self.window.kernel[0]

    @property
    def blocks(self) -> int:
        """Of a channel."""
        return self.made[0] // self.rows

    @cached_property
    def _bases(self) -> list[int]:
        """The column of the lower lane's output, of each word of a row of outputs."""
        if self.window.stride[1] == 1:
            return [first + n for first in range(0, self.made[1], 4) for n in (0, 1)]
        return list(range(0, self.made[1], 2))

    @cached_property
    def columns(self) -> list[int]:
        """Of the map, those that are in a word's lower lane."""
        right, before = self.window.stride[1], self.window.padding[1]
        reached = {base * right - before + v for base in self._bases for v in range(self.window.kernel[1])}
        return sorted(c for c in reached if -2 <= c < self.size[1])

    @property
    def _above(self) -> int:
        """Rows of zeros above the map, and as far as windows reach below; where all is one block, none is read."""
        return self.window.padding[0] if self.blocks > 1 else 0

    @property
    def _filled(self) -> int:
        """Rows of the map that windows reach."""
        return min(
            self.size[0], (self.made[0] - 1) * self.window.stride[0] + self.window.kernel[0] - self.window.padding[0]
        )

    @property
    def words(self) -> int:
        """Of the arena."""
        reached = self._reached(self.made[0]) if self.blocks > 1 else 0
        return max(self._above + self._filled, reached) * len(self.columns)

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one, and where its pieces lie."""
        signature = (
            "const int8_t *x, int8_t *y, const uint8_t *list, const tapped_t *m, const lanes_t *how, uint32_t *tile"
        )
        places = ", ".join(f"{{{start}, {behind}, {tap}}}" for tap, start, behind in self._pieces)
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n    static const piece_t pieces[] = {{{places}}};\n\n"
            f"    (void)tile;\n    tapped_plain(x, y, list, m, how, pieces, {self._first}, {self._turn}, "
            f"{int(self.clamped)});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    def encode(self, kernels: NDArray[np.int8]) -> tuple[NDArray[np.uint8], int]:
        """The lists of (channels, rows, columns) kernels of −1, 0 and +1, and how many instructions they take."""
        found: list[int] = []
        taken = 0
        start = {tap: start for tap, start, _ in self._pieces}
        behind = {start: behind for _, start, behind in self._pieces}
        stones = [start for tap, start, _ in self._pieces if tap < 0]
        for kernel in kernels.reshape(len(kernels), -1):
            for sign, end in ((-1, self._turn), (1, self._end)):
                at = self._first
                for to in (*(start[tap] for tap in np.flatnonzero(kernel == sign).tolist()), end):
                    while to - at > FARTHEST:
                        stone = max(stone for stone in stones if stone - at <= FARTHEST)
                        found.append(stone - at)
                        at = behind[stone]
                        taken += len(NEXT) - 1
                    found.append(to - at)
                    if to != end:
                        at = behind[to]
                        taken += at - to - 1
        return np.array(found, np.uint8), taken

    def instructions(self, channels: int, taken: int) -> float:
        """Of so many channels, about, whose lists take `taken` instructions."""
        rows = self._filled * (len(self._row) + 2)
        sums = self.rows * len(self._bases)
        block = len(self._sums_at_start) + 14 + len(NEXT) + self._end - self._turn + len(self._outputs)
        block -= 2 * CLAMP * sums * self.clamped
        return channels * (rows + 22 + self.blocks * block + (12 * self.blocks if self.blocks > 1 else 0)) + (
            self.blocks * taken + 40 + 2 * self.words * (self.blocks > 1)
        )

    @cached_property
    def lines(self) -> list[str]:
        """Its instructions, and few directives: tile r1 and r2, list r3, sums r4 …; less lr, for a lower lane ip."""
        slot = {name: 4 * i for i, name in enumerate(SLOTS)}
        frame = 4 * len(SLOTS)
        lines = ["ldr r4, [sp, #36]", "ldr r5, [sp, #40]", f"sub sp, #{frame}", f"str r0, [sp, #{slot['x']}]"]
        lines += [f"str r1, [sp, #{slot['y']}]", f"str r2, [sp, #{slot['list']}]", "ldmia r4!, {r0, r1}"]
        lines += [f"str r0, [sp, #{slot['rounding']}]", f"str r1, [sp, #{slot['table']}]"]
        lines += [
            f"str r5, [sp, #{slot['tile']}]",
            "ldmia r3!, {r0, r1, r2, r4, r6, r7}",
            f"add r3, sp, #{slot['left']}",
        ]
        lines += ["stmia r3!, {r0, r1, r2, r4, r6, r7}"]
        if self.blocks > 1:
            lines += ["movs r0, #0", *number("r1", self.words), "1: stmia r5!, {r0}", "subs r1, #1", "bne 1b"]
        lines += ["5:", f"ldr r0, [sp, #{slot['x']}]", f"ldr r7, [sp, #{slot['tile']}]", *self._fill(slot)]
        lines += [f"str r0, [sp, #{slot['x']}]", f"ldr r1, [sp, #{slot['tile']}]"]
        if self.blocks > 1:
            lines += [f"movs r0, #{self.blocks}", f"str r0, [sp, #{slot['blocks']}]", "7:"]
            lines += [f"str r1, [sp, #{slot['at']}]"]
        lines += ["mov r2, r1", f"adds r2, #{4 * HALF}"] if self._is_far else []
        lines += [f"ldr r3, [sp, #{slot['list']}]", f"ldr r4, [sp, #{slot['start']}]", *self._sums_at_start]
        lines += [f"9: {self._listed[0]}", *self._listed[1:]]
        lines += ["mov lr, r3"]  # kept through the outputs
        lines += [f"ldr r2, [sp, #{slot['rounding']}]", "ldmia r2!, {r0, r1}", "mov ip, r1"]
        lines += [f"str r2, [sp, #{slot['rounding']}]"] if self.blocks == 1 else []
        lines += [f"ldr r1, [sp, #{slot['table']}]", f"ldr r2, [sp, #{slot['y']}]", *self._outputs]
        lines += [f"adds r2, #{self.rows * self.made[1]}", f"str r2, [sp, #{slot['y']}]"]
        if self.blocks > 1:
            step = 4 * self.rows * self.window.stride[0] * len(self.columns)
            lines += [f"ldr r0, [sp, #{slot['blocks']}]", "subs r0, #1", f"str r0, [sp, #{slot['blocks']}]", "beq 8f"]
            lines += [f"ldr r1, [sp, #{slot['at']}]", *(f"adds r1, #{part}" for part in steps(step, 255)), "b 7b", "8:"]
            lines += [f"ldr r2, [sp, #{slot['rounding']}]", "adds r2, #8", f"str r2, [sp, #{slot['rounding']}]"]
        lines += ["mov r3, lr", f"str r3, [sp, #{slot['list']}]", f"ldr r0, [sp, #{slot['left']}]", "subs r0, #1"]
        lines += [f"str r0, [sp, #{slot['left']}]", "beq 6f", "b 5b", "6:", f"add sp, #{frame}"]
        return lines

    def _fill(self, slot: dict[str, int]) -> list[str]:
        """The map at r0 becomes words at r7; both move behind what is read and written."""
        lines = [f"adds r7, #{part}" for part in steps(4 * self._above * len(self.columns), 255)]
        if self.centred:
            lines += [f"ldr r1, [sp, #{slot['less']}]", "mov lr, r1", f"ldr r1, [sp, #{slot['lower']}]", "mov ip, r1"]
        row = [line.format(**slot) for line in self._row]
        if self._filled > 4:
            lines += [*number("r1", self._filled * self.size[1]), "adds r1, r1, r0", "mov r8, r1", "1:", *row]
            lines += ["cmp r0, r8", "bne 1b"] if len(row) < 120 else ["cmp r0, r8", "beq 2f", "b 1b", "2:"]
        else:
            lines += row * self._filled
        return lines + [f"adds r0, #{part}" for part in steps((self.size[0] - self._filled) * self.size[1], 255)]

    @cached_property
    def _row(self) -> list[str]:
        """A row of the map: of each four values the columns two to the left, one to the left, the first and the second
        become r1 … r4; what the next four need of these is kept in r5 and r6.
        """
        lines, wanted, less = [], set(self.columns), self.centred
        for first in range(0, self.size[1], 4):
            lines += ["ldmia r0!, {{r3}}", "ldr r1, [sp, #{sign}]", "eors r3, r1", "lsrs r4, r3, #8"]
            lines += ["ldr r1, [sp, #{bytes}]", "ands r3, r1", "ands r4, r1"]
            left = [n for n, column in ((1, first - 2), (2, first - 1)) if column in wanted]
            own = [n for n, column in ((3, first), (4, first + 1)) if column in wanted]
            if first:
                for n in left:
                    lines += [f"lsls r{n}, r{n + 2}, #16", f"adds r{n}, r{n}, r{n + 4}", *([f"add r{n}, lr"] * less)]
            lines += [f"lsrs r{n}, r{n - 2}, #16" for n in (5, 6) if first + n - 3 in wanted]
            if not first:
                own_or_left = {*own, *(n + 2 for n in left)}
                lines += [f"add r{n}, lr" for n in sorted(own_or_left) if less]
                lines += [f"lsls r{n}, r{n + 2}, #16" for n in left]
            else:
                lines += [f"add r{n}, lr" for n in own if less]
            lines += _stored([*left, *own])
        last = [n for n, column in ((5, self.size[1] - 2), (6, self.size[1] - 1)) if column in wanted]
        lines += [f"add r{n}, ip" for n in last if less]
        return [*lines, *_stored(last)]

    @cached_property
    def _registers(self) -> list[str]:
        """Of the sums of a block, word by word."""
        return [f"r{4 + n}" for n in range(self.rows * len(self._bases))]

    @property
    def _sums_at_start(self) -> list[str]:
        return [f"mov {register}, r4" for register in self._registers[1:]]

    @cached_property
    def _pieces_and_lines(self) -> tuple[list[tuple[int, int, int]], list[str]]:
        """Each tap, −1 for a stepping stone, where its piece begins and from where it jumps; and all pieces."""
        lines, found, last = list(NEXT), [], 0
        for tap in range(prod(self.window.kernel)):
            body = self._added(tap)
            if len(lines) + len(body) - last > APART:
                last = len(lines)
                lines += NEXT
                found.append((-1, last, len(lines)))
            start = len(lines)
            lines += [*body, *NEXT]
            found.append((tap, start, len(lines)))
        return found, lines

    @property
    def _pieces(self) -> list[tuple[int, int, int]]:
        return self._pieces_and_lines[0]

    @property
    def _first(self) -> int:
        return len(NEXT)

    @property
    def _turn(self) -> int:
        """Where the sums are turned round."""
        return len(self._pieces_and_lines[1])

    @property
    def _end(self) -> int:
        return len(self._listed)

    @property
    def _is_far(self) -> bool:
        return any("[r2" in line for line in self._pieces_and_lines[1])

    @cached_property
    def _listed(self) -> list[str]:
        """From the first jump to where all taps are added."""
        lines = list(self._pieces_and_lines[1])
        lines += [f"mvns {register}, {register}" for register in self._registers[:LOW]]
        for register in self._registers[LOW:]:
            lines += [f"mov r0, {register}", "mvns r0, r0", f"mov {register}, r0"]
        return [*lines, "b 9b"]

    def _added(self, tap: int) -> list[str]:
        """What a tap adds to the sums of a block."""
        u, v = divmod(tap, self.window.kernel[1])
        (down, right), (above, before) = self.window.stride, self.window.padding
        lines = []
        for n, register in enumerate(self._registers):
            i, j = divmod(n, len(self._bases))
            row, column = i * down + u - (above if self.blocks == 1 else 0), self._bases[j] * right + v - before
            if column not in self.columns or (self.blocks == 1 and not 0 <= row < self.size[0]):
                continue
            at = row * len(self.columns) + self.columns.index(column)
            lines.append(f"ldr r0, [{'r1' if at < HALF else 'r2'}, #{4 * (at % HALF)}]")
            lines.append(f"adds {register}, {register}, r0" if n < LOW else f"add {register}, r0")
        return lines

    @property
    def _outputs(self) -> list[str]:
        """The sums, rounded: factor r0, offset ip, table r1, to y r2."""
        lines, apart = [], 2 // self.window.stride[1]
        for n, register in enumerate(self._registers):
            i, j = divmod(n, len(self._bases))
            first, word = i * self.made[1] + self._bases[j], register
            if n >= LOW:
                word = "r4"
                lines.append(f"mov r4, {register}")
            lines += [f"uxth r3, {word}", *self._rounded("r3"), f"strb r3, [r2, #{first}]"]
            lines += [f"lsrs {word}, {word}, #16", *self._rounded(word), f"strb {word}, [r2, #{first + apart}]"]
        return lines

    def _rounded(self, sum_: str) -> list[str]:
        lines = [f"muls {sum_}, r0, {sum_}", f"add {sum_}, ip", f"asrs {sum_}, {sum_}, #{self.shift}"]
        if self.clamped:
            lines += [*into_table(sum_), "1:"]
        return [*lines, f"ldrb {sum_}, [r1, {sum_}]"]


def _stored(registers: list[int]) -> list[str]:
    """As a template, for `str.format`."""
    return [f"stmia r7!, {{{{{', '.join(f'r{n}' for n in registers)}}}}}"] if registers else []


def tapped_forms(
    program: Program, operator: Convolve, how: Requantize, reached: Pair, free: tuple[Whole, Whole]
) -> list[KernelCall]:
    """The forms of a depthwise convolution whose sums fit lanes, with and without a clamp; none if it cannot be one.

    Args:
        operator: trimmed.
        how, reached, free: see `mirrored.mirrored_forms`; inputs are taken less their zero point.
    """
    (x,), y = program.of(operator)
    window = window_of(operator)
    found = []
    for clamped in (True, False):
        code = Tapped(window, x.shape[1:], y.shape[1:], how.shift, x.zero_point != -128, clamped)
        if code.possible:
            lists, taken = code.encode(operator.weights)
            form = KernelCall(
                FILES,
                f"{{NAME}}_{code.name}({{x}}, {{y}}, {{lists}}, &map, &how, (uint32_t *){{scratch}})",
                scratch=4 * code.words,
                arrays={"lists": lists},
                how=how,
                lanes=True,
                slack=free,
                window=window,
                structs={"map": ("tapped_t", numbers(x.shape[0], x.zero_point, 0x7FFF7FFF))},
                functions={code.name: code.text},
                code=2 * len(code.lines),
                instructions=code.instructions(x.shape[0], taken),
            )
            found += [form] if clamped else unclamped(form, reached, x.shape[0])
    return found


def numbers(channels: int, zero: int, start: int) -> str:
    """The values of a tapped_t; start: of two sums."""
    less = -(zero + 128) % 2**32
    both = -(zero + 128) * 0x10001 % 2**32
    return f"{channels}, {both}u, {less}u, 0x80808080u, 0x00ff00ffu, {start:#x}u, &window"
