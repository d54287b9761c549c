"""RISC-V instructions written by hand from the manual's tables."""

import pytest

from microbotnet.mcu.board import load_board
from microbotnet.mcu.cycles import block_cycles
from microbotnet.mcu.instruction import Kind
from microbotnet.mcu.riscv import decode

WORDS = {  # word: bytes, kind, bytes of stack, instruction set
    "addi a0, a0, 1": (0x00150513, 4, Kind.ALU, 0, "rv32e"),
    "addi sp, sp, -32": (0xFE010113, 4, Kind.ALU, 32, "rv32e"),
    "addi sp, sp, 16": (0x01010113, 4, Kind.ALU, -16, "rv32e"),
    "add a0, a1, s2": (0x01258533, 4, Kind.ALU, 0, "rv32i"),
    "mul a0, a1, a2": (0x02C58533, 4, Kind.MULTIPLY, 0, "m"),
    "divu a0, a1, a2": (0x02C5D533, 4, Kind.DIVIDE, 0, "m"),
    "lw a0, 4(sp)": (0x00412503, 4, Kind.LOAD, 0, "rv32e"),
    "sw a0, 4(sp)": (0x00A12223, 4, Kind.STORE, 0, "rv32e"),
    "beq a0, a1, .": (0x00B50063, 4, Kind.CONDITIONAL, 0, "rv32e"),
    "jal ra, .": (0x000000EF, 4, Kind.CALL, 0, "rv32e"),
    "j .": (0x0000006F, 4, Kind.BRANCH, 0, "rv32e"),
    "jalr ra, 0(a0)": (0x000500E7, 4, Kind.JUMP, 0, "rv32e"),
    "csrw mtvec, t0": (0x30529073, 4, Kind.SYSTEM, 0, "rv32e"),
    "fadd.s fa0, fa1, fa2": (0x00C5F553, 4, Kind.ALU, 0, "another"),
    "c.addi a0, 1": (0x0505, 2, Kind.ALU, 0, "rv32e"),
    "c.addi sp, -16": (0x1141, 2, Kind.ALU, 16, "rv32e"),
    "c.addi16sp -64": (0x7139, 2, Kind.ALU, 64, "rv32e"),
    "c.li s4, 1": (0x4A05, 2, Kind.ALU, 0, "rv32i"),
    "c.lw a0, 0(a1)": (0x4188, 2, Kind.LOAD, 0, "rv32e"),
    "c.lwsp s2, 8(sp)": (0x4922, 2, Kind.LOAD, 0, "rv32i"),
    "c.swsp s2, 8(sp)": (0xC44A, 2, Kind.STORE, 0, "rv32i"),
    "c.sw a0, 0(a1)": (0xC188, 2, Kind.STORE, 0, "rv32e"),
    "c.mv a0, a1": (0x852E, 2, Kind.ALU, 0, "rv32e"),
    "c.jr ra": (0x8082, 2, Kind.JUMP, 0, "rv32e"),
    "c.ebreak": (0x9002, 2, Kind.SYSTEM, 0, "rv32e"),
    "c.beqz a0, .": (0xC101, 2, Kind.CONDITIONAL, 0, "rv32e"),
    "c.j .": (0xA001, 2, Kind.BRANCH, 0, "rv32e"),
    "c.jal .": (0x2001, 2, Kind.CALL, 0, "rv32e"),
}


@pytest.mark.parametrize("text", WORDS)
def test_an_instruction(text: str) -> None:
    word, *expected = WORDS[text]
    (found,) = decode(word.to_bytes(4 if word & 3 == 3 else 2, "little"), 0x100)
    assert [found.size, found.kind, found.stack, found.needs] == expected
    assert found.address == 0x100


def test_cycles_are_those_of_a_short_pipeline() -> None:
    loop = b"".join(WORDS[text][0].to_bytes(4, "little") for text in ("lw a0, 4(sp)", "mul a0, a1, a2"))
    assert block_cycles(list(decode(loop)), load_board("esp32-c3")) == (3, 0)
    assert block_cycles(list(decode((0xC101).to_bytes(2, "little"))), load_board("esp32-c3")) == (1, 2)
