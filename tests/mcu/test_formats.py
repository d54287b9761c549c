"""Images as files, read back by Microsoft's own converter."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from microbotnet.errors import BadInput
from microbotnet.integer.samples import random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.firmware import Firmware, make_firmware
from microbotnet.mcu.formats import intel_hex, uf2, write_image
from microbotnet.mcu.second_stage import second_stage
from microbotnet.preprocessing import read_picture
from microbotnet.sources import open_program
from microbotnet.weights import DEFAULT

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
uf2conv = pytest.importorskip("adafruit_uf2.uf2conv", reason="adafruit-uf2 is not installed")


@pytest.fixture(scope="module")
def made() -> Firmware:
    return make_firmware(random_program(4, size=(8, 8), operators=2), load_board("feather-m0"))


@pytest.fixture(scope="module")
def pico() -> Firmware:
    return make_firmware(random_program(4, size=(8, 8), operators=1), load_board("rp2040"))


def read_uf2(content: bytes, family: int) -> tuple[int, bytes]:
    """The first address, and the bytes from there on."""
    assert uf2conv.is_uf2(content)
    uf2conv.familyid, uf2conv.appstartaddr = family, 0
    return_value = uf2conv.convert_from_uf2(content)
    return uf2conv.appstartaddr, return_value


def test_uf2_comes_back(made: Firmware, tmp_path: Path) -> None:
    write_image(made.image, tmp_path / "x.uf2")
    content = (tmp_path / "x.uf2").read_bytes()
    assert len(content) % 512 == 0
    address, raw = read_uf2(content, 0x68ED2B88)
    assert address == 0x2000
    assert raw[: len(made.image.raw)] == made.image.raw
    assert set(raw[len(made.image.raw) :]) <= {0}
    _, other = read_uf2(content, 0xE48BFF56)
    assert other == b"", "another family's board takes nothing of it"


@pytest.mark.parametrize("size", [1, 255, 256, 257, 70_000])
def test_any_size_comes_back_from_uf2_and_hex(size: int) -> None:
    content = np.random.default_rng(size).integers(1, 256, size, np.uint8).tobytes()
    for address in (0x2000, 0x0800_0000, 0x1000_1000):
        at, raw = read_uf2(uf2(content, address, 0x12345678), 0x12345678)
        assert (at, raw[:size]) == (address, content)
        text = intel_hex(content, address, address + 1)
        assert uf2conv.is_hex(text.encode())
        uf2conv.familyid = 0x12345678
        at, raw = read_uf2(uf2conv.convert_from_hex_to_uf2(text), 0x12345678)
        assert (at, raw[:size]) == (address, content)


def test_hex_says_where_to_begin(made: Firmware, tmp_path: Path) -> None:
    write_image(made.image, tmp_path / "x.hex")
    records = [line for line in (tmp_path / "x.hex").read_text().splitlines() if line[7:9] == "05"]
    (reset,) = (int(record[9:17], 16) for record in records)
    assert reset == int.from_bytes(made.image.raw[4:8], "little"), "as its vectors say"


def test_a_board_without_a_family_has_no_uf2(tmp_path: Path) -> None:
    made = make_firmware(random_program(4, size=(8, 8), operators=1), load_board("microbit"))
    with pytest.raises(BadInput, match="board microbit names no uf2_family"):
        write_image(made.image, tmp_path / "x.uf2")
    assert list(tmp_path.iterdir()) == []


def reflected(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2)


def crc_32_mpeg_2(content: bytes) -> int:
    """By zlib, whose CRC-32 is the same with all bits the other way round, and inverted at the end."""
    return reflected(zlib.crc32(bytes(reflected(byte, 8) for byte in content)) ^ 0xFFFFFFFF, 32)


@pytest.mark.parametrize("suffix", ["uf2", "hex", "bin"])
def test_an_rp2040s_file_begins_with_a_second_stage(suffix: str, pico: Firmware, tmp_path: Path) -> None:
    assert crc_32_mpeg_2(b"123456789") == 0x0376E6E7  # as catalogues of checksums say
    write_image(pico.image, tmp_path / f"x.{suffix}")
    content = (tmp_path / f"x.{suffix}").read_bytes()
    if suffix == "hex":
        uf2conv.familyid = 0xE48BFF56
        content = uf2conv.convert_from_hex_to_uf2(content.decode())
    address, raw = (0x1000_0000, content) if suffix == "bin" else read_uf2(content, 0xE48BFF56)
    assert address == 0x1000_0000
    assert raw[252:256] == crc_32_mpeg_2(raw[:252]).to_bytes(4, "little")
    assert raw[4096:][: len(pico.image.raw)] == pico.image.raw


def test_the_second_stage_sets_up_the_flash_and_goes_to_the_vectors() -> None:
    """Run where the boot's ROM puts it, against registers that note what they are given."""
    unicorn = pytest.importorskip("unicorn")
    from unicorn import arm_const

    vectors, stack, reset = 0x1000_1000, 0x2004_2000, 0x1000_1235
    core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    core.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M0)
    core.mem_map(0x2004_1000, 4096)
    core.mem_map(vectors, 4096)
    core.mem_map(0xE000_E000, 4096)
    core.mem_write(0x2004_1F00, second_stage(vectors))
    core.mem_write(vectors, struct.pack("<II", stack, reset))
    written: list[tuple[int, int]] = []
    core.mmio_map(
        0x1800_0000, 4096, None, None, lambda core, offset, size, value, _: written.append((offset, value)), 0
    )
    core.emu_start(0x2004_1F01, reset & ~1, count=100)
    # Its clock and frames are set while it is off; all of it is what the datasheet's tables say of command 03h.
    assert written[0] == (0x08, 0)
    assert written[-1] == (0x08, 1)
    assert dict(written[1:-1]) == {0x14: 4, 0x00: 0x001F0300, 0x04: 0, 0xF4: 0x03000218, 0x10: 1}
    assert core.reg_read(arm_const.UC_ARM_REG_PC) == reset & ~1
    assert core.reg_read(arm_const.UC_ARM_REG_SP) == stack
    assert core.mem_read(0xE000_ED08, 4) == struct.pack("<I", vectors)


@pytest.mark.parametrize("name", ["feather-m0", "feather-nrf52840", "nucleo-f072rb"])
def test_the_default_network_runs_on_the_board(name: str) -> None:
    made = make_firmware(open_program(DEFAULT), load_board(name))
    picture = read_picture(Path(__file__).parents[2] / "src" / "microbotnet" / "demo" / "pictures" / "cat.png")
    assert made.run(picture[None]).bit_exact


@pytest.mark.parametrize("name", ["nrf52832-dk", "nucleo-l4p5zg", "rp2040"])
def test_the_default_network_fits_the_board(name: str) -> None:
    """Boards whose cores others of the list have, too."""
    made = make_firmware(open_program(DEFAULT), load_board(name))
    assert made.image.loaded[0][0] == made.board.code.address
    assert len(made.image.raw) < made.board.code.bytes
