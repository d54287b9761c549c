"""Convolutions on cores with Arm's DSP extension: two products of 16 bits an instruction, eight sums in registers.

Inputs, less their zero point, are widened once for a stripe of outputs: a word holds one pixel of two neighbouring
channels. The weights of four outputs are widened once for the stripe, too. Then straight code, which follows from the
window and the tile alone, makes the eight sums of four outputs and two neighbouring pixels: three loads for eight
`smlad`, which are sixteen products.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer import ranges
from ...integer.operators import Convolve, RescaledConvolve
from ...integer.program import Program, Requantize
from .kernel_call import KernelCall, is_pointwise, table, window_of
from .lanes import has_room, wrapped
from .requantization import exchanged

FILES = ("requantize", "lanes", "window", "dual")
OUTPUTS = 4  # at once
REACH = 1020  # bytes that a load of two words can be away
UNROLLED = 20  # loads of two words, at most, in one turn of the loop
STRIPE, TILE = 32, 8192  # pixels, bytes: about, of what is widened at once
WORD = 2**31 - 1


@dataclass(frozen=True)
class Rounding:
    """How sums of inputs less their zero point become outputs.

    constants: (rows, 2, 3 or 4) int32. Two: a multiplier and an offset, whose sum of 32 bits is shifted. Three: a
    multiplier and an offset of 64 bits, of whose sum the high word is. Four: `Rescale`'s multiplier, bias, half of what
    a shift loses and shift. shift: of the first two kinds; of the third what is added at the end. index: the result,
    from −128 on, is the place in a table; else it is clamped to a byte. table: that one.
    """

    constants: NDArray[np.int32]
    shift: int
    index: bool
    table: NDArray[np.int8]

    @property
    def words(self) -> int:
        """Of an output."""
        return int(self.constants.shape[1])


def rounding_of(program: Program, operator: Convolve | RescaledConvolve) -> Rounding | None:
    """None where it is not exact in registers."""
    return _rescaled(program, operator) if isinstance(operator, RescaledConvolve) else _requantized(program, operator)


def _rescaled(program: Program, operator: RescaledConvolve) -> Rounding | None:
    (x,), _ = program.of(operator)
    rows, how = len(operator.weights), operator.rescale
    total = operator.weights.reshape(rows, -1).sum(1, dtype=np.int64)
    multiplier, given, shift = (
        np.broadcast_to(values.astype(np.int64), rows) for values in (how.multiplier, how.bias, how.shift)
    )
    bias = given + x.zero_point * total
    if shift.min() < 1 or shift.max() > 31 or np.abs(bias).max() > WORD:
        return None
    index = np.clip(np.arange(-128, 128), how.low, how.high)
    found = index.astype(np.int8) if how.table is None else how.table[index + 128]
    identity = bool((found == np.arange(-128, 128)).all())
    constants = np.stack([multiplier, bias, 1 << (shift - 1), shift], 1).astype(np.int32)
    return Rounding(constants, how.zero_point + 128 * (not identity), not identity, found)


def _requantized(program: Program, operator: Convolve) -> Rounding | None:
    """None where neither a product of 32 bits nor the high word of one of 64 is exact."""
    (x,), _ = program.of(operator)
    rows = len(operator.weights)
    how, (found,) = operator.requantize, ranges.sums(program, operator)
    if how.pre_shift and operator.bits <= 2:
        how = exchanged(how, found) or how
    total = operator.weights.reshape(rows, -1).sum(1, dtype=np.int64)
    identity = bool((table(how) == np.arange(-128, 128)).all())
    multiplier = np.broadcast_to(how.multiplier.astype(np.int64), rows)
    offset = np.broadcast_to(how.offset.astype(np.int64), rows) + (0 if identity else 128 << how.shift)
    if how.pre_shift == 0 and (identity or _room(program, operator, how)):
        moved = offset + multiplier * x.zero_point * total
        return Rounding(np.stack([wrapped(multiplier), wrapped(moved)], 1), how.shift, not identity, table(how))
    more = max(0, 32 - how.pre_shift - how.shift)
    if int(np.abs(multiplier).max()) << more > WORD:
        return None
    whole = ((offset << how.pre_shift) + multiplier * x.zero_point * total) << more
    constants = [wrapped(multiplier << more), wrapped(whole), (whole >> 32).astype(np.int32)]
    return Rounding(np.stack(constants, 1), how.pre_shift + how.shift + more - 32, not identity, table(how))


def _room(program: Program, operator: Convolve, how: Requantize) -> bool:
    return has_room(program, replace(operator, requantize=how))


@dataclass(frozen=True)
class Dual:
    """One function: a row of pairs of outputs, four channels.

    offsets: in bytes, of the two words of every pair of inputs in one turn of the loop. turn: bytes of the tile that
    a turn moves on. turns: of the loop. next: bytes from a pair of outputs to the next. rounding: how they end.
    """

    offsets: tuple[int, ...]
    turn: int
    turns: int
    next: int
    shift: int
    index: bool
    words: int

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        text = f"{self.offsets} {self.turn} {self.turns} {self.next} {self.shift} {self.index} {self.words}"
        return f"dual_{blake2b(text.encode(), digest_size=6).hexdigest()}"

    @property
    def instructions(self) -> int:
        """Of a pair of pixels and four outputs."""
        loop = 11 * len(self.offsets) * self.turns + (4 * self.turns + 8) * (self.turns > 1)
        return loop + {2: 20, 3: 28, 4: 84}[self.words] + 8 * self.index + 26

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors the plain one."""
        signature = "const uint32_t *weights, const uint32_t *tile, int8_t *y, const dual_t *d"
        body = "".join(f'    " {line}\\n"\n' for line in self.lines)
        places = ", ".join(map(str, self.offsets))
        shifts = f"{self.shift}, {int(self.index)}, {self.words}"
        return (
            f"#if defined(__ARM_FEATURE_DSP)\nvoid NAME_{self.name}({signature});\n"
            f'FUNCTION("NAME_{self.name}", {body});\n'
            f"#else\nKERNEL void NAME_{self.name}({signature})\n{{\n"
            f"    static const int16_t places[] = {{{places}}};\n\n"
            f"    dual_plain(weights, tile, y, d, places, {len(self.offsets)}, {self.turn}, {self.turns}, {self.next}, "
            f"{shifts});\n}}\n#endif\n"
        )

    @cached_property
    def lines(self) -> list[str]:
        """Tile r0, weights r1, two words of the tile r2 and r3, weights ip and lr, sums r4 … r11.

        On the stack: weights, tile, y, d, the weights' end, then what d holds: rounding, table, stride, the tile's end.
        """
        lines = ["push {r4-r11, lr}", "sub sp, #36", "strd r0, r1, [sp]", "strd r2, r3, [sp, #8]"]
        lines += [f"movw r4, #{self._weights}", "add r0, r4", "str r0, [sp, #16]", "mov r0, r1"]
        lines += ["ldm r3, {r4-r7}", "add r7, r1", "add r8, sp, #20", "stm r8, {r4-r7}"]
        lines += ["1: ldr r1, [sp]"]
        if self.turns > 1:
            lines += [f"mov r{4 + n}, #0" for n in range(8)]
            lines += ["2:"]
        started = self.turns > 1
        for at in self.offsets:
            lines.append(f"ldrd r2, r3, [r0, #{at}]")
            for row in (0, 2):
                lines.append("ldrd ip, lr, [r1], #8")
                for weight, n in (("ip", row), ("lr", row + 1)):
                    for pixel, value in enumerate(("r2", "r3")):
                        sum_ = f"r{4 + 2 * n + pixel}"
                        lines.append(
                            f"smlad {sum_}, {value}, {weight}, {sum_}"
                            if started
                            else f"smuad {sum_}, {value}, {weight}"
                        )
            started = True
        if self.turns > 1:
            far = [f"movw r2, #{self.turn}", "add r0, r2"]
            lines += [
                *(far if self.turn > 4095 else [f"addw r0, r0, #{self.turn}"]),
                "ldr r2, [sp, #16]",
                "cmp r1, r2",
                "bne 2b",
            ]
        return [*lines, *self._finish, "ldr r0, [sp, #4]", f"adds r0, #{self.next}", "str r0, [sp, #4]",
                "ldr r2, [sp, #8]", "adds r2, #2", "str r2, [sp, #8]", "ldr r1, [sp, #32]", "cmp r0, r1", "bne 1b",
                "add sp, #36", "pop {r4-r11, pc}"]  # fmt: skip

    @property
    def _weights(self) -> int:
        return 16 * len(self.offsets) * self.turns

    @property
    def _finish(self) -> list[str]:
        """The sums become outputs, which are stored."""
        lines = ["ldr r0, [sp, #20]"]
        clamp, shift = ("usat" if self.index else "ssat"), (f", asr #{self.shift}" if self.shift else "")
        for n in range(OUTPUTS):
            one, two = f"r{4 + 2 * n}", f"r{5 + 2 * n}"
            if self.words == 4:
                lines += rescaled((one, two), self.shift, clamp)
            elif self.words == 3:
                lines += ["ldm r0!, {r1-r3}", "mov ip, r2", "mov lr, r3", f"smlal ip, lr, {one}, r1"]
                lines += [f"smlal r2, r3, {two}, r1", f"{clamp} {one}, #8, lr{shift}", f"{clamp} {two}, #8, r3{shift}"]
            else:
                lines += ["ldrd r1, r2, [r0], #8", f"mla {one}, {one}, r1, r2", f"mla {two}, {two}, r1, r2"]
                lines += [f"{clamp} {one}, #8, {one}{shift}", f"{clamp} {two}, #8, {two}{shift}"]
        lines += ["ldr r1, [sp, #28]", "ldr r2, [sp, #8]"]
        if self.index:
            lines += ["ldr r0, [sp, #24]", *(f"ldrb r{4 + n}, [r0, r{4 + n}]" for n in range(8))]
        for n in range(OUTPUTS):
            lines += [f"strb r{4 + 2 * n}, [r2]", f"strb r{5 + 2 * n}, [r2, #1]", "add r2, r1"]
        return lines[:-1]


