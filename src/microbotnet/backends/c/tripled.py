"""Ternary 1×1 convolutions on cores with Arm's DSP extension: sums of three inputs from tables, eight pixels at a time.

As in `kernels/tables.c` nothing is decoded: all 27 sums that three inputs can have under ternary weights are made for a
tile of eight pixels, four words of two signed lanes each. What is stored for three weights is where their sum lies, in
16 bits; it takes seven instructions for 24 products.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolve
from ...integer.program import Program
from .dual import WORD
from .kernel_call import KernelCall, is_pointwise, table
from .lanes import has_room, in_lanes, slack

EACH, PIXELS, ENTRY = 3, 8, 16  # inputs of a sum; pixels of a tile; bytes of an entry
STEP = ENTRY * 3**EACH  # from a table to the next
CHUNK = 16  # tables at one time
FILES = ("requantize", "lanes", "window", "dual", "tripled")


@dataclass(frozen=True)
class Gather:
    """The function that adds to each row's sums what its codes choose from `count` tables."""

    count: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"tripled_{self.count}"

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const uint16_t *codes, const uint32_t *tables, uint32_t *sums, int rows"
        body = "".join(f'    " {line}\\n"\n' for line in self.lines)
        return (
            f"#if defined(__ARM_FEATURE_DSP)\nconst uint16_t *NAME_{self.name}({signature});\n"
            f'FUNCTION("NAME_{self.name}", {body});\n'
            f"#else\nKERNEL const uint16_t *NAME_{self.name}({signature})\n{{\n"
            f"    return tripled_plain(codes, tables, sums, rows, {self.count});\n}}\n#endif\n"
        )

    @cached_property
    def lines(self) -> list[str]:
        """Codes r0, tables r1, sums r2 and, of a row, r4 … r7; rows left r3."""
        one = ["ldrh r8, [r0], #2", "add r8, r1", "ldm r8, {r8-r11}"]
        one += [f"sadd16 r{n}, r{n}, r{n + 4}" for n in range(4, 8)]
        return ["push {r4-r11, lr}", "1: ldm r2, {r4-r7}", *one * self.count, "stm r2!, {r4-r7}", "subs r3, #1",
                "bne 1b", "pop {r4-r11, pc}"]  # fmt: skip


@dataclass(frozen=True)
class Finish:
    """The function that makes outputs of sums: the high words of products with 16 bits, shifted."""

    shift: int
    index: bool

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"tripled_outputs_{self.shift}_{int(self.index)}"

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const uint32_t *sums, int8_t *y, const tripled_t *t"
        body = "".join(f'    " {line}\\n"\n' for line in self.lines)
        return (
            f"#if defined(__ARM_FEATURE_DSP)\nvoid NAME_{self.name}({signature});\n"
            f'FUNCTION("NAME_{self.name}", {body});\n'
            f"#else\nKERNEL void NAME_{self.name}({signature})\n{{\n"
            f"    tripled_outputs_plain(sums, y, t, {self.shift}, {int(self.index)});\n}}\n#endif\n"
        )

    @cached_property
    def lines(self) -> list[str]:
        """Sums r0, of a row r4 … r7; y r1; rounding r2, table r3, stride ip, rows left lr; multiplier r8, offset r9."""
        clamp, shift = ("usat" if self.index else "ssat"), (f", asr #{self.shift}" if self.shift else "")
        lines = ["push {r4-r11, lr}", "ldm r2, {r2, r3, ip, lr}", "1: ldm r0!, {r4-r7}", "ldrd r8, r9, [r2], #8"]
        for n, (low, high) in enumerate(((0, 2), (1, 3), (4, 6), (5, 7))):
            for half, at, to in (("b", low, "r10"), ("t", high, "r11")):
                lines += [f"smlaw{half} {to}, r8, r{4 + n}, r9", f"{clamp} {to}, #8, {to}{shift}"]
                lines += [f"ldrb {to}, [r3, {to}]"] if self.index else []
                lines.append(f"strb {to}, [r1, #{at}]")
        return [*lines, "add r1, ip", "subs lr, #1", "bne 1b", "pop {r4-r11, pc}"]


