"""RISC-V instructions of 32-bit cores, told apart as far as counting needs: as `thumb` does for Arm's.

Encodings: The RISC-V Instruction Set Manual, Volume I (20191213), chapters 2, 4, 7, 9 and 16.
"""

from collections.abc import Iterator

from .instruction import Instruction, Kind

BASE, WHOLE, MULTIPLIER = "rv32e", "rv32i", "m"  # 16 registers; 32; with multiplications and divisions
OTHER = "another"  # what no core of ours has
SP = 2
_LONG = {
    0b0110111: Kind.ALU, 0b0010111: Kind.ALU, 0b0010011: Kind.ALU, 0b0110011: Kind.ALU, 0b0000011: Kind.LOAD,
    0b0100011: Kind.STORE, 0b1100011: Kind.CONDITIONAL, 0b1101111: Kind.BRANCH, 0b1100111: Kind.JUMP,
    0b0001111: Kind.SYSTEM, 0b1110011: Kind.SYSTEM,
}  # fmt: skip
_NO_TARGET = (Kind.STORE, Kind.CONDITIONAL, Kind.SYSTEM)


def decode(code: bytes, address: int = 0) -> Iterator[Instruction]:
    """The instructions of `code`, whose first byte is at `address`."""
    at = 0
    while at + 2 <= len(code):
        first = int.from_bytes(code[at : at + 2], "little")
        if first & 3 == 3:
            yield _long(address + at, int.from_bytes(code[at : at + 4], "little"))
            at += 4
        else:
            yield _compressed(address + at, first)
            at += 2


def _long(address: int, word: int) -> Instruction:
    operation, to, one, two = word & 0x7F, word >> 7 & 31, word >> 15 & 31, word >> 20 & 31
    kind = _LONG.get(operation, Kind.ALU)
    needs = BASE if operation in _LONG else OTHER
    registers = {
        0b0110011: (to, one, two), 0b0100011: (one, two), 0b1100011: (one, two), 0b0110111: (to,), 0b0010111: (to,),
        0b1101111: (to,), 0b0001111: (),
    }.get(operation, (to, one))  # fmt: skip
    if operation == 0b1110011 and word >> 14 & 1:
        registers = (to,)  # csr and a number
    if max(registers, default=0) > 15 and needs == BASE:
        needs = WHOLE
    if operation == 0b0110011 and word >> 25 == 1:
        kind, needs = Kind.DIVIDE if word >> 14 & 1 else Kind.MULTIPLY, MULTIPLIER
    elif operation == 0b0110011 and word >> 25 not in (0, 0b0100000):
        needs = OTHER
    if kind is Kind.BRANCH and to == 1:
        kind = Kind.CALL
    moves = operation == 0b0010011 and word >> 12 & 7 == 0 and to == one == SP
    stack = -_signed(word >> 20, 12) if moves else 0
    writes = 0 if kind in _NO_TARGET or to == 0 else 1 << to
    made_of = 1 << one if kind in (Kind.LOAD, Kind.STORE) else 0
    return Instruction(address, 4, kind, 0, stack, needs, writes, made_of)


def _compressed(address: int, word: int) -> Instruction:
    quadrant, function, full, short = word & 3, word >> 13, word >> 7 & 31, 8 + (word >> 2 & 7)

    def made(
        kind: Kind, writes: int = 0, made_of: int = 0, stack: int = 0, registers: tuple[int, ...] = ()
    ) -> Instruction:
        needs = WHOLE if max((*registers, writes), default=0) > 15 else BASE
        return Instruction(address, 2, kind, 0, stack, needs, 1 << writes if writes else 0, made_of)

    unknown = Instruction(address, 2, Kind.ALU, needs=OTHER)
    match quadrant, function:
        case 0, 0:
            return made(Kind.ALU, short) if word else made(Kind.SYSTEM)  # c.addi4spn; 0 traps, or is between functions
        case 0, 2:
            return made(Kind.LOAD, short, 1 << 8 + (word >> 7 & 7))
        case 0, 6:
            return made(Kind.STORE, made_of=1 << 8 + (word >> 7 & 7))
        case 1, 0:  # c.addi
            number = _signed(word >> 7 & 32 | word >> 2 & 31, 6)
            return made(Kind.ALU, full, stack=-number if full == SP else 0)
        case 1, 1:
            return made(Kind.CALL, 1)
        case 1, 3 if full == SP:  # c.addi16sp
            bits = word >> 3 & 0x200 | word << 4 & 0x180 | word << 1 & 0x40 | word << 3 & 0x20 | word >> 2 & 0x10
            return made(Kind.ALU, SP, stack=-_signed(bits, 10))
        case 1, (2 | 3):
            return made(Kind.ALU, full)
        case 1, 4:
            return made(Kind.ALU, 8 + (word >> 7 & 7))
        case 1, 5:
            return made(Kind.BRANCH)
        case 1, (6 | 7):
            return made(Kind.CONDITIONAL)
        case 2, 0:
            return made(Kind.ALU, full)
        case 2, 2:
            return made(Kind.LOAD, full, 1 << SP)
        case 2, 4:
            second = word >> 2 & 31
            if second:  # c.mv, c.add
                return made(Kind.ALU, full, registers=(second,))
            if not full:
                return made(Kind.SYSTEM)  # c.ebreak
            return made(Kind.JUMP, 1 if word >> 12 & 1 else 0, registers=(full,))
        case 2, 6:
            return made(Kind.STORE, made_of=1 << SP, registers=(word >> 2 & 31,))
    return unknown


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 & 1 else value
