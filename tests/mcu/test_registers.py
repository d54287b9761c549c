"""The registers an instruction writes are those that an emulated core changes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from microbotnet.mcu.registers import SP, addressed, written
from microbotnet.mcu.thumb import Kind, decode

unicorn = pytest.importorskip("unicorn", reason="unicorn of the extra mcu is not installed")
from unicorn import arm_const  # noqa: E402

CODE, DATA, BYTES = 0x1000, 0x2000_0000, 0x4000
REGISTERS = [*range(13), 13]
COMPUTES = (Kind.ALU, Kind.MULTIPLY, Kind.LOAD)


@pytest.fixture(scope="module")
def core() -> Any:
    made = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    made.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
    made.mem_map(CODE, 0x1000)
    made.mem_map(DATA, BYTES)
    made.mem_write(DATA, np.random.default_rng(0).bytes(BYTES))
    return made


def register(number: int) -> int:
    return int(arm_const.UC_ARM_REG_SP if number == 13 else getattr(arm_const, f"UC_ARM_REG_R{number}"))


def changed(core: Any, words: list[int], seeds: range) -> int:
    """The registers that differ after it, from any of several beginnings; -1 where it cannot be run alone."""
    code = b"".join(word.to_bytes(2, "little") for word in words)
    found = 0
    for seed in seeds:
        core.mem_write(CODE, code + b"\x00\xbf" * 4)
        before = (DATA + BYTES // 2 + 4 * np.random.default_rng(seed).integers(-200, 200, len(REGISTERS))).tolist()
        for number, value in zip(REGISTERS, before, strict=True):
            core.reg_write(register(number), value)
        try:
            core.emu_start(CODE | 1, CODE + len(code), count=1)
        except unicorn.UcError:
            return -1
        for number, value in zip(REGISTERS, before, strict=True):
            found |= (core.reg_read(register(number)) != value) << number
    return found


def samples() -> Iterator[list[int]]:
    rng = np.random.default_rng(1)
    for word in rng.integers(0, 0xC000, 500).tolist():
        yield [word]
    for _ in range(250):  # data processing of registers and of constants, multiplications
        low = int(rng.integers(0, 8)) << 8 | int(rng.integers(0, 13))
        yield [0xEA00 | int(rng.choice([0x00, 0x40, 0x80])) | int(rng.integers(0, 8)), low]
        yield [0xF200 | int(rng.choice([0x00, 0x40])) | int(rng.integers(0, 8)), low]
        yield [0xFB00 | int(rng.integers(0, 8)), 0xF000 | int(rng.integers(0, 8)) << 8 | int(rng.integers(0, 8))]


def test_what_changes_is_what_is_written(core: Any) -> None:
    compared = 0
    for words in samples():
        (found,) = decode(b"".join(word.to_bytes(2, "little") for word in words))
        if found.kind not in COMPUTES or found.writes & SP:
            continue
        seen = changed(core, words, range(3))
        if seen >= 0:
            assert seen & ~found.writes == 0, [f"{word:#06x}" for word in words]
            compared += seen == found.writes
    assert compared > 500


def test_by_hand() -> None:
    assert written(0xB084) == SP  # sub sp, #16
    assert written(0x4580) == written(0x4291) == written(0x4208) == written(0x2905) == 0  # cmp, cmp, tst, cmp
    assert written(0x4680) == 1 << 8  # mov r8, r0
    assert written(0xFBA2, 0x0103) == 0b11  # umull r0, r1, r2, r3
    assert written(0xFB91, 0xF0F2) == 0b1  # sdiv r0, r1, r2
    assert written(0x6048) == written(0xF8C1, 0x0004) == 0  # stores
    assert addressed(0x5888) == 0b110  # ldr r0, [r1, r2]
    assert addressed(0x9801) == SP
    assert addressed(0xF851, 0x0002) == 0b110  # ldr.w r0, [r1, r2]
    assert addressed(0xF8D1, 0x0004) == 0b010  # ldr.w r0, [r1, #4]
    assert addressed(0x1888) == 0  # adds r0, r1, r2
