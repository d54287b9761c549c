"""Armv6-M instructions that several kinds of straight code have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .kernel_call import Window

CLAMP = 3  # instructions of a rounding that only outputs beyond the clamp take


@dataclass(frozen=True)
class Depthwise:
    """What a function for a depthwise convolution follows from, and is named after.

    size, made: rows and columns of the map and of the output. started: whether sums have something added, a channel's.
    """

    window: Window
    size: tuple[int, int]
    made: tuple[int, int]
    pre_shift: int
    shift: int
    started: bool
    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """Of the function, without the prefix of its network."""
        w = self.window
        numbers = (
            *self.size,
            *self.made,
            *w.kernel,
            *w.stride,
            *w.padding,
            self.pre_shift,
            self.shift,
            int(self.started),
        )
        return f"{self.kind}_" + "_".join(map(str, numbers))


def guarded(name: str, signature: str, lines: list[str], plain: str) -> str:
    """A function in C whose body is `lines`; `plain` is what stands in for it on other processors."""
    body = "".join(f'    " {line}\\n"\n' for line in lines)
    return (
        f'#if defined(__thumb__)\nvoid NAME_{name}({signature});\nFUNCTION("NAME_{name}", SAVE\n{body}    RESTORE);\n'
        f"#else\n{plain}#endif\n"
    )


SLOTS = ("factor", "factors", "offsets", "starts", "table", "zero", "again")  # on the stack; the six as in a mapped_t


def entered(slots: Mapping[str, int]) -> list[str]:
    """x r8, y r9, weights r10, channels left lr; in slots, where the rest of the mapped_t, r3, is."""
    lines = ["mov r8, r0", "mov r9, r1", "mov r10, r2", "ldmia r3!, {r4-r7}", f"add r0, sp, #{slots['factors']}"]
    return [*lines, "stmia r0!, {r4-r7}", "ldmia r3!, {r4, r5}", "str r4, [r0]", "mov lr, r5"]


def next_rounding(slots: Mapping[str, int], started: bool, pre_shift: int) -> list[str]:
    """The next channel's multiplier into its slot, its offset into ip, what is added to its sums into r11."""
    lines = []
    if started:
        lines += [f"ldr r0, [sp, #{slots['starts']}]", "ldrb r1, [r0]"]
        if pre_shift > 8:  # two bytes each
            lines += ["ldrb r2, [r0, #1]", "lsls r2, r2, #8", "adds r1, r1, r2", "adds r0, #1"]
        lines += ["mov r11, r1", "adds r0, #1", f"str r0, [sp, #{slots['starts']}]"]
    lines += [f"ldr r0, [sp, #{slots['factors']}]", "ldmia r0!, {r1}", f"str r0, [sp, #{slots['factors']}]"]
    lines += [f"str r1, [sp, #{slots['factor']}]", f"ldr r0, [sp, #{slots['offsets']}]", "ldmia r0!, {r1}"]
    return [*lines, f"str r0, [sp, #{slots['offsets']}]", "mov ip, r1"]


def steps(size: int, largest: int) -> list[int]:
    """`size` in parts that one instruction can add."""
    return [min(largest, size - at) for at in range(0, size, largest)]


def number(register: str, value: int) -> list[str]:
    """A number of up to 15 bits."""
    if value < 256:
        return [f"movs {register}, #{value}"]
    return [f"movs {register}, #{value >> 8}", f"lsls {register}, {register}, #8", f"adds {register}, #{value & 255}"]


def widened(count: int, less: str) -> list[str]:
    """Bytes from r0 on become words from r7 on, less a register; both move behind the last."""
    lines = []
    for first in range(0, count, 4):
        some = min(4, count - first)
        at = first % 32
        if first and at == 0:
            lines.append("adds r0, #32")
        for n in range(some):
            lines += [f"ldrb r{1 + n}, [r0, #{at + n}]", f"sxtb r{1 + n}, r{1 + n}"]
            lines += [f"subs r{1 + n}, r{1 + n}, {less}"] if less else []
        lines.append(f"stmia r7!, {{r1-r{some}}}" if some > 1 else "stmia r7!, {r1}")
    rest = count - (count - 1) // 32 * 32
    return [*lines, f"adds r0, #{rest}"] if count else []


def products(
    block: Sequence[Sequence[tuple[int, int]]],
    value_at: Callable[[int], str],
    weight_at: Callable[[int], str],
    started: set[int],
) -> list[str]:
    """The products of up to four neighbouring outputs into their sums, r4 … r7; those of one value together.

    Args:
        block: for each output, its values and weights, as numbers.
        value_at, weight_at: the addresses that numbers stand for.
        started: which sums have begun; it is added to.
    """
    lines = []
    for value in sorted({value for output in block for value, _ in output}):
        lines.append(f"ldr r0, {value_at(value)}")
        for n, output in enumerate(block):
            for weight in (weight for at, weight in output if at == value):
                into = f"r{4 + n}" if n not in started else "r1"
                lines += [f"ldr {into}, {weight_at(weight)}", f"muls {into}, r0, {into}"]
                lines += [f"adds r{4 + n}, r{4 + n}, r1"] if n in started else []
                started.add(n)
    return lines


def finished(sum_: str, at: int, pre_shift: int, shift: int, started: bool) -> list[str]:
    """A sum, and r11, becomes output `at` from r2 on: factor r0, offset ip, table r1."""
    lines = [f"add {sum_}, r11"] if started else []
    lines += requantized(sum_, "r0", "ip", "r1", "r3", pre_shift, shift)
    return [*lines, f"strb {sum_}, [r2, #{at}]"]


def requantized(sum_: str, factor: str, offset: str, table: str, spare: str, pre_shift: int, shift: int) -> list[str]:
    """A sum becomes its output; all but `offset` are low registers. Offsets are 128 outputs larger."""
    lines = []
    if pre_shift:
        lines += {8: [f"uxtb {spare}, {sum_}"], 16: [f"uxth {spare}, {sum_}"]}.get(
            pre_shift, [f"lsls {spare}, {sum_}, #{32 - pre_shift}", f"lsrs {spare}, {spare}, #{32 - pre_shift}"]
        )
        lines += [f"muls {spare}, {factor}, {spare}", f"asrs {spare}, {spare}, #{pre_shift}"]
        lines += [f"asrs {sum_}, {sum_}, #{pre_shift}", f"muls {sum_}, {factor}, {sum_}", f"add {sum_}, {spare}"]
    else:
        lines += [f"muls {sum_}, {factor}, {sum_}"]
    lines += [f"add {sum_}, {offset}", *([f"asrs {sum_}, {sum_}, #{shift}"] if shift else [])]
    return [*lines, *into_table(sum_), f"1: ldrb {sum_}, [{table}, {sum_}]"]


def into_table(index: str) -> list[str]:
    """An index into a table of 256, to the nearest that there is; the next instruction has the label 1."""
    return [f"cmp {index}, #255", "bls 1f", f"asrs {index}, {index}, #31", f"mvns {index}, {index}",
            f"uxtb {index}, {index}"]  # fmt: skip
