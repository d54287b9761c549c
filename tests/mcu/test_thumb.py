"""Encodings written by hand from the Armv6-M manual, and what the assembler of a second toolchain makes of words."""

from dataclasses import replace

import pytest

from microbotnet.mcu.board import load_board
from microbotnet.mcu.cycles import block_cycles
from microbotnet.mcu.instruction import Kind
from microbotnet.mcu.thumb import decode

WORDS = {  # halfwords: kind, registers, bytes of stack, the instruction set
    "movs r0, #1": ([0x2001], Kind.ALU, 0, 0, "armv6-m"),
    "muls r1, r2": ([0x4351], Kind.MULTIPLY, 0, 0, "armv6-m"),
    "ldr r0, [pc, #8]": ([0x4802], Kind.LOAD, 0, 0, "armv6-m"),
    "ldrsb r0, [r1, r2]": ([0x5688], Kind.LOAD, 0, 0, "armv6-m"),
    "strh r0, [r1, r2]": ([0x5288], Kind.STORE, 0, 0, "armv6-m"),
    "strb r0, [r1, #1]": ([0x7048], Kind.STORE, 0, 0, "armv6-m"),
    "ldrh r0, [r1, #2]": ([0x8848], Kind.LOAD, 0, 0, "armv6-m"),
    "ldr r0, [sp, #4]": ([0x9801], Kind.LOAD, 0, 0, "armv6-m"),
    "push {r4-r7, lr}": ([0xB5F0], Kind.MULTIPLE, 5, 20, "armv6-m"),
    "pop {r4-r7}": ([0xBCF0], Kind.MULTIPLE, 4, -16, "armv6-m"),
    "pop {r4-r7, pc}": ([0xBDF0], Kind.RETURN, 5, -20, "armv6-m"),
    "sub sp, #16": ([0xB084], Kind.ALU, 0, 16, "armv6-m"),
    "add sp, #16": ([0xB004], Kind.ALU, 0, -16, "armv6-m"),
    "ldmia r0!, {r1-r3}": ([0xC80E], Kind.MULTIPLE, 3, 0, "armv6-m"),
    "sxtb r0, r1": ([0xB248], Kind.ALU, 0, 0, "armv6-m"),
    "bne": ([0xD1FE], Kind.CONDITIONAL, 0, 0, "armv6-m"),
    "b": ([0xE7FE], Kind.BRANCH, 0, 0, "armv6-m"),
    "bl": ([0xF000, 0xF800], Kind.CALL, 0, 0, "armv6-m"),
    "bx lr": ([0x4770], Kind.JUMP, 0, 0, "armv6-m"),
    "mov pc, r0": ([0x4687], Kind.JUMP, 0, 0, "armv6-m"),
    "mov r8, r0": ([0x4680], Kind.ALU, 0, 0, "armv6-m"),
    "cmp r8, r0": ([0x4580], Kind.ALU, 0, 0, "armv6-m"),
    "dmb": ([0xF3BF, 0x8F5F], Kind.SYSTEM, 0, 0, "armv6-m"),
    "mrs r0, primask": ([0xF3EF, 0x8010], Kind.SYSTEM, 0, 0, "armv6-m"),
    "nop": ([0xBF00], Kind.ALU, 0, 0, "armv6-m"),
    "cbz r0": ([0xB108], Kind.CONDITIONAL, 0, 0, "armv8-m.base"),
    "it eq": ([0xBF08], Kind.ALU, 0, 0, "armv7-m"),
    "sdiv r0, r1, r2": ([0xFB91, 0xF0F2], Kind.DIVIDE, 0, 0, "armv8-m.base"),
    "movw r0, #1": ([0xF240, 0x0001], Kind.ALU, 0, 0, "armv8-m.base"),
    "b.w": ([0xF000, 0xB800], Kind.BRANCH, 0, 0, "armv8-m.base"),
    "bne.w": ([0xF040, 0x8000], Kind.CONDITIONAL, 0, 0, "armv7-m"),
    "push.w {r4-r8, lr}": ([0xE92D, 0x41F0], Kind.MULTIPLE, 6, 24, "armv7-m"),
    "pop.w {r4-r8, pc}": ([0xE8BD, 0x81F0], Kind.RETURN, 6, -24, "armv7-m"),
    "sub.w sp, sp, #256": ([0xF5AD, 0x7D80], Kind.ALU, 0, 256, "armv7-m"),
    "str r0, [sp, #-8]!": ([0xF84D, 0x0D08], Kind.STORE, 0, 8, "armv7-m"),
    "smlad r0, r1, r2, r3": ([0xFB21, 0x3002], Kind.MULTIPLY, 0, 0, "dsp"),
    "ldrd r0, r1, [r2]": ([0xE9D2, 0x0100], Kind.MULTIPLE, 2, 0, "armv7-m"),
    "sxtb16 r0, r1": ([0xFA2F, 0xF081], Kind.ALU, 0, 0, "dsp"),
    "sxtb.w r0, r1": ([0xFA4F, 0xF081], Kind.ALU, 0, 0, "armv7-m"),
    "sadd16 r0, r1, r2": ([0xFA91, 0xF002], Kind.ALU, 0, 0, "dsp"),
    "lsl.w r0, r1, r2": ([0xFA01, 0xF002], Kind.ALU, 0, 0, "armv7-m"),
    "clz r0, r1": ([0xFAB1, 0xF081], Kind.ALU, 0, 0, "armv7-m"),
    "pkhbt r0, r1, r2": ([0xEAC1, 0x0002], Kind.ALU, 0, 0, "dsp"),
    "add.w r0, r1, r2": ([0xEB01, 0x0002], Kind.ALU, 0, 0, "armv7-m"),
    "ssat r0, #8, r1, asr #3": ([0xF321, 0x00C7], Kind.ALU, 0, 0, "armv7-m"),
    "ssat16 r0, #8, r1": ([0xF321, 0x0007], Kind.ALU, 0, 0, "dsp"),
    "mla r0, r1, r2, r3": ([0xFB01, 0x3002], Kind.MULTIPLY, 0, 0, "armv7-m"),
    "smlabb r0, r1, r2, r3": ([0xFB11, 0x3002], Kind.MULTIPLY, 0, 0, "dsp"),
    "smull r0, r1, r2, r3": ([0xFB82, 0x0103], Kind.MULTIPLY, 0, 0, "armv7-m"),
    "smlald r0, r1, r2, r3": ([0xFBC2, 0x01C3], Kind.MULTIPLY, 0, 0, "dsp"),
    "ldrex r0, [r1]": ([0xE851, 0x0F00], Kind.LOAD, 0, 0, "armv8-m.base"),
    "vadd.f32 s0, s1, s2": ([0xEE30, 0x0A81], Kind.ALU, 0, 0, "float"),
}


@pytest.mark.parametrize("text", WORDS)
def test_an_instruction(text: str) -> None:
    words, *expected = WORDS[text]
    (found,) = decode(b"".join(word.to_bytes(2, "little") for word in words), 0x100)
    assert [found.kind, found.registers, found.stack, found.needs] == expected
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


def test_cycles_of_the_cortex_m0plus_manual() -> None:
    for words, cycles in {(0xD1FE,): (1, 1), (0xE7FE,): (2, 0), (0xF000, 0xF800): (3, 0), (0xBDF0,): (8, 0)}.items():
        code = b"".join(word.to_bytes(2, "little") for word in words)
        assert block_cycles(list(decode(code)), load_board("rp2040")) == cycles


def test_a_core_without_published_timings_has_no_cycles() -> None:
    board = replace(load_board("microbit-v2"), core="cortex-m7")
    assert block_cycles(list(decode((0x4351).to_bytes(2, "little"))), board) == (0, 0)