def rescaled(sums: tuple[str, str], more: int, clamp: str) -> list[str]:
    """TensorFlow Lite's rounding of two sums of a channel, whose constants are at r0."""
    lines = ["ldm r0!, {r1, r2}", *(f"add {sum_}, {sum_}, r2" for sum_ in sums), "ldm r0!, {r2, r3}"]
    for sum_ in sums:
        lines += doubled(sum_, "r1", "ip", "lr")
        lines += [f"add {sum_}, {sum_}, r2", f"asr {sum_}, {sum_}, r3", *added(sum_, more)]
        lines.append(f"{clamp} {sum_}, #8, {sum_}")
    return lines


def doubled(sum_: str, multiplier: str, low: str, high: str) -> list[str]:
    """The high half of twice a product, to nearest; one less if it is negative."""
    lines = [f"smull {low}, {high}, {sum_}, {multiplier}", f"adds {low}, {low}, #0x40000000"]
    lines += [f"adc {high}, {high}, #0", f"lsl {high}, {high}, #1", f"orr {sum_}, {high}, {low}, lsr #31"]
    return [*lines, f"add {sum_}, {sum_}, {sum_}, asr #31"]


def added(sum_: str, number: int) -> list[str]:
    """A sum and a number."""
    return [f"{'add' if number > 0 else 'sub'} {sum_}, {sum_}, #{abs(number)}"] if number else []


