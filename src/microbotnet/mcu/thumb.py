"""Thumb instructions, told apart as far as counting needs: length, kind, what they do to the stack pointer.

Encodings: Armv6-M Architecture Reference Manual (DDI 0419), A5; Armv7-M (DDI 0403), A5.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache

from .instruction import Instruction, Kind
from .registers import addressed, written

KNOWN = 2**16  # words whose meaning is kept
WIDE = 0b11101 << 11  # from this first halfword on another follows
V6, BASE, V7, DSP, FLOAT = "armv6-m", "armv8-m.base", "armv7-m", "dsp", "float"


def decode(code: bytes, address: int = 0) -> Iterator[Instruction]:
    """The instructions of `code`, whose first byte is at `address`; literal pools must not be in it."""
    halves = struct.unpack_from(f"<{len(code) // 2}H", code)
    at = 0
    while at < len(halves):
        first = halves[at]
        if first >= WIDE:
            second = halves[at + 1] if at + 1 < len(halves) else 0
            yield Instruction(address + 2 * at, *_known_wide(first, second)[1:])
            at += 2
        else:
            yield Instruction(address + 2 * at, *_known_narrow(first)[1:])
            at += 1


@lru_cache(KNOWN)
def _known_narrow(word: int) -> Instruction:
    return _narrow(0, word)._replace(writes=written(word), made_of=addressed(word))


@lru_cache(KNOWN)
def _known_wide(first: int, second: int) -> Instruction:
    return _wide(0, first, second)._replace(writes=written(first, second), made_of=addressed(first, second))


def _narrow(address: int, word: int) -> Instruction:
    def made(kind: Kind, registers: int = 0, stack: int = 0, needs: str = V6) -> Instruction:
        return Instruction(address, 2, kind, registers, stack, needs)

    top = word >> 12
    if top < 0b0100:
        return made(Kind.ALU)
    if word >> 10 == 0b010000:
        return made(Kind.MULTIPLY if word >> 6 & 15 == 0b1101 else Kind.ALU)
    if word >> 10 == 0b010001:
        if word >> 8 & 3 == 3:
            return made(Kind.JUMP)
        writes_pc = word >> 8 & 3 != 1 and (word >> 4 & 8 | word & 7) == 15
        return made(Kind.JUMP if writes_pc else Kind.ALU)
    if word >> 11 == 0b01001:
        return made(Kind.LOAD)
    if top == 0b0101:
        return made(Kind.LOAD if word >> 9 & 7 >= 3 else Kind.STORE)
    if top in (0b0110, 0b0111, 0b1000, 0b1001):
        return made(Kind.LOAD if word >> 11 & 1 else Kind.STORE)
    if top == 0b1010:
        return made(Kind.ALU)
    if top == 0b1011:
        return _miscellaneous(address, word)
    if top == 0b1100:
        return made(Kind.MULTIPLE, (word & 0xFF).bit_count())
    if top == 0b1101:
        if word >> 8 & 15 >= 14:
            return made(Kind.SYSTEM)  # udf, svc
        return made(Kind.CONDITIONAL)
    return made(Kind.BRANCH)


def _miscellaneous(address: int, word: int) -> Instruction:
    def made(kind: Kind, registers: int = 0, stack: int = 0, needs: str = V6) -> Instruction:
        return Instruction(address, 2, kind, registers, stack, needs)

    registers = (word & 0xFF).bit_count() + (word >> 8 & 1)
    if word >> 8 == 0b10110000:
        size = (word & 0x7F) * 4
        return made(Kind.ALU, stack=size if word & 0x80 else -size)
    if word >> 9 == 0b1011010:
        return made(Kind.MULTIPLE, registers, 4 * registers)
    if word >> 9 == 0b1011110:
        return made(Kind.RETURN if word & 0x100 else Kind.MULTIPLE, registers, -4 * registers)
    if word >> 8 & 0b0101 == 0b0001:
        return made(Kind.CONDITIONAL, needs=BASE)  # cbz, cbnz
    if word >> 8 == 0b10111111 and word & 15:
        return made(Kind.ALU, needs=V7)  # it
    if word >> 5 == 0b10110110011:
        return made(Kind.ALU)  # cps
    return made(Kind.ALU)


def _wide(address: int, first: int, second: int) -> Instruction:
    def made(kind: Kind, registers: int = 0, stack: int = 0, needs: str = V7) -> Instruction:
        return Instruction(address, 4, kind, registers, stack, needs)

    if first >> 11 == 0b11110 and second >> 15:
        return _control(address, first, second)
    if first >> 9 == 0b1110100:
        if first & 0x40:  # ldrd, strd, ldrex, tbb
            if first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000:
                return made(Kind.JUMP)
            if first & 0xFFE0 == 0xE840 or first & 0xFFE0 == 0xE8C0:  # exclusives
                return made(Kind.LOAD if first & 0x10 else Kind.STORE, needs=BASE)
            return made(Kind.MULTIPLE, 2, 4 * (second & 0xFF) if first & 0xFF == 0x6D else 0)
        count = second.bit_count()
        if first == 0xE92D:
            return made(Kind.MULTIPLE, count, 4 * count)
        back = -4 * count if first == 0xE8BD else 0
        return made(Kind.RETURN if first & 0x10 and second & 0x8000 else Kind.MULTIPLE, count, back)
    if first >> 9 == 0b1111100:
        load = bool(first & 0x10)
        pushed = (second & 0xFF) if first & 0xFFEF == 0xF84D and second & 0xF00 == 0xD00 else 0
        return made(Kind.LOAD if load else Kind.STORE, stack=pushed)
    if first >> 8 == 0b11111011:
        divides = first & 0xFFD0 == 0xFB90 and second >> 4 & 15 == 15
        return made(Kind.DIVIDE, needs=BASE) if divides else made(Kind.MULTIPLY, needs=_multiplies(first, second))
    if first & 0xEC00 == 0xEC00:
        return made(Kind.ALU, needs=FLOAT)
    if _in_lanes(first, second):
        return made(Kind.ALU, needs=DSP)
    if first & 0xFB70 == 0xF240:  # movw, movt
        return made(Kind.ALU, needs=BASE)
    if first & 0xFBEF == 0xF1AD and second & 0x0F00 == 0x0D00:  # sub sp, sp, #constant
        return made(Kind.ALU, stack=_constant(first >> 10 & 1, second >> 12 & 7, second & 0xFF))
    if first & 0xFBFF == 0xF2AD and second & 0x0F00 == 0x0D00:
        return made(Kind.ALU, stack=(first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF)
    return made(Kind.ALU)


def _multiplies(first: int, second: int) -> str:
    """The instruction set of a multiplication; mul, mla, mls and those to 64 bits are not of the DSP extension."""
    operation, variant = first >> 4 & 7, second >> 4 & 15
    if first & 0x80:
        return V7 if variant == 0 and operation in (0, 2, 4, 6) else DSP
    return V7 if operation == 0 and variant in (0, 1) else DSP


def _in_lanes(first: int, second: int) -> bool:
    """Whether it is one of the DSP extension's that do not multiply."""
    if first >> 8 == 0b11111010:
        operation, variant = first >> 4 & 15, second >> 4 & 15
        if variant >= 8 and operation < 8:  # sxtb and its like; those that add, or extend two bytes
            return first & 15 != 15 or operation in (2, 3)
        if variant < 8:
            return operation >= 8
        return operation not in (0b1001, 0b1011)  # rev, rbit, clz
    halves = first & 0xFFE0 == 0xEAC0  # pkhbt, pkhtb
    return halves or (first & 0xFB70 == 0xF320 and second & 0xF0E0 == 0)  # ssat16, usat16


