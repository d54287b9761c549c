"""An image for a board: the network's C, a start-up and a linker script, compiled, measured and held against the board.

The linker is told of memories without end, so that an image too large is measured too, and refused here by its bytes.
"""

import io
import re
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from typing import Any

from elftools.elf.elffile import ELFFile

from ..errors import BadInput, Failed
from . import riscv, thumb
from .board import Board, Memory
from .cores import CORES
from .instruction import Instruction
from .toolchain import Toolchain

NAME = "net"  # with which the network's files and symbols begin
FAR = 2**30  # bytes from code to data, where the board has them closer and the image is too large
STACK_BYTES = 512  # at least so much must be left for the stack; what it really takes is measured
START = "start"  # owner of what is no layer's: vectors, reset, the loop, net_run
CAMERA = "camera"  # owner of what turns a frame into the picture
SHARED = "shared"  # owner of functions and constants that several layers use
_LOOP = (
    "vectors", "image_start", "main", "Reset_Handler", "Fault_Handler", "await_picture", "await_row", "take_scores",
    "take_decision", f"{NAME}_run", f"{NAME}_vote",
)  # fmt: skip


@dataclass(frozen=True)
class Symbol:
    """A function or an object of the image. region: "code", "constants" or "ram"."""

    name: str
    address: int
    size: int
    region: str

    @property
    def owner(self) -> int | str:
        """The layer's index, CAMERA, START or SHARED. The C names what belongs to layer i net_op<i>… ."""
        found = re.match(rf"{NAME}_op(\d+)(?!\d)", self.name)
        if found:
            return int(found[1])
        if self.name.startswith(f"{NAME}_camera_") or self.name in ("camera", "row"):
            return CAMERA
        return START if self.name in _LOOP else SHARED


