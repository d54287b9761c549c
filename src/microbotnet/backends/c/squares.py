"""Ternary depthwise convolutions over maps of 2×2, as straight Armv6-M code: a piece for every row of three weights.

The map's two columns are two words, the rows in their lanes. A kernel is three bytes: how far it is to the piece that
adds each of its rows. Sums of the row below are made first and moved to the upper row's lane; then come those of the
middle, and of the row above, for which the words are moved.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolve
from ...integer.program import Pair, Program, Requantize
from .assembly import CLAMP, guarded, into_table
from .kernel_call import KernelCall, window_of
from .lanes import unclamped
from .requantization import Whole
from .tapped import FILES, numbers

ROWS = tuple(product((-1, 0, 1), repeat=3))
ORDER = (2, 1, 0)  # the rows of a kernel as they are added
SUMS = (
    ("r5", "r2"),
    ("r4", "r2"),
    ("r5", "r3"),
    ("r4", "r3"),
)  # what the weights to the left, here, here, to the right add
WEIGHT = (0, 1, 1, 2)


@dataclass(frozen=True)
class Squares:
    """The function for all channels of a layer. centred, clamped: see `tapped.Tapped`."""

    shift: int
    centred: bool
    clamped: bool

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"squares_{self.shift}_{int(self.centred)}_{int(self.clamped)}"

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one, and where its pieces lie."""
        signature = "const int8_t *x, int8_t *y, const uint8_t *rows, const tapped_t *m, const lanes_t *how"
        places = ", ".join(str(self._places[row]) for row in ROWS)
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n    static const uint8_t places[] = {{{places}}};\n\n"
            f"    squares_plain(x, y, rows, m, how, places, {int(self.clamped)});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    def encode(self, kernels: NDArray[np.int8]) -> NDArray[np.uint8]:
        """Three bytes for each of (channels, 3, 3) kernels of −1, 0 and +1."""
        return np.array([[self._places[tuple(kernel[u].tolist())] for u in ORDER] for kernel in kernels], np.uint8)

    def instructions(self, kernels: NDArray[np.int8]) -> float:
        """Of all these, about."""
        rows = [tuple(row) for row in kernels.reshape(-1, 3).tolist()]
        pieces = sum(len(self._piece(row)) + any(row) for row in rows)
        channel = len(self.lines) - 3 * len(self._pieces) - 4 * CLAMP * self.clamped - 12
        return pieces + channel * len(kernels) + 45

    @cached_property
    def lines(self) -> list[str]:
        """Its instructions, and few directives: x r0, rows r1, y r7; rounding r8, sign r10, mask r11, table lr."""
        lines = ["ldr r4, [sp, #36]", "sub sp, #12", "mov r7, r1", "mov r1, r2", "ldmia r4!, {r2, r5}", "mov r8, r2"]
        lines += ["mov lr, r5", "ldmia r3!, {r2, r4, r5}", "ldmia r3, {r3, r5, r6}", "str r4, [sp]", "str r6, [sp, #4]"]
        lines += ["lsls r2, r2, #2", "adds r2, r2, r0", "str r2, [sp, #8]", "mov r10, r3", "mov r11, r5", "movs r3, #1"]
        lines += ["lsls r3, r3, #31", "mov r9, r3"]
        lines += ["5: ldmia r0!, {r2}", "mov r6, r10", "eors r2, r6", "lsrs r3, r2, #8", "mov r6, r11", "ands r2, r6"]
        lines += ["ands r3, r6"]
        lines += ["ldr r6, [sp]", "adds r2, r2, r6", "adds r3, r3, r6"] if self.centred else []
        lines += ["ldr r4, [sp, #4]", "mov r5, r4", *self._row(0)]
        lines += ["lsrs r4, r4, #16", "lsrs r5, r5, #16", "add r4, r9", "add r5, r9", *self._row(1)]
        lines += ["lsls r2, r2, #16", "lsls r3, r3, #16", *self._row(2), "adds r1, #3"]
        lines += ["mov r6, r8", "ldmia r6!, {r2, r3}", "mov r8, r6", "mov ip, r3", "mov r3, lr"]
        for n, word in enumerate(("r4", "r5")):
            lines += [f"uxth r6, {word}", *self._rounded("r6"), f"strb r6, [r7, #{n}]"]
            lines += [f"lsrs {word}, {word}, #16", *self._rounded(word), f"strb {word}, [r7, #{n + 2}]"]
        return [*lines, "adds r7, #4", "ldr r6, [sp, #8]", "cmp r0, r6", "beq 6f", "b 5b", "6: add sp, #12"]

    def _row(self, at: int) -> list[str]:
        return [f"ldrb r6, [r1, #{at}]", "add pc, r6", "nop", *self._pieces, "4:"]

    @staticmethod
    def _piece(row: tuple[int, ...]) -> list[str]:
        return [
            f"{'adds' if row[at] > 0 else 'subs'} {sum_}, {sum_}, {word}"
            for at, (sum_, word) in zip(WEIGHT, SUMS, strict=True)
            if row[at]
        ]

    @cached_property
    def _pieces(self) -> list[str]:
        """Of all rows but the empty one, which has nothing to add behind them."""
        return [line for row in ROWS if any(row) for line in (*self._piece(row), "b 4f")]

    @cached_property
    def _places(self) -> dict[tuple[int, ...], int]:
        """How far a row's piece is, in bytes."""
        found, at = {}, 0
        for row in ROWS:
            if any(row):
                found[row] = at
                at += 2 * (len(self._piece(row)) + 1)
        return found | {(0, 0, 0): at}

    def _rounded(self, sum_: str) -> list[str]:
        """Factor r2, offset ip, table r3."""
        lines = [f"muls {sum_}, r2, {sum_}", f"add {sum_}, ip", f"asrs {sum_}, {sum_}, #{self.shift}"]
        if self.clamped:
            lines += [*into_table(sum_), "1:"]
        return [*lines, f"ldrb {sum_}, [r3, {sum_}]"]


def squares_forms(
    program: Program, operator: Convolve, how: Requantize, reached: Pair, free: tuple[Whole, Whole]
) -> list[KernelCall]:
    """As `tapped.tapped_forms`, of kernels that reach one pixel beyond a map of 2×2."""
    (x,), _ = program.of(operator)
    (tall, wide), (above, before) = operator.weights.shape[2:], operator.padding
    kernels = np.zeros((len(operator.weights), 3, 3), np.int8)
    kernels[:, 1 - above : 1 - above + tall, 1 - before : 1 - before + wide] = operator.weights[:, 0]
    found = []
    for clamped in (True, False) if how.shift else ():
        code = Squares(how.shift, x.zero_point != -128, clamped)
        form = KernelCall(
            FILES,
            f"{{NAME}}_{code.name}({{x}}, {{y}}, {{lists}}, &map, &how)",
            arrays={"lists": code.encode(kernels).reshape(-1)},
            how=how,
            lanes=True,
            slack=free,
            window=window_of(operator),
            structs={"map": ("tapped_t", numbers(x.shape[0], x.zero_point, 0x80008000))},
            functions={code.name: code.text},
            code=2 * len(code.lines),
            instructions=code.instructions(kernels),
        )
        found += [form] if clamped else unclamped(form, reached, x.shape[0])
    return found
