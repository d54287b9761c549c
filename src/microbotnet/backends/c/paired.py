"""Depthwise convolutions on cores with Arm's DSP extension: a word holds two rows of one column.

As in `striped`, the code follows from the windows and the map alone. A channel's map, less its zero point, is widened
to words of two rows; then two outputs of two rows are summed up at once: a word is a product of two taps for one of the
rows and for the other, too.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolve, RescaledConvolve
from ...integer.program import Pair, Program
from .dual import FILES, REACH, WORD, added, doubled, rounding_of
from .kernel_call import KernelCall, Window, window_of

RESIDENT, PER_COLUMN = 6, 6  # words of weights that stay in r5 … r10; that one column of the kernel may need
SUMS = ("r3", "r4", "r11", "ip")  # of row 0, columns 0 and 1; of row 1
LINES = 1500
SLOTS = {
    name: 4 * i
    for i, name in enumerate(
        ("x", "y", "tile", "weights", "rounding", "table", "channels", "less", "multiplier", "low", "high", "fourth",
         "left", "other", "blocks", "at", "weight")
    )
}  # fmt: skip


@dataclass(frozen=True)
class Paired:
    """One function: all channels of a depthwise convolution.

    size, made: rows and columns of the map and of the output. shift, index, words_of: see `dual.Rounding`.
    """

    window: Window
    size: Pair
    made: Pair
    shift: int
    index: bool
    words_of: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"paired_{blake2b(repr(self).encode(), digest_size=6).hexdigest()}"

    @cached_property
    def taps(self) -> tuple[list[Pair], list[tuple[int, int, str, int]]]:
        """Words of two weights of one column of the kernel, as rows of it (−1: nothing); products as the output's row,
        the pair of rows of the map, the instruction, the word.
        """
        tall, stride = self.window.kernel[0], self.window.stride[0]
        pairs = range((stride + tall + 1) // 2)
        wanted = [(o, k, 2 * k - o * stride) for k in pairs for o in range(2)]
        words = sorted({(u, u + 1) for _, _, u in wanted if u >= 0 and u + 1 < tall})
        found = []
        for o, k, u in wanted:
            if u >= 0 and u + 1 < tall:
                found.append((o, k, "d", words.index((u, u + 1))))
            elif u == -1 or u == tall - 1:
                one = max(u, 0)
                if all(one not in word for word in words):
                    words.append((one, -1))
                n, half = next((n, word.index(one)) for n, word in enumerate(words) if one in word)
                found.append((o, k, ("t" if u == -1 else "b") + "bt"[half], n))
        return words, found

    @property
    def resident(self) -> bool:
        """Whether all words of weights stay in registers."""
        return len(self.taps[0]) * self.window.kernel[1] <= RESIDENT

    @property
    def classes(self) -> int:
        """Words of a row of even columns, where windows are two apart; else of a whole row."""
        stride, wide = self.window.stride[1], self.window.kernel[1]
        reached = (2 * -(-self.made[1] // 2) - 1) * stride + wide
        found = -(-max(reached, self.window.padding[1] + self.size[1]) // stride)
        return found + found % 2

    @property
    def row(self) -> int:
        """Words of a pair of rows."""
        return self.classes * self.window.stride[1]

    @property
    def passes(self) -> int:
        """Over two rows of outputs each."""
        return -(-self.made[0] // 2)

    @property
    def pairs(self) -> int:
        """Of rows in the tile."""
        stride = self.window.stride[0]
        above, below = self.window.padding[0], self.size[0]
        return max((self.passes - 1) * stride + (stride + self.window.kernel[0] + 1) // 2, (above + below + 1) // 2)

    @property
    def words(self) -> int:
        """Of the tile."""
        return self.pairs * self.row

    @property
    def unrolled(self) -> int:
        """Blocks of two columns in one turn of the loop, or all; 0 where that cannot be."""
        blocks, odd = -(-self.made[1] // 2), self.made[1] % 2
        wide, stride = self.window.kernel[1], self.window.stride[1]
        last = max(k for _, k, _, _ in self.taps[1]) * self.row + (stride - 1) * self.classes + (wide - 1) // stride
        most = min(8, (REACH // 4 - last) // 2 + 1)
        if blocks <= most:
            return blocks
        return 0 if odd or most < 1 else max(n for n in range(1, most + 1) if blocks % n == 0)

    @property
    def possible(self) -> bool:
        """Whether it can be written so."""
        (down, right), (tall, _) = self.window.stride, self.window.kernel
        fits = down == right and down <= 2 and len(self.taps[0]) <= PER_COLUMN and tall > 1
        fits = fits and self.window.padding[1] <= 8 and self.unrolled > 0 and self.words < 2**14
        return fits and prod(self.size) < 2**15 and len(self.lines) <= LINES

    @property
    def instructions(self) -> float:
        """Of a channel, about."""
        blocks = -(-self.made[1] // 2)
        block = len(self._block(0, False)) * blocks + 6 * (blocks // self.unrolled if self.unrolled < blocks else 0)
        return self.passes * (block + 9) + self._filled + 40

    @property
    def _filled(self) -> float:
        height, width = self.size
        return height / 2 * (12 * (width // 4) + 6 * (width % 4)) + 8

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const int8_t *x, int8_t *y, uint32_t *tile, const paired_t *d"
        body = "".join(f'    " {line}\\n"\n' for line in self.lines)
        places = ", ".join(f"{{{a}, {b}}}" for a, b in self.taps[0])
        w = self.window
        numbers = (*self.size, *self.made, *w.kernel, w.stride[0], *w.padding, len(self.taps[0]), self.shift,
                   int(self.index), self.words_of)  # fmt: skip
        return (
            f"#if defined(__ARM_FEATURE_DSP)\nvoid NAME_{self.name}({signature});\n"
            f'FUNCTION("NAME_{self.name}", {body});\n'
            f"#else\nKERNEL void NAME_{self.name}({signature})\n{{\n"
            f"    static const int8_t rows[][2] = {{{places}}};\n\n    (void)tile;\n"
            f"    paired_plain(x, y, d, rows, {', '.join(map(str, numbers))});\n}}\n#endif\n"
        )

    @cached_property
    def lines(self) -> list[str]:
        """Its instructions: x r0, y r1, the tile r2, the paired_t r3."""
        s, words = SLOTS, len(self.taps[0]) * self.window.kernel[1]
        frame = 4 * len(SLOTS) + (0 if self.resident else 4 * (words + words % 2))
        frame += -(frame + 36) % 8
        lines = [
            "push {r4-r11, lr}",
            f"sub sp, #{frame}",
            f"strd r0, r1, [sp, #{s['x']}]",
            f"str r2, [sp, #{s['tile']}]",
        ]
        lines += ["ldm r3, {r4-r8}", f"add r9, sp, #{s['weights']}", "stm r9, {r4-r8}"]
        lines += ["movs r4, #0", f"movw r5, #{self.words}", "1: str r4, [r2], #4", "subs r5, #1", "bne 1b"]
        lines += ["5:", *self._fill, *self._constants(words)]
        lines += [f"ldr r0, [sp, #{s['tile']}]", f"movs r1, #{self.passes}", f"str r1, [sp, #{s['left']}]", "7:"]
        odd = self.made[0] % 2 == 1
        lines += self._pass(odd)
        return [*lines, f"ldr r1, [sp, #{s['channels']}]", "subs r1, #1", f"str r1, [sp, #{s['channels']}]",
                "bne 5b", f"add sp, #{frame}", "pop {r4-r11, pc}"]  # fmt: skip

    @property
    def _fill(self) -> list[str]:
        """The map, at x, as words. r12 less, r1 the tile, lr zero where half of a word is outside."""
        height, above = self.size[0], self.window.padding[0]
        first = above // 2 * self.row + self.window.padding[1] // self.window.stride[1]
        lines = [f"ldr r0, [sp, #{SLOTS['x']}]", f"ldr r1, [sp, #{SLOTS['tile']}]", f"ldr ip, [sp, #{SLOTS['less']}]"]
        lines += [f"movw r2, #{4 * first}", "add r1, r2"] if first else []
        lines += ["movs r2, #0"]
        begin = above % 2
        if begin:
            lines += self._words(False, True)
        whole = (height - begin) // 2
        if whole > 1:
            lines += [f"movw lr, #{whole}", "1:", *self._words(True, True), "subs lr, #1", "bne 1b"]
        elif whole:
            lines += self._words(True, True)
        if (height - begin) % 2:
            lines += self._words(True, False)
        return [*lines, f"str r0, [sp, #{SLOTS['x']}]"]

    def _words(self, upper: bool, lower: bool) -> list[str]:
        """A pair of rows, of which one may be outside: x r0 moves behind them, the tile's r1 to the next. r2 is 0."""
        width, lines, apart = self.size[1], [], self.window.stride[1] == 2
        second = width if upper else 0  # where the lower row begins
        # A map's first column is an odd one if it is padded by an odd number.
        turn = self.window.padding[1] % 2 if apart else 0

        def place(column: int) -> int:
            if not apart:
                return 4 * column
            return 4 * ((column + turn) // 2 + (column + turn) % 2 * self.classes)

        for at in range(0, width // 4 * 4, 4):
            lines += [f"ldr r3, [r0, #{at}]"] if upper else []
            lines += [f"ldr r4, [r0, #{second + at}]"] if lower else []
            for row, there in (("r3", upper), ("r4", lower)):
                even, odd = ("r5", "r6") if row == "r3" else ("r7", "r8")
                lines += [f"sxtab16 {even}, ip, {row}", f"sxtab16 {odd}, ip, {row}, ror #8"] if there else []
            for n, (a, b) in enumerate((("r5", "r7"), ("r6", "r8"))):
                one, two = f"r{9 + n}", a if upper else b
                if upper and lower:
                    lines += [f"pkhbt {one}, {a}, {b}, lsl #16", f"pkhtb {two}, {b}, {a}, asr #16"]
                elif upper:
                    lines += [f"uxth {one}, {a}", f"lsr {two}, {a}, #16"]
                else:
                    lines += [f"lsl {one}, {b}, #16", f"pkhtb {two}, {b}, r2"]
            third, fourth = ("r5", "r6") if upper else ("r7", "r8")
            made = ("r9", "r10", third, fourth)  # columns 0, 1, 2, 3
            groups = [(0, 2), (1, 3)] if apart else [(0, 1), (2, 3)]
            for one_, two_ in groups:
                to = place(at + one_)
                if to <= REACH:
                    lines.append(f"strd {made[one_]}, {made[two_]}, [r1, #{to}]")
                else:
                    lines += [f"str.w {made[one_]}, [r1, #{to}]", f"str.w {made[two_]}, [r1, #{to + 4}]"]
        for at in range(width // 4 * 4, width):
            lines += [f"ldrsb r3, [r0, #{at}]", "add r3, ip"] if upper else ["movs r3, #0"]
            lines += [f"ldrsb r4, [r0, #{second + at}]", "add r4, ip"] if lower else ["movs r4, #0"]
            lines += ["pkhbt r3, r3, r4, lsl #16", f"str.w r3, [r1, #{place(at)}]"]
        step = width * (upper + lower)
        return [*lines, f"addw r0, r0, #{step}", f"addw r1, r1, #{4 * self.row}"]

    def _constants(self, words: int) -> list[str]:
        """The channel's weights and rounding."""
        s, raw = SLOTS, -(-words // 2)
        lines = [f"ldr r0, [sp, #{s['weights']}]"]
        if self.resident:
            lines += [f"ldm r0!, {{{', '.join(f'r{1 + n}' for n in range(raw))}}}"]
            for n in range(words):
                lines.append(f"sxtb16 r{5 + n}, r{1 + n // 2}" + (", ror #8" if n % 2 else ""))
        else:
            for n in range(raw):
                lines += ["ldr r1, [r0], #4", "sxtb16 r2, r1", "sxtb16 r3, r1, ror #8"]
                lines.append(f"strd r2, r3, [sp, #{4 * len(SLOTS) + 8 * n}]")
        lines += [f"str r0, [sp, #{s['weights']}]", f"ldr r0, [sp, #{s['rounding']}]"]
        kept = ", ".join(f"r{1 + n}" for n in range(self.words_of))
        lines += [f"ldm r0!, {{{kept}}}", f"str r0, [sp, #{s['rounding']}]"]
        lines += [f"strd r1, r2, [sp, #{s['multiplier']}]"]
        return [
            *lines,
            *((), (f"str r3, [sp, #{s['high']}]",), (f"strd r3, r4, [sp, #{s['high']}]",))[self.words_of - 2],
        ]

    def _pass(self, odd: bool) -> list[str]:
        """All pairs of rows of outputs; y moves on."""
        s, columns = SLOTS, self.made[1]
        blocks, n = -(-columns // 2), self.unrolled
        lines = []
        if odd:  # the last row has none below it; that goes behind the tile
            lines += [f"ldr r1, [sp, #{s['left']}]", "cmp r1, #1", f"ldr r1, [sp, #{s['y']}]", "ite ne",
                      f"addne r1, #{columns}", f"ldreq r1, [sp, #{s['tile']}]"]  # fmt: skip
            lines += ["bne 3f", f"movw r2, #{4 * self.words}", "add r1, r2", "3:", f"str r1, [sp, #{s['other']}]"]
        if n < blocks:
            lines += [f"movs r1, #{blocks // n}", f"str r1, [sp, #{s['blocks']}]", "2:"]
        for block in range(n):
            alone = 2 * block + 1 == columns and n == blocks
            lines += self._block(block, alone)
        if n < blocks:
            lines += [
                f"adds r0, #{8 * n}",
                f"ldr r1, [sp, #{s['y']}]",
                f"adds r1, #{2 * n}",
                f"str r1, [sp, #{s['y']}]",
            ]
            lines += (
                [f"ldr r1, [sp, #{s['other']}]", f"adds r1, #{2 * n}", f"str r1, [sp, #{s['other']}]"] if odd else []
            )
            lines += [f"ldr r1, [sp, #{s['blocks']}]", "subs r1, #1", f"str r1, [sp, #{s['blocks']}]", "bne 2b"]
        moved, done = (
            4 * self.row * self.window.stride[0] - (8 * blocks if n < blocks else 0),
            columns if n < blocks else 0,
        )
        lines += [f"movw r1, #{moved}", "add r0, r1"] if moved else []
        lines += [f"ldr r1, [sp, #{s['y']}]", f"addw r1, r1, #{2 * columns - done}"]
        lines += [f"ldr r2, [sp, #{s['left']}]", "subs r2, #1", f"str r2, [sp, #{s['left']}]"]
        if odd:  # behind the last row, y is at the next channel
            lines += ["it eq", f"subeq r1, #{columns}"]
            lines += [f"str r1, [sp, #{s['y']}]"]
            return [*lines, "cmp r2, #0", "bne 7b"]
        return [*lines, f"str r1, [sp, #{s['y']}]", "bne 7b"]

    def _block(self, block: int, alone: bool) -> list[str]:
        """Two columns of outputs, or one, of two rows; the tile at r0."""
        s, (words, products), wide = SLOTS, self.taps, self.window.kernel[1]
        stride, columns = self.window.stride[1], self.made[1]
        lines = [] if self.resident else [f"add lr, sp, #{4 * len(SLOTS)}"]
        started: set[str] = set()
        for v in range(wide):
            if not self.resident:
                lines.append(f"ldm lr!, {{{', '.join(f'r{5 + n}' for n in range(len(words)))}}}")
            first = v * len(words) if self.resident else 0
            for k in sorted({k for _, k, _, _ in products}):
                at = 4 * (k * self.row + v % stride * self.classes + v // stride) + 8 * block
                lines.append(f"ldr r1, [r0, #{at}]" if alone else f"ldrd r1, r2, [r0, #{at}]")
                for o, at_, how, n in products:
                    for column in range(1 if alone else 2) if at_ == k else ():
                        sum_, value, weight = SUMS[2 * o + column], f"r{1 + column}", f"r{5 + first + n}"
                        if sum_ in started:
                            name = "smlad" if how == "d" else f"smla{how}"
                            lines.append(f"{name} {sum_}, {value}, {weight}, {sum_}")
                        else:
                            name = "smuad" if how == "d" else f"smul{how}"
                            lines.append(f"{name} {sum_}, {value}, {weight}")
                            started.add(sum_)
        used = [sum_ for n, sum_ in enumerate(SUMS) if not (alone and n % 2)]
        clamp, shift = ("usat" if self.index else "ssat"), (f", asr #{self.shift}" if self.shift else "")
        if self.words_of == 4:
            lines += [f"ldrd lr, r1, [sp, #{s['multiplier']}]", *(f"add {sum_}, {sum_}, r1" for sum_ in used)]
            for sum_ in used:
                lines += doubled(sum_, "lr", "r1", "r2")
            lines.append(f"ldrd r1, r2, [sp, #{s['high']}]")
            for sum_ in used:
                lines += [f"add {sum_}, {sum_}, r1", f"asr {sum_}, {sum_}, r2", *added(sum_, self.shift)]
                lines.append(f"{clamp} {sum_}, #8, {sum_}")
        elif self.words_of == 3:
            lines += [f"ldr lr, [sp, #{s['multiplier']}]"]
            for sum_ in used:
                lines += [f"ldrd r1, r2, [sp, #{s['low']}]", f"smlal r1, r2, {sum_}, lr"]
                lines.append(f"{clamp} {sum_}, #8, r2{shift}")
        else:
            lines += [f"ldrd lr, r1, [sp, #{s['multiplier']}]"]
            for sum_ in used:
                lines += [f"mla {sum_}, {sum_}, lr, r1", f"{clamp} {sum_}, #8, {sum_}{shift}"]
        if self.index:
            lines += [f"ldr r1, [sp, #{s['table']}]", *(f"ldrb {sum_}, [r1, {sum_}]" for sum_ in used)]
        lines += [f"ldr r2, [sp, #{s['y']}]"]
        odd = self.made[0] % 2 == 1
        lines += [f"ldr r1, [sp, #{s['other']}]"] if odd else []
        for n, sum_ in enumerate(SUMS):
            if sum_ in used:
                base, more = ("r1", 0) if odd and n >= 2 else ("r2", columns * (n // 2))
                lines.append(f"strb {sum_}, [{base}, #{more + 2 * block + n % 2}]")
        return lines


def paired_forms(program: Program, operator: Convolve | RescaledConvolve) -> list[KernelCall]:
    """The form of one kernel a channel; none for other convolutions, for scores, or where it cannot be written so."""
    (x,), y = program.of(operator)
    weights = operator.weights
    if weights.shape[1] != 1 or len(weights) != operator.groups or len(weights) != x.shape[0] or y.dtype != "int8":
        return []
    largest = max(abs(x.low - x.zero_point), abs(x.high - x.zero_point), 1)
    if int(np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(1).max()) * largest > WORD:
        return []
    rounding = rounding_of(program, operator)
    if rounding is None:
        return []
    size, made = (x.shape[1], x.shape[2]), (y.shape[1], y.shape[2])
    code = Paired(window_of(operator), size, made, rounding.shift, rounding.index, rounding.words)
    if not code.possible:
        return []
    less = (-x.zero_point & 0xFFFF) * 0x10001
    numbers = f"(const uint32_t *){{weights}}, {{rounding}}, {{table}}, {len(weights)}, {less}u"
    return [
        KernelCall(
            FILES,
            f"{{NAME}}_{code.name}({{x}}, {{y}}, (uint32_t *){{scratch}}, &shape)",
            scratch=4 * code.words + made[1],
            arrays={
                "weights": _stored(weights, code.taps[0]),
                "rounding": rounding.constants,
                "table": rounding.table if rounding.index else np.zeros(1, np.int8),
            },
            structs={"shape": ("paired_t", numbers)},
            functions={code.name: code.text},
            code=4 * len(code.lines),
            instructions=x.shape[0] * code.instructions + 3 * code.words,
        )
    ]


def _stored(weights: NDArray[np.int8], words: list[Pair]) -> NDArray[np.int32]:
    """Words of a channel, column by column, two in one: the first's halves are bytes 0 and 2, the second's 1 and 3."""
    channels, _, tall, wide = weights.shape
    padded = np.zeros((channels, tall + 1, wide), np.int8)
    padded[:, :tall] = weights[:, 0]
    count = len(words) * wide
    halves = np.zeros((channels, count + count % 2, 2), np.int8)
    halves[:, :count] = padded[:, words].transpose(0, 3, 1, 2).reshape(channels, count, 2)
    return np.ascontiguousarray(halves.reshape(channels, -1, 2, 2).transpose(0, 1, 3, 2)).reshape(-1).view(np.int32)
