"""The second stage of an RP2040's boot: 256 bytes that its ROM copies into RAM and runs, if their checksum is right.

They let code be executed in place in the serial flash, with the one command that all such chips know (03h, read), and
go to where the image's vectors say. Written from the RP2040 datasheet: 2.7.2.3 (what it must do, its checksum), 4.10
(the registers of the SSI), 2.4.8 (VTOR).
"""

import struct

BYTES = 256

_SSI, _VTOR = 0x1800_0000, 0xE000_ED08
_CTRLR0 = 31 << 16 | 3 << 8  # one wire, 32 bits in a frame, a command and then data
_SPI_CTRLR0 = 0x03 << 24 | 2 << 8 | 6 << 2  # the command 03h of 8 bits, then 24 of address
_LITERALS = 44  # where they begin


def second_stage(vectors: int) -> bytes:
    """Its 256 bytes, for an image whose vectors lie at `vectors`, which 256 divides."""
    literals = (_SSI, _CTRLR0, _SPI_CTRLR0, vectors, _VTOR)
    code = b"".join(instruction.to_bytes(2, "little") for instruction in _code(literals))
    held = code.ljust(_LITERALS, b"\0") + struct.pack(f"<{len(literals)}I", *literals)
    held = held.ljust(BYTES - 4, b"\0")
    return held + struct.pack("<I", checksum(held))


def _code(literals: tuple[int, ...]) -> list[int]:
    """Thumb instructions; a load of a literal finds it from its own place."""
    found: list[int] = []

    def load(register: int, value: int) -> None:
        here = 2 * len(found) + 4 & ~3
        found.append(0x4800 | register << 8 | (_LITERALS + 4 * literals.index(value) - here) // 4)

    def move(register: int, value: int) -> None:
        found.append(0x2000 | register << 8 | value)

    def store(offset: int) -> None:  # r1 to the SSI's register
        found.append(0x6001 | offset // 4 << 6)

    load(0, _SSI)
    move(1, 0)
    store(0x08)  # SSIENR: it cannot be set up while it runs
    move(1, 4)
    store(0x14)  # BAUDR: a quarter of the processor's clock
    load(1, _CTRLR0)
    store(0x00)
    move(1, 0)
    store(0x04)  # CTRLR1: one frame at a time
    load(1, _SPI_CTRLR0)
    move(2, 0xF4)
    found.append(0x5081)  # str r1, [r0, r2]
    move(1, 1)
    store(0x10)  # SER: the one chip
    store(0x08)
    load(0, literals[3])
    load(1, _VTOR)
    found.append(0x6008)  # str r0, [r1]
    found.append(0xC806)  # ldmia r0!, {r1, r2}: the stack and the reset handler
    found += [0xF381, 0x8808]  # msr msp, r1
    found.append(0x4710)  # bx r2
    return found


def checksum(content: bytes) -> int:
    """CRC-32 with polynomial 0x04c11db7 from 0xffffffff on, neither reflected nor inverted."""
    found = 0xFFFF_FFFF
    for byte in content:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1 ^ (0x04C1_1DB7 if found >> 31 else 0)) & 0xFFFF_FFFF
    return found