@dataclass(frozen=True)
class Image:
    """A linked image and what is in it.

    elf: the file. board: what it was linked for. toolchain: by what.
    """

    elf: bytes
    board: Board
    toolchain: str

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """Functions and objects that have bytes, by address."""
        found = {}
        for name, value, size, kind, section in self._symbols:
            if kind in (OBJECT, FUNCTION) and size and section in REGIONS:
                address = value & ~1 if kind == FUNCTION else value
                found[address] = Symbol(name, address, size, "code" if kind == FUNCTION else REGIONS[section])
        return tuple(found[address] for address in sorted(found))

    @cached_property
    def addresses(self) -> dict[str, int]:
        """Every global symbol's value by its name, linker symbols included."""
        return {name: value & ~1 for name, value, *_ in self._symbols if name}

    @property
    def entry(self) -> int:
        """Where it begins; of Thumb code with the lowest bit set, as in its vectors."""
        return self.addresses["image_start"] if CORES[self.board.core].riscv else self.addresses["Reset_Handler"] | 1

    @cached_property
    def sections(self) -> dict[str, int]:
        """Bytes of vectors, text, rodata, data and bss."""
        found = {section.name: section["sh_size"] for section in self._parsed.iter_sections()}
        return {name: found.get(name, 0) for name in REGIONS}

    @property
    def code_bytes(self) -> int:
        """Instructions, the constants between them, and the vectors."""
        return self.sections[".vectors"] + self.sections[".text"]

    @property
    def constant_bytes(self) -> int:
        """Weights and tables; initial values of variables."""
        return self.sections[".rodata"] + self.sections[".data"]

    @property
    def ram_bytes(self) -> int:
        """Arena (the picture is in it), scores and variables, without the stack."""
        return self.sections[".data"] + self.sections[".bss"]

    @property
    def beyond_bytes(self) -> int:
        """What lies in the board's second memory: the rest of the arena."""
        return self.sections[".beyond"]

    @cached_property
    def raw(self) -> bytes:
        """What the code memory holds, from its first byte on."""
        return b"".join(content for _, content in self.loaded)

    @cached_property
    def loaded(self) -> tuple[tuple[int, bytes], ...]:
        """What is put into memory before reset: pieces without gaps, with their addresses in the code memory."""
        found: list[tuple[int, bytes]] = []
        at = self.board.code.address
        for segment in sorted(self._parsed.iter_segments("PT_LOAD"), key=lambda s: s["p_paddr"]):
            if segment["p_filesz"]:
                found.append((at, bytes(segment["p_paddr"] - at) + segment.data()))
                at = segment["p_paddr"] + segment["p_filesz"]
        return tuple(found)

    def weigh(self) -> dict[int | str, Counter[str]]:
        """Bytes of code, constants and RAM by owner; what lies between symbols (alignment) is SHARED."""
        found: dict[int | str, Counter[str]] = {}
        for symbol in self.symbols:
            found.setdefault(symbol.owner, Counter())[symbol.region] += symbol.size
        for region, total in (
            ("code", self.code_bytes),
            ("constants", self.constant_bytes),
            ("ram", self.ram_bytes + self.beyond_bytes),
        ):
            rest = total - sum(count[region] for count in found.values())
            found.setdefault(SHARED, Counter())[region] += rest
        return found

    def instructions(self) -> list[Instruction]:
        """Every instruction of the image, the data between them left out."""
        text: Any = self._parsed.get_section_by_name(".text")
        marks = {
            value: name[:2]
            for name, value, _, _, section in self._symbols
            if section == ".text" and name[:2] in ("$t", "$x", "$d")
        }
        start, content = text["sh_addr"], text.data()
        ends = [*sorted(marks)[1:], start + len(content)]
        found: list[Instruction] = []
        for at, end in zip(sorted(marks), ends, strict=True):
            if marks[at] != "$d":
                decoder = riscv if marks[at] == "$x" else thumb
                found += decoder.decode(content[at - start : end - start], at)
        return found

    def words(self) -> set[int]:
        """Every aligned word behind the vectors, whatever it is."""
        begin = -(-self.sections[".vectors"] // 4) * 4
        return set(memoryview(self.raw[begin : len(self.raw) // 4 * 4]).cast("I"))

    def word(self, instruction: Instruction) -> int:
        """Its bits; of two halfwords of Thumb the first is the upper."""
        at = instruction.address - self.board.code.address
        content = self.raw[at : at + instruction.size]
        if instruction.size == 4 and not CORES[self.board.core].riscv:
            content = content[2:] + content[:2]
        return int.from_bytes(content, "little")

    @cached_property
    def _parsed(self) -> ELFFile:
        return ELFFile(io.BytesIO(self.elf))

    @cached_property
    def _symbols(self) -> list[tuple[str, int, int, int, str]]:
        """Entries of the symbol table: name, value, size, type and the section's name. Read here, since an image has a
        thousand, and the library takes its time for each.
        """
        elf = self._parsed
        sections = dict(enumerate(section.name for section in elf.iter_sections()))
        table: Any = elf.get_section_by_name(".symtab")
        names = elf.get_section(table["sh_link"]).data()
        return [
            (names[at : names.index(0, at)].decode(), value, size, info & 15, sections.get(section, ""))
            for at, value, size, info, _, section in struct.iter_unpack("<IIIBBH", table.data())
        ]


OBJECT, FUNCTION = 1, 2  # types of symbols
REGIONS = {".vectors": "code", ".text": "code", ".rodata": "constants", ".data": "ram", ".bss": "ram", ".beyond": "ram"}


def build(
    sources: Mapping[str, str], board: Board, toolchain: Toolchain, *, prefer: str = "speed", semihosting: bool = False
) -> Image:
    """Compile and link.

    Args:
        sources: the network's C by file name: net.h and what it needs, net_vote.h and .c if the last pictures vote;
            no main.
        board: for what. toolchain: with what. prefer: "speed" or "size".
        semihosting: pictures and scores are files of the machine on which QEMU runs.

    Raises:
        Failed: it does not compile, or has instructions that the core lacks.
    """
    runtime = ["start.c", "memory.c", *(["semihosting.c"] if semihosting else [])]
    runtime += ["camera.c"] if f"{NAME}_camera.c" in sources else []
    runtime += ["vote.c"] if f"{NAME}_vote.c" in sources else []
    own = {name: (files(__package__) / "runtime" / name).read_text("utf-8") for name in runtime}

    def linked(data: Memory) -> bytes:
        return toolchain.link({**sources, **own, "board.ld": script(board, data)}, board.core, prefer)

    try:
        elf = linked(board.data)
    except Failed as error:
        if "overlap" not in str(error):
            raise
        elf = linked(replace(board.data, address=(board.code.address + FAR) % 2**32))  # too large: to be measured
    image = Image(elf, board, toolchain.name)
    check_instructions(image)
    return image


def check_instructions(image: Image) -> None:
    """Raises Failed: the image has an instruction that its board's core lacks, even if the emulator would run it."""
    has = CORES[image.board.core].has
    for instruction in image.instructions():
        if instruction.needs not in has:
            what = f"an instruction of {instruction.needs} at {instruction.address:#x}"
            raise Failed(f"{image.toolchain} made {what}, which a {image.board.core} lacks")


def fits(image: Image, code_bytes: int) -> bool:
    """Whether so many bytes of its board's code memory hold it, and the data memory its variables and a stack."""
    return len(image.raw) <= code_bytes and fits_in_ram(image)


def fits_in_ram(image: Image) -> bool:
    """Whether its board's data memory holds its variables, and a stack."""
    return image.ram_bytes + STACK_BYTES <= image.board.data.bytes


def check_fit(
    image: Image,
    layers: Mapping[int, str],
    forms: Sequence[str] = (),
    alive: Sequence[int] = (),
    stack: int = STACK_BYTES,
    code_bytes: int | None = None,
) -> None:
    """Hold the image against its board's memories.

    Args:
        layers: names of the operators by index. forms: what computes each. alive: bytes of the arena while each runs.
        stack: bytes that it must be left. code_bytes: of the code memory that it may use; None: all.

    Raises:
        BadInput: it does not fit; by how much, and which layers weigh most.
    """
    board = image.board
    used, there = len(image.raw), board.code.bytes if code_bytes is None else code_bytes
    short, weights = [], image.weigh()
    if used > there:
        heavy = sorted(
            ((count["code"] + count["constants"], owner) for owner, count in weights.items() if owner in layers),
            reverse=True,
        )
        by = {index: f" by {form}" for index, form in enumerate(forms)}
        most = [(layers[owner], size, by.get(owner, "")) for size, owner in heavy[:3] if isinstance(owner, int)]
        names = ", ".join(f"{name} ({size:,} bytes{form})" for name, size, form in most)
        short.append(_short(used, there, "code and constants", names))
    needed = image.ram_bytes + stack
    if needed > board.data.bytes:
        what = f"{image.ram_bytes:,} of variables and arena, {stack} at least of stack"
        if alive:
            fullest = max(range(len(alive)), key=alive.__getitem__)
            what += f"; of the arena {layers[fullest]} needs {alive[fullest]:,}"
            what += f", by {forms[fullest]}" if forms else ""
        short.append(_short(needed, board.data.bytes, "RAM", what))
    if short:
        raise BadInput(f"does not fit {board.name}: {'; and '.join(short)}")


def _short(needed: int, there: int, what: str, most: str) -> str:
    return f"needs {needed:,} of {there:,} bytes for {what}, over by {needed - there:,}; what weighs most: {most}"


def script(board: Board, data: Memory) -> str:
    """The linker script: code from the first byte of the code memory, variables likewise, the stack from the top.

    The segments are said, since a linker that makes its own puts the file's header before a code memory that begins
    within a page.
    """
    beyond = board.beyond
    placed = f"    .beyond {beyond.address:#x} (NOLOAD) : {{ *(.beyond) }} :beyond\n" if beyond else ""
    return f"""\
ENTRY({"image_start" if CORES[board.core].riscv else "Reset_Handler"})
PHDRS {{ code PT_LOAD; variables PT_LOAD; {"beyond PT_LOAD; " if beyond else ""}}}
SECTIONS
{{
    . = {board.code.address:#x};
    .vectors : {{ KEEP(*(.vectors)) . = ALIGN(4); }} :code
    .text : {{ *(.text .text.*) . = ALIGN(4); }}
    .rodata : {{ *(.rodata .rodata.*) . = ALIGN(4); }}
    image_data_load = .;
    . = {data.address:#x};
    .data : AT(image_data_load)
    {{
        image_data_start = .;
        *(.data .data.*)
        . = ALIGN(4);
        image_data_end = .;
    }} :variables
    .bss (NOLOAD) :
    {{
        . = ALIGN(4);
        image_bss_start = .;
        *(.bss .bss.* COMMON)
        . = ALIGN(4);
        image_bss_end = .;
    }}
{placed}\
    image_stack_top = {data.end:#x};
    /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .eh_frame*) }}
}}
"""
