"""Encodings written by hand from the Armv6-M manual, and what the assembler of a second toolchain makes of words."""

import pytest

from microbotnet.mcu.board import load_board
from microbotnet.mcu.cycles import block_cycles
from microbotnet.mcu.thumb import Kind, decode

WORDS = {  # halfwords: kind, registers, bytes of stack, whether a Cortex-M0 has it
    "movs r0, #1": ([0x2001], Kind.ALU, 0, 0, True),
    "muls r1, r2": ([0x4351], Kind.MULTIPLY, 0, 0, True),
    "ldr r0, [pc, #8]": ([0x4802], Kind.LOAD, 0, 0, True),
    "ldrsb r0, [r1, r2]": ([0x5688], Kind.LOAD, 0, 0, True),
    "strh r0, [r1, r2]": ([0x5288], Kind.STORE, 0, 0, True),
    "strb r0, [r1, #1]": ([0x7048], Kind.STORE, 0, 0, True),
    "ldrh r0, [r1, #2]": ([0x8848], Kind.LOAD, 0, 0, True),
    "ldr r0, [sp, #4]": ([0x9801], Kind.LOAD, 0, 0, True),
    "push {r4-r7, lr}": ([0xB5F0], Kind.MULTIPLE, 5, 20, True),
    "pop {r4-r7}": ([0xBCF0], Kind.MULTIPLE, 4, -16, True),
    "pop {r4-r7, pc}": ([0xBDF0], Kind.RETURN, 5, -20, True),
    "sub sp, #16": ([0xB084], Kind.ALU, 0, 16, True),
    "add sp, #16": ([0xB004], Kind.ALU, 0, -16, True),
    "ldmia r0!, {r1-r3}": ([0xC80E], Kind.MULTIPLE, 3, 0, True),
    "sxtb r0, r1": ([0xB248], Kind.ALU, 0, 0, True),
    "bne": ([0xD1FE], Kind.CONDITIONAL, 0, 0, True),
    "b": ([0xE7FE], Kind.BRANCH, 0, 0, True),
    "bl": ([0xF000, 0xF800], Kind.CALL, 0, 0, True),
    "bx lr": ([0x4770], Kind.JUMP, 0, 0, True),
    "mov pc, r0": ([0x4687], Kind.JUMP, 0, 0, True),
    "mov r8, r0": ([0x4680], Kind.ALU, 0, 0, True),
    "cmp r8, r0": ([0x4580], Kind.ALU, 0, 0, True),
    "dmb": ([0xF3BF, 0x8F5F], Kind.SYSTEM, 0, 0, True),
    "mrs r0, primask": ([0xF3EF, 0x8010], Kind.SYSTEM, 0, 0, True),
    "nop": ([0xBF00], Kind.ALU, 0, 0, True),
    "cbz r0": ([0xB108], Kind.CONDITIONAL, 0, 0, False),
    "it eq": ([0xBF08], Kind.ALU, 0, 0, False),
    "sdiv r0, r1, r2": ([0xFB91, 0xF0F2], Kind.DIVIDE, 0, 0, False),
    "movw r0, #1": ([0xF240, 0x0001], Kind.ALU, 0, 0, False),
    "b.w": ([0xF000, 0xB800], Kind.BRANCH, 0, 0, False),
    "bne.w": ([0xF040, 0x8000], Kind.CONDITIONAL, 0, 0, False),
    "push.w {r4-r8, lr}": ([0xE92D, 0x41F0], Kind.MULTIPLE, 6, 24, False),
    "pop.w {r4-r8, pc}": ([0xE8BD, 0x81F0], Kind.RETURN, 6, -24, False),
    "sub.w sp, sp, #256": ([0xF5AD, 0x7D80], Kind.ALU, 0, 256, False),
    "str r0, [sp, #-8]!": ([0xF84D, 0x0D08], Kind.STORE, 0, 8, False),
    "smlad r0, r1, r2, r3": ([0xFB21, 0x3002], Kind.MULTIPLY, 0, 0, False),
    "ldrd r0, r1, [r2]": ([0xE9D2, 0x0100], Kind.MULTIPLE, 2, 0, False),
}


