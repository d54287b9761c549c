"""An image as a file: ELF, raw bytes, Intel HEX or UF2; boards with a boot loader take these two by drag and drop."""

import struct
from pathlib import Path

from ..atomic import write_atomically
from ..errors import BadInput
from .image import Image
from .second_stage import second_stage

SUFFIXES = (".elf", ".bin", ".hex", ".uf2")
_START0, _START1, _END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_HAS_FAMILY = 0x2000
_PAYLOAD = 256


def check_suffix(path: Path) -> None:
    """Raises BadInput: the name ends in none of `SUFFIXES`."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{path}: an image is written as {', '.join(SUFFIXES)}; give a name that ends in one of them")


def write_image(image: Image, path: Path | str) -> None:
    """Write a firmware's image to a file, whole or not at all, to be flashed.

    Args:
        image: `Firmware.image`, of `make_firmware`.
        path: .elf for a debugger; .bin, the bytes of the code memory from its first on; .hex, Intel HEX, and .uf2,
            which boards that show up as a drive take by drag and drop. These three begin with the second stage of the
            boot, where a board has one.

    Raises:
        BadInput: another suffix. Failed: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    check_suffix(path)
    address, raw = flashed(image)
    match path.suffix.lower():
        case ".elf":
            content = image.elf
        case ".bin":
            content = raw
        case ".uf2":
            if image.board.uf2_family is None:
                raise BadInput(f"{path}: board {image.board.name} names no uf2_family; write a .hex or .bin instead")
            content = uf2(raw, address, image.board.uf2_family)
        case _:
            content = intel_hex(raw, address, image.entry).encode()
    write_atomically(path, content)


def flashed(image: Image) -> tuple[int, bytes]:
    """What is put into the code memory, and where it begins.

    A second stage lies in front of it, and what is between them is filled: an RP2040's ROM loses blocks of a .uf2 that
    leaves a sector half full before the last (its datasheet's erratum E14).
    """
    board = image.board
    if board.second_stage is None:
        return board.code.address, image.raw
    stage = second_stage(board.code.address)
    return board.second_stage, stage.ljust(board.code.address - board.second_stage, b"\xff") + image.raw


def uf2(content: bytes, address: int, family: int) -> bytes:
    """Blocks of 512 bytes that each carry 256 and say where they belong (github.com/microsoft/uf2)."""
    count = -(-len(content) // _PAYLOAD)
    blocks = []
    for number in range(count):
        part = content[_PAYLOAD * number :][:_PAYLOAD].ljust(_PAYLOAD, b"\0")
        head = (_START0, _START1, _HAS_FAMILY, address + _PAYLOAD * number, _PAYLOAD, number, count, family)
        blocks.append(struct.pack("<8I476sI", *head, part, _END))
    return b"".join(blocks)


def intel_hex(content: bytes, address: int, entry: int) -> str:
    """Records of 16 bytes, an extended linear address (type 04) before each 64 kB, and where to begin (type 05)."""
    lines, upper = [], 0
    for at in range(0, len(content), 16):
        start = address + at
        if start >> 16 != upper:
            upper = start >> 16
            lines.append(_record(0, 4, upper.to_bytes(2, "big")))
        lines.append(_record(start & 0xFFFF, 0, content[at : at + 16]))
    return "\n".join([*lines, _record(0, 5, entry.to_bytes(4, "big")), _record(0, 1, b"")]) + "\n"


def _record(address: int, kind: int, content: bytes) -> str:
    head = bytes([len(content), address >> 8, address & 0xFF, kind]) + content
    return ":" + (head + bytes([-sum(head) & 0xFF])).hex().upper()
