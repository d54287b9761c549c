"""How deep the stack of an image can go, from its instructions alone.

A function takes what all its pushes and subtractions take together, which is never less than it has at once, and below
that what the deepest of the functions takes that it calls, or jumps to. A call by address may go to every function
whose address stands somewhere in the image. Of a recursion no bound is known.
"""

from bisect import bisect_right
from dataclasses import dataclass, field, replace

from ..backends.c import emit
from ..integer.fold import fold
from ..integer.program import Program
from .board import Board
from .cores import CORES
from .image import NAME, Image, build
from .instruction import Instruction, Kind
from .toolchain import find_toolchain

ROOM = 2**24  # bytes
_REACH = {Kind.CALL, Kind.BRANCH, Kind.CONDITIONAL}


def deepest(image: Image, root: str = "Reset_Handler") -> int | None:
    """Bytes that `root` and all below it take of the stack at most; None where that cannot be told."""
    functions = {s.address: _Function(s.address, s.address + s.size) for s in image.symbols if s.region == "code"}
    starts = sorted(functions)
    read = _riscv if CORES[image.board.core].riscv else _thumb
    for instruction in image.instructions():
        at = bisect_right(starts, instruction.address) - 1
        if at >= 0 and instruction.address < functions[starts[at]].end:
            function = functions[starts[at]]
            function.takes += max(0, instruction.stack)
            read(instruction, image.word(instruction), function)
    held = {word & ~1 for word in image.words()} | {value for f in functions.values() for value in f.values()}
    by_address = set(starts) & held
    found: dict[int, int | None] = {}

    def below(start: int) -> int | None:
        if start in found:
            return found[start]
        found[start] = None  # of a recursion, or of what is no function
        if function := functions.get(start):
            reached = function.reaches | (by_address if function.by_address else set())
            parts = [below(to) for to in reached]
            if None not in parts:
                found[start] = function.takes + max((part for part in parts if part is not None), default=0)
        return found[start]

    return below(image.addresses[root])


def below_run(
    program: Program, board: Board, prefer: str = "speed", regions: tuple[int, int] | None = None
) -> tuple[int | None, str]:
    """What the exported C takes of the stack at most, NAME_run included, and the compiler that was asked.

    Args:
        board: for whose core it is compiled; whether it fits is not asked.

    Raises:
        Failed: no compiler, or it complained.
    """
    toolchain, code, data = find_toolchain(), board.code, board.data
    roomy = replace(board, code=replace(code, bytes=ROOM), data=replace(data, bytes=ROOM), beyond=replace(
        data, address=data.address + ROOM, bytes=ROOM))  # fmt: skip
    sources = emit(fold(program), prefer=prefer, name=NAME, regions=regions)
    sources.pop("main.c")
    return deepest(build(sources, roomy, toolchain, prefer=prefer), f"{NAME}_run"), toolchain.name


@dataclass
class _Function:
    """takes: bytes of the stack. reaches: where it calls or jumps to. by_address: whether it calls what a register
    holds.

    lows, highs: numbers that are put into the lower and the upper half of a register; of RISC-V whole ones, and by
    register what is in the upper part.
    """

    start: int
    end: int
    takes: int = 0
    reaches: set[int] = field(default_factory=set)
    by_address: bool = False
    lows: set[int] = field(default_factory=set)
    highs: set[int] = field(default_factory=lambda: {0})
    uppers: dict[int, int] = field(default_factory=dict)

    def reach(self, to: int, kind: Kind) -> None:
        """Notes that it goes there. What lies within it is counted already, also where a call goes there, but for one
        to its beginning.
        """
        if not self.start <= to < self.end or (kind is Kind.CALL and to == self.start):
            self.reaches.add(to)

    def values(self) -> set[int]:
        """What may be an address in it."""
        return {high << 16 | low & ~1 for high in self.highs for low in self.lows}


def _thumb(instruction: Instruction, word: int, function: _Function) -> None:
    """Notes where it goes; `word` has the first halfword in its upper half if there are two."""
    at, kind = instruction.address + 4, instruction.kind
    if instruction.size == 2:
        if kind is Kind.JUMP and word & 0xFF80 == 0x4780:  # blx
            function.by_address = True
        elif kind is Kind.BRANCH:
            function.reach(at + 2 * _signed(word & 0x7FF, 11), kind)
        elif kind is Kind.CONDITIONAL and word >> 12 == 0b1101:
            function.reach(at + 2 * _signed(word & 0xFF, 8), kind)
    elif kind in _REACH:
        sign, j1, j2 = word >> 26 & 1, word >> 13 & 1, word >> 11 & 1
        if kind is Kind.CONDITIONAL:
            far = sign << 19 | j2 << 18 | j1 << 17 | (word >> 16 & 63) << 11 | word & 0x7FF
            function.reach(at + 2 * _signed(far, 20), kind)
        else:
            high = sign << 2 | (1 ^ j1 ^ sign) << 1 | 1 ^ j2 ^ sign
            function.reach(at + 2 * _signed(high << 21 | (word >> 16 & 0x3FF) << 11 | word & 0x7FF, 24), kind)
    elif word >> 16 & 0xFB70 == 0xF240:  # movw, movt
        number = (word >> 16 & 15) << 12 | (word >> 26 & 1) << 11 | (word >> 12 & 7) << 8 | word & 0xFF
        (function.highs if word >> 23 & 1 else function.lows).add(number)


def _riscv(instruction: Instruction, word: int, function: _Function) -> None:
    """Notes where it goes; a jalr finds the upper part of its target in the auipc before it."""
    at, kind, uppers = instruction.address, instruction.kind, function.uppers
    if instruction.size == 2:
        if kind in (Kind.CALL, Kind.BRANCH):  # c.jal, c.j
            offset = (word >> 12 & 1) << 11 | (word >> 8 & 1) << 10 | (word >> 9 & 3) << 8 | (word >> 6 & 1) << 7
            offset |= (word >> 7 & 1) << 6 | (word >> 2 & 1) << 5 | (word >> 11 & 1) << 4 | (word >> 3 & 7) << 1
            function.reach(at + _signed(offset, 12), kind)
        elif kind is Kind.JUMP and word >> 12 & 1:  # c.jalr
            function.by_address = True
        return
    to, one, low = word >> 7 & 31, word >> 15 & 31, _signed(word >> 20, 12)
    if kind in (Kind.CALL, Kind.BRANCH):
        offset = (word >> 31) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
        function.reach(at + _signed(offset, 21), kind)
    elif kind is Kind.JUMP:  # jalr
        if one in uppers:
            function.reach(uppers[one] + low, kind)
        elif to == 1:
            function.by_address = True
    elif word & 0x7F in (0b0010111, 0b0110111):  # auipc, lui
        uppers[to] = (word & 0xFFFFF000) + (at if word & 0x7F == 0b0010111 else 0) & 0xFFFFFFFF
    else:
        if word & 0x707F == 0b0010011 and one in uppers:  # addi
            function.lows.add(uppers[one] + low & 0xFFFFFFFF)
        uppers.pop(to, None)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 & 1 else value