@pytest.mark.parametrize("text", WORDS)
def test_an_instruction(text: str) -> None:
    words, *expected = WORDS[text]
    (found,) = decode(b"".join(word.to_bytes(2, "little") for word in words), 0x100)
    assert [found.kind, found.count, found.stack, found.armv6m] == expected
    assert (found.address, found.size) == (0x100, 2 * len(words))


def test_cycles_of_the_cortex_m0_manual() -> None:
    board = load_board("microbit")
    costs = {
        "movs r0, #1": (1, 0),
        "ldr r0, [sp, #4]": (2, 0),
        "strb r0, [r1, #1]": (2, 0),
        "muls r1, r2": (1, 0),
        "ldmia r0!, {r1-r3}": (4, 0),
        "push {r4-r7, lr}": (6, 0),
        "pop {r4-r7, pc}": (9, 0),
        "bne": (1, 2),
        "b": (3, 0),
        "bl": (4, 0),
        "bx lr": (3, 0),
        "dmb": (4, 0),
        "mrs r0, primask": (4, 0),
        "mov pc, r0": (3, 0),
        "nop": (1, 0),
    }
    for text, cycles in costs.items():
        code = b"".join(word.to_bytes(2, "little") for word in WORDS[text][0])
        assert block_cycles(list(decode(code)), board) == cycles, text


def test_a_small_multiplier_takes_32_cycles() -> None:
    assert block_cycles(list(decode((0x4351).to_bytes(2, "little"))), load_board("scum")) == (32, 0)


ON_THE_M4 = {  # of the manual's section on load/store timings, and what it says in words
    "ldr r0, [r1]; ldr r1, [r2]": ([0x6808, 0x6811], 3),
    "ldr r0, [r1, r2]; str r0, [r3, #20]": ([0x5888, 0x6158], 3),
    "ldr r0, [r1, r2]; str r1, [r3, r2]": ([0x5888, 0x5099], 3),
    "ldr r0, [r1, r5]; ldr r1, [r2]; ldr r2, [r3, #4]": ([0x5948, 0x6811, 0x685A], 4),
    "str r0, [r3, #20]": ([0x6158], 1),
    "str r1, [r3, r2]": ([0x5099], 2),
    "ldr r1, [r1]; ldr r0, [r1]": ([0x6809, 0x6808], 4),
    "adds r1, r2, r3; ldr r0, [r1]": ([0x18D1, 0x6808], 4),
    "adds r1, r2, r3; ldr r0, [r2]": ([0x18D1, 0x6810], 3),
    "add.w r1, r2, r3; ldr r0, [r1]": ([0xEB02, 0x0103, 0x6808], 4),
    "sub sp, #16; str r0, [sp, #4]": ([0xB084, 0x9001], 3),
    "cmp r1, r2; ldr r0, [r1]": ([0x4291, 0x6808], 3),
    "movw r1, #1; ldr.w r0, [r1, r2]": ([0xF240, 0x0101, 0xF851, 0x0002], 4),
    "tbb [pc, r0]": ([0xE8DF, 0xF000], 4),
    "ldr.w pc, [r0]": ([0xF8D0, 0xF000], 4),
    "pop {r4-r7, pc}": ([0xBDF0], 8),
    "sdiv r0, r1, r2": ([0xFB91, 0xF0F2], 12),
    "umull r0, r1, r2, r3": ([0xFBA2, 0x0103], 1),
    "ldrd r0, r1, [r2]": ([0xE9D2, 0x0100], 3),
    "bl": ([0xF000, 0xF800], 3),
}


@pytest.mark.parametrize("text", ON_THE_M4)
def test_cycles_of_the_cortex_m4_manual(text: str) -> None:
    words, cycles = ON_THE_M4[text]
    block = list(decode(b"".join(word.to_bytes(2, "little") for word in words)))
    assert block_cycles(block, load_board("microbit-v2")) == (cycles, 0)
