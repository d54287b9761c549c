"""Ternary convolutions by tables that hold one of each sum and its negative: straight Armv6-M code.

The inputs are taken one, two or three together. All sums of such a group, but for their sign, are made once for a tile
of pixels; then a row of weights is a list of those that it adds and a list of those that it takes off, each entry a
byte: how many to pass over. A row's sums stay in registers, and are rounded there.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolve
from ...integer.program import Program, Requantize
from . import lanes
from .assembly import CLAMP, guarded, into_table
from .kernel_call import KernelCall, is_pointwise, stretched, window_of
from .lanes import unclamped
from .requantization import Whole
from .sparse import bridged, signed_places
from .spelled import FEWEST_TILES, LONGEST, Spelled

FILES = ("requantize", "lanes", "armv6m", "rows", "window", "ternary", "mirrored")
MOST = 28  # of a list
FARTHEST = 255  # entries that are passed over
ENTRIES = {  # the weights of each entry, in the order in which they are made
    1: ((1,),),
    2: ((1, 0), (1, -1), (0, 1), (1, 1)),
    3: (
        (1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1), (1, -1, 1), (1, -1, 0), (1, -1, -1), (1, 0, -1), (1, 1, -1),
        (0, 1, -1), (0, 1, 0), (0, 1, 1), (0, 0, 1),
    ),
}  # fmt: skip
MAKING = {(1, 4): 0, (2, 4): 23, (3, 4): 98, (1, 2): 0, (2, 2): 17, (3, 2): 62}  # instructions of a table
TABLE_BYTES = 6144  # of RAM at most, for all tables


@dataclass(frozen=True)
class Mirrored:
    """The function that makes all rows of one tile.

    words: of an entry, of two pixels each: 2 or 4. segments: into which the lists of a row are cut. clamped: whether an
    index may be beyond the table.
    """

    words: int
    shift: int
    segments: int
    clamped: bool

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        return f"mirrored_{self.words}_{self.shift}_{self.segments}_{int(self.clamped)}"

    @property
    def block(self) -> int:
        """Instructions that add one entry."""
        return 9 if self.words == 4 else 6

    def instructions(self, codes: int, rows: int) -> float:
        """Of all rows with so many entries in all, about."""
        row = len(self.lines) - (2 * MOST * self.block + 30) - 2 * self.words * CLAMP * self.clamped
        return rows * (row + (self.segments - 1) * 26) + codes * self.block

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const uint32_t *tile, int8_t *y, const mirrored_t *m, const lanes_t *how"
        plain = (
            f"KERNEL void NAME_{self.name}({signature})\n{{\n"
            f"    mirrored_plain(tile, y, m, how, {self.words}, {self.segments}, {int(self.clamped)});\n}}\n"
        )
        return guarded(self.name, signature, self.lines, plain)

    @cached_property
    def lines(self) -> list[str]:
        """Lists r0, their end r10, tile r1, sums r4 …; y r8, rounding r9, table r11; on the stack the tile, where its
        entries begin, the stride, where a segment begins, segments left, a segment's bytes.
        """
        sums = "{r4-r7}" if self.words == 4 else "{r4, r5}"
        lines = ["sub sp, #24", "str r0, [sp]", "mov r8, r1", "ldmia r3!, {r4, r5}", "mov r9, r4", "mov r11, r5"]
        lines += ["ldmia r2!, {r3-r6}", "str r5, [sp, #8]", "str r6, [sp, #20]", "adds r4, r4, r3", "mov r10, r4"]
        lines += [f"adds r0, #{4 * self.words}", "str r0, [sp, #4]", "mov r0, r3"]
        lines += ["5: ldr r1, [sp]", f"ldmia r1!, {sums}"]
        if self.segments > 1:
            lines += ["str r1, [sp, #12]", f"movs r2, #{self.segments}", "str r2, [sp, #16]", "7: ldr r1, [sp, #12]"]
        lines += self._listed("adds")
        lines += [f"ldr r1, [sp, #{12 if self.segments > 1 else 4}]", *self._listed("subs")]
        if self.segments > 1:
            lines += ["ldr r1, [sp, #12]", "ldr r2, [sp, #20]", "adds r1, r1, r2", "str r1, [sp, #12]"]
            lines += ["ldr r2, [sp, #16]", "subs r2, #1", "str r2, [sp, #16]", "beq 8f", "b 7b", "8:"]
        lines += ["mov lr, r0", "mov r3, r9", "ldmia r3!, {r0, r1}", "mov r9, r3", "mov ip, r1", "mov r1, r11"]
        lines += ["mov r2, r8"]
        for n in range(self.words):
            word, first = f"r{4 + n}", 4 * (n // 2) + n % 2
            lines += [f"uxth r3, {word}", *self._rounded("r3"), f"strb r3, [r2, #{first}]"]
            lines += [f"lsrs {word}, {word}, #16", *self._rounded(word), f"strb {word}, [r2, #{first + 2}]"]
        lines += ["ldr r3, [sp, #8]", "adds r2, r2, r3", "mov r8, r2", "mov r0, lr", "cmp r0, r10", "beq 6f", "b 5b"]
        return [*lines, "6: add sp, #24"]

    def _listed(self, operation: str) -> list[str]:
        """A list: what is to be jumped over, how many there are, the entries. The last is at the first byte."""
        lines = ["ldrb r2, [r0]", "ldrb r3, [r0, #1]", "adds r0, #2", "mov lr, r3", "lsls r2, r2, #1"]
        lines += ["add pc, r2", "nop"]
        for at in range(MOST - 1, -1, -1):
            lines += [f"ldrb r2, [r0, #{at}]", f"lsls r2, r2, #{1 + self.words.bit_length()}", "adds r1, r1, r2"]
            for first in range(4, 4 + self.words, 2):
                lines += ["ldmia r1!, {r2, r3}", f"{operation} r{first}, r{first}, r2"]
                lines += [f"{operation} r{first + 1}, r{first + 1}, r3"]
        return [*lines, "add r0, lr"]

    def _rounded(self, sum_: str) -> list[str]:
        lines = [f"muls {sum_}, r0, {sum_}", f"add {sum_}, ip", f"asrs {sum_}, {sum_}, #{self.shift}"]
        if self.clamped:
            lines += [*into_table(sum_), "1:"]
        return [*lines, f"ldrb {sum_}, [r1, {sum_}]"]


def mirrored_forms(
    program: Program,
    operator: Convolve,
    how: Requantize,
    reached: tuple[int, int],
    centre: int,
    free: tuple[Whole, Whole],
) -> list[KernelCall]:
    """The forms of a convolution whose sums fit lanes and whose tiles are full.

    Args:
        how: for sums of inputs less `centre`, with 128 outputs more.
        reached: the least and the largest index of its table, from 0 on.
        free: see `KernelCall.slack`.
    """
    (x,), y = program.of(operator)
    pixels = prod(y.shape[1:])
    words = 4 if pixels > 4 else 2
    if operator.groups > 1 or pixels % (2 * words) or how.shift == 0:
        return []
    rows = operator.weights.reshape(len(operator.weights), -1)
    outputs, depth, inputs = len(rows), operator.weights.shape[1], rows.shape[1]
    load = "unpack_at" if is_pointwise(program, operator) else "unfold"
    tiles, short = pixels // (2 * words), len(stretched(how, *reached)[0]) <= lanes.LONGEST_TABLE
    found = []
    for each in ENTRIES:
        groups = -(-inputs // each)
        encoded = encode(rows, each, words)
        entries = groups * len(ENTRIES[each])
        if encoded is None or (each > 1 and 4 * words * entries > TABLE_BYTES):
            continue
        lists, segments, codes, step = encoded
        tile = words * (1 + entries)
        shape = (depth, x.zero_point, centre, inputs, groups, words, each, len(ENTRIES[each]))
        numbers = f"{{lists}}, {len(lists)}, {pixels}, {4 * words * step}"
        making = groups * MAKING[each, words] + 5.5 * words * inputs + 60
        for clamped in (True, False):
            code = Mirrored(words, how.shift, segments, clamped)
            form = KernelCall(
                FILES,
                f"mirrored({{x}}, {{y}}, (uint32_t *){{scratch}}, &listed, &how, &window, &shape, {load}, "
                f"{{NAME}}_{code.name})",
                scratch=4 * (tile + (words * each * groups if each > 1 else 0)),
                arrays={"lists": lists},
                how=how,
                lanes=True,
                slack=free,
                window=window_of(operator),
                structs={"listed": ("mirrored_t", numbers), "shape": ("mirrored_shape_t", ", ".join(map(str, shape)))},
                functions={code.name: code.text},
                code=2 * len(code.lines),
                instructions=tiles * (making + code.instructions(codes, outputs)),
            )
            found += [form] if clamped else unclamped(form, reached, outputs)
            if tiles >= FEWEST_TILES and clamped != short:
                straight = Spelled(places_of(rows, each), words, how.shift, clamped, lists, segments)
                if len(straight.lines) <= LONGEST:
                    form = replace(
                        form,
                        call=form.call.replace("mirrored(", "spelled(").replace(code.name, straight.name),
                        arrays={},
                        structs={**form.structs, "listed": ("mirrored_t", f"0, 0, {pixels}, {4 * words * step}")},
                        functions={straight.name: straight.text},
                        code=2 * len(straight.lines) + 2 * outputs,
                        instructions=tiles * (making + straight.instructions),
                    )
                    found += [form] if clamped else unclamped(form, reached, outputs)
    return found


def encode(rows: NDArray[np.int8], each: int, words: int) -> tuple[NDArray[np.uint8], int, int, int] | None:
    """Rows of −1, 0 and +1 as lists, segment by segment: first of what is added, then of what is taken off.

    Returns: the bytes; segments of a row; entries in all lists; entries that a segment reaches over. None if a list
    cannot be written.
    """
    size, block = len(ENTRIES[each]), 9 if words == 4 else 6
    groups = -(-rows.shape[1] // each)
    places = places_of(rows, each)
    for segments in range(1, groups + 1):
        length = -(-groups // segments)
        parts = np.zeros((len(rows), length * segments * size), np.int8)
        parts[:, : places.shape[1]] = places
        parts = parts.reshape(len(rows) * segments, -1)
        if any((parts == sign).sum(1).max() > MOST for sign in (1, -1)):
            continue
        found: list[int] = []
        codes, fits = 0, True
        for part in signed_places(parts, 0):
            lists = bridged(part, 1, FARTHEST)
            if lists is None:
                return None
            for chosen in lists:
                fits = fits and len(chosen) <= MOST
                distances = [b - a - 1 for a, b in pairwise([-1, *sorted(chosen)])]
                found += [block * max(MOST - len(chosen), 0), len(chosen), *distances[::-1]]
                codes += len(chosen)
        if fits:
            return np.array(found, np.uint8), segments, codes, length * size
    return None


def places_of(rows: NDArray[np.int8], each: int) -> NDArray[np.int8]:
    """(rows, entries of all groups): 1 where an entry is added, −1 where it is taken off."""
    entries = np.array(ENTRIES[each], np.int8)
    groups = -(-rows.shape[1] // each)
    weights = np.zeros((len(rows), groups * each), np.int8)
    weights[:, : rows.shape[1]] = rows
    weights = weights.reshape(len(rows), groups, each)
    found = np.zeros((*weights.shape[:2], len(entries)), np.int8)
    for at, entry in enumerate(entries):
        for sign in (1, -1):
            found[..., at][(weights == sign * entry).all(-1)] = sign
    return found.reshape(len(weights), -1)