def tripled_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """The form of a ternary 1×1 convolution whose pixels fill tiles; none of others."""
    (x,), y = program.of(operator)
    pixels, outputs = prod(y.shape[1:]), len(operator.weights)
    if operator.bits > 2 or operator.groups > 1 or y.dtype != "int8" or pixels % PIXELS:
        return []
    if not is_pointwise(program, operator):
        return []
    fitting = in_lanes(program, operator, x.zero_point)
    if fitting is None or fitting.requantize.pre_shift:
        return []
    found = _rounding(program, fitting)
    if found is None:
        return []
    rounding, shift, index = found
    weights: NDArray[np.int8] = operator.weights.reshape(outputs, -1)
    groups = -(-weights.shape[1] // EACH)
    chunks = -(-groups // CHUNK)
    count = -(-groups // chunks)
    gather, finish = Gather(count), Finish(shift, index)
    shape = (x.shape[0], outputs, pixels, chunks, count, x.zero_point)
    numbers = "{weights}, {rounding}, {table}, " + ", ".join(map(str, shape))
    tile, tables = EACH * ENTRY * count * chunks, STEP * count
    tiles, making = pixels // PIXELS, 156 * count * chunks + 11 * x.shape[0]
    rows = outputs * (chunks * (7 * count + 4) + len(finish.lines) - 3 + 6)
    return [
        KernelCall(
            FILES,
            f"tripled({{x}}, {{y}}, (uint32_t *){{scratch}}, &shape, {{NAME}}_{gather.name}, {{NAME}}_{finish.name})",
            scratch=tile + tables + ENTRY * outputs,
            arrays={
                "weights": _codes(weights, count, chunks),
                "rounding": rounding,
                "table": table(fitting.requantize) if index else np.zeros(1, np.int8),
            },
            structs={"shape": ("tripled_shape_t", numbers)},
            functions={gather.name: gather.text, finish.name: finish.text},
            code=2 * (len(gather.lines) + len(finish.lines)),
            instructions=tiles * (making + rows + 40 + 30 * chunks) + 5 * tile / 4,
        )
    ]


def _rounding(program: Program, operator: Convolve) -> tuple[NDArray[np.int32], int, bool] | None:
    """A multiplier and an offset a row, (rows, 2), the shift behind them, and whether a table follows; None where
    offsets that lose their lowest bits are not exact.
    """
    (x,), _ = program.of(operator)
    how, rows = operator.requantize, len(operator.weights)
    index = bool((table(how) != np.arange(-128, 128)).any())
    if index and not has_room(program, operator):
        return None
    multiplier = np.broadcast_to(how.multiplier.astype(np.int64), rows)
    more = min(16, (WORD // max(1, int(np.abs(multiplier).max()))).bit_length() - 1)
    lost, shift = 16 - more, how.shift + more - 16
    if shift < 0:
        return None
    moved = multiplier * x.zero_point * operator.weights.reshape(rows, -1).sum(1, dtype=np.int64)
    offset = np.broadcast_to(how.offset.astype(np.int64), rows) + moved + ((128 << how.shift) if index else 0)
    least, largest = (offset + free for free in slack(program, operator))
    kept = -(-least >> lost)  # the least multiple
    kept = np.where((offset >> lost << lost >= least) & (offset >> lost << lost <= largest), offset >> lost, kept)
    if (kept << lost > largest).any() or np.abs(kept).max() > WORD:
        return None
    return np.stack([multiplier << more, kept], 1).astype(np.int32), shift, index


def _codes(weights: NDArray[np.int8], count: int, chunks: int) -> NDArray[np.uint16]:
    """In the order they are read: of each chunk of tables, row by row."""
    rows, inputs = weights.shape
    digits = np.zeros((rows, chunks * count * EACH), np.int64)
    digits[:, :inputs] = weights % 3
    entry = digits.reshape(rows, chunks, count, EACH) @ 3 ** np.arange(EACH)
    places = ENTRY * entry + STEP * np.arange(count)
    return np.ascontiguousarray(places.transpose(1, 0, 2)).astype(np.uint16)