def dual_forms(program: Program, operator: Convolve | RescaledConvolve) -> list[KernelCall]:
    """The form of a convolution of one group to bytes; none where its tile is too wide or its rounding too long."""
    (x,), y = program.of(operator)
    if operator.groups > 1 or y.dtype != "int8" or max(operator.stride) > 2 or operator.stride[0] != operator.stride[1]:
        return []
    largest = max(abs(x.low - x.zero_point), abs(x.high - x.zero_point), 1)
    if int(np.abs(operator.weights.astype(np.int64)).reshape(len(operator.weights), -1).sum(1).max()) * largest > WORD:
        return []
    rounding = rounding_of(program, operator)
    if rounding is None:
        return []
    forms = _pointwise if is_pointwise(program, operator) else _windows
    made = forms(program, operator, rounding)
    return [] if made is None else [made]


def _pointwise(program: Program, operator: Convolve | RescaledConvolve, rounding: Rounding) -> KernelCall | None:
    (x,), y = program.of(operator)
    pairs, pixels = -(-x.shape[0] // 2), prod(y.shape[1:])
    stripe = min(STRIPE, -(-pixels // 2) * 2)
    each, turns = _turns(pairs, min(UNROLLED, REACH // 8))
    code = Dual(
        tuple(8 * n for n in range(each)), 8 * each, turns, 8 * pairs, rounding.shift, rounding.index, rounding.words
    )
    shape = (x.shape[0], y.shape[0], pixels, stripe, each * turns, x.zero_point)
    stripes = -(-pixels // STRIPE)
    fill = pairs * (16 * -(-pixels // 4) + 30 * stripes)
    tile = 4 * (stripe * pairs + 2 * (each * turns - pairs))
    call = f"dual_pointwise({{x}}, {{y}}, &shape, {{NAME}}_{code.name})"
    return _form(operator, code, rounding, call, shape, tile, stripes, -(-stripe // 2) * stripes, fill)


def _windows(program: Program, operator: Convolve | RescaledConvolve, rounding: Rounding) -> KernelCall | None:
    (x,), y = program.of(operator)
    (tall, wide), stride = operator.weights.shape[2:], operator.stride[0]
    pairs, columns = -(-x.shape[0] // 2), y.shape[2]
    reached = (2 * -(-columns // 2) - 1) * stride + wide
    classes = -(-max(reached, operator.padding[1] + x.shape[2]) // stride)
    classes += classes % 2 if stride == 2 else 0
    row = classes * stride  # words
    room = TILE // (4 * row * pairs)  # rows of the map
    made = min(y.shape[1], max(1, min(-(-64 // columns), (room - tall) // stride + 1)))  # rows of outputs at once
    rows = (made - 1) * stride + tall
    plane = row * rows
    taps = [4 * (u * row + v % stride * classes + v // stride) for u in range(tall) for v in range(wide)]
    if max(taps) > REACH:
        return None
    most = min(max(1, UNROLLED // len(taps)), (REACH - max(taps)) // (4 * plane) + 1)
    each, turns = _turns(pairs, most)
    offsets = tuple(4 * plane * n + at for n in range(each) for at in taps)
    code = Dual(offsets, 4 * plane * each, turns, 8, rounding.shift, rounding.index, rounding.words)
    shape = (x.shape[0], y.shape[0], made, rows, row, classes, each * turns, x.zero_point)
    stripes = -(-y.shape[1] // made)
    fill = stripes * pairs * rows * (4 * x.shape[2] + 60)
    call = f"dual({{x}}, {{y}}, &window, &shape, {{NAME}}_{code.name})"
    runs = y.shape[1] * -(-columns // 2)
    return _form(operator, code, rounding, call, shape, 4 * plane * each * turns, stripes, runs, fill)


def _turns(pairs: int, most: int) -> tuple[int, int]:
    """Pairs of channels in a turn of the loop, and turns; together as few more than there are as can be."""
    found = [(-(-pairs // each) * each, -each, each) for each in range(1, max(1, min(most, pairs)) + 1)]
    whole = min(found, key=lambda f: (11 * f[0] + 4 * f[0] // f[2], f[1]))
    return whole[2], whole[0] // whole[2]


def _form(
    operator: Convolve | RescaledConvolve, code: Dual, rounding: Rounding, call: str, shape: Sequence[int], tile: int,
    stripes: int, runs: int, fill: float,
) -> KernelCall:  # fmt: skip
    outputs, depth = operator.weights.shape[:2]
    blocks, pairs, taps = -(-outputs // OUTPUTS), code.turns * len(code.offsets), prod(operator.weights.shape[2:])
    weights = np.zeros((blocks * OUTPUTS, pairs // taps * 2, taps), np.int8)
    weights[:outputs, :depth] = operator.weights.reshape(outputs, depth, taps)
    # of a pair of inputs, two words: outputs 0 and 1 of the first input, of the second; outputs 2 and 3 likewise
    stored = weights.reshape(blocks, 2, 2, pairs // taps, 2, taps).transpose(0, 3, 5, 1, 4, 2)
    constants = np.zeros((blocks * OUTPUTS, rounding.constants.shape[1]), np.int32)
    constants[:outputs] = rounding.constants
    wide = 16 * pairs
    kind = "dual_shape_t" if call.startswith("dual(") else "dual_pixels_t"
    at = f"(uint32_t *){{scratch}}, (uint32_t *)({{scratch}} + {tile + 8})"
    numbers = f"(const uint32_t *){{weights}}, {{rounding}}, {{table}}, {constants.shape[1]}, {wide}, " + ", ".join(
        map(str, shape)
    )
    name = "{x}, {y}, "
    partly = 60 * stripes * blocks * (outputs % OUTPUTS != 0)
    return KernelCall(
        FILES,
        call.replace(name, name + at + ", "),
        scratch=tile + 8 + wide + 16,
        arrays={
            "weights": np.ascontiguousarray(stored).reshape(-1).view(np.int32),
            "rounding": constants,
            "table": rounding.table if rounding.index else np.zeros(1, np.int8),
        },
        window=window_of(operator) if kind == "dual_shape_t" else None,
        structs={"shape": (kind, numbers)},
        functions={code.name: code.text},
        code=4 * len(code.lines),
        instructions=fill + partly + stripes * blocks * (12 * pairs + 90) + blocks * runs * code.instructions,
    )