def _control(address: int, first: int, second: int) -> Instruction:
    """Branches and system instructions of 4 bytes."""
    if second & 0x5000 == 0x5000:
        return Instruction(address, 4, Kind.CALL)
    if second & 0x5000 == 0x1000:
        return Instruction(address, 4, Kind.BRANCH, needs=BASE)
    if first >> 6 & 0b1110 != 0b1110:
        return Instruction(address, 4, Kind.CONDITIONAL, needs=V7)
    barrier = first == 0xF3BF and second & 0xFFF0 in (0x8F40, 0x8F50, 0x8F60)
    register = (first & 0xFFE0 == 0xF380 or first == 0xF3EF) and second & 0xFF not in (17, 18, 19)  # basepri, faultmask
    return Instruction(address, 4, Kind.SYSTEM, needs=V6 if barrier or register or first & 0xFFF0 == 0xF7F0 else V7)


def _constant(i: int, imm3: int, imm8: int) -> int:
    """ThumbExpandImm of the Armv7-M manual, A5.3.2."""
    code = i << 3 | imm3
    if code < 4:
        return (imm8, imm8 * 0x00010001, imm8 * 0x01000100, imm8 * 0x01010101)[code]
    turn = code << 1 | imm8 >> 7
    value = 0x80 | imm8 & 0x7F
    return (value >> turn | value << (32 - turn)) & 0xFFFFFFFF
