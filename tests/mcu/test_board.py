from pathlib import Path

import pytest

from microbotnet import BadInput
from microbotnet.mcu.board import board_names, load_board, parse_board
from microbotnet.mcu.cores import CORES

OWN = """
core = "cortex-m0"
clock_hz = 1_000_000
multiply_cycles = 1
[code]
address = 0
bytes = 4096
kind = "sram"
[data]
address = 0x2000_0000
bytes = 2048
kind = "sram"
"""


def test_scum_is_a_cortex_m0_with_64_kb_twice_at_5_mhz() -> None:
    scum = load_board("scum")
    assert (scum.core, scum.clock_hz, scum.code.bytes, scum.data.bytes) == ("cortex-m0", 5_000_000, 65_536, 65_536)


def test_the_microbit_has_256_kb_of_flash_and_16_kb_of_ram_at_16_mhz() -> None:
    board = load_board("microbit")
    assert (board.clock_hz, board.code.bytes, board.data.bytes) == (16_000_000, 262_144, 16_384)


def test_mlperf_tinys_boards() -> None:
    board = load_board("nucleo-l4p5zg")
    assert (board.core, board.code.bytes, board.data.bytes) == ("cortex-m4", 1_048_576, 131_072)
    board = load_board("rp2040")  # 4 kB of the flash are the boot's
    assert (board.core[:9], board.code.bytes + 4096, board.data.bytes) == ("cortex-m0", 2_097_152, 264 * 1024)


def test_every_board_that_comes_with_the_package_loads() -> None:
    assert {"scum", "microbit"} < set(board_names())
    assert {load_board(name).core for name in board_names()} == {
        "cortex-m0", "cortex-m0plus", "cortex-m4", "cortex-m33", "rv32ec", "rv32imc",
    }  # fmt: skip


@pytest.mark.parametrize("core", CORES)
def test_every_core_can_be_named(core: str) -> None:
    assert parse_board(OWN.replace("cortex-m0", core, 1), "my", "my.toml").core == core


def test_a_board_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mote.toml").write_text(OWN)
    board = load_board(str(tmp_path / "mote.toml"))
    assert (board.name, board.data.end, board.qemu) == ("mote", 0x2000_0800, ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("clock_hz", "clock_khz"), "unknown field 'clock_khz'; did you mean 'clock_hz'"),
        (("cortex-m0", "cortexm0"), "core 'cortexm0' is not known; did you mean 'cortex-m0'"),
        (("bytes = 4096", "size = 4096"), "unknown field 'code.size'"),
        (("bytes = 4096", ""), "code.bytes is missing"),
        (("bytes = 4096", 'bytes = "4 kB"'), "code.bytes must be of type int"),
        (("bytes = 2048", "bytes = 2000"), "multiples of 1,024"),
        (("multiply_cycles = 1", "multiply_cycles = 2"), "1 or 32"),
        (("address = 0x2000_0000", "address = 0"), "overlap"),
        (("clock_hz = 1_000_000", "clock_hz = 0"), "above 0"),
        (("core =", "core"), "not TOML"),
        (("[data]", "[beyond]\naddress = 1024\nbytes = 4096\nkind = 'sram'\n[data]"), "code and beyond overlap"),
        (("[data]", "[beyond]\naddress = 8192\nbytes = 4096\nkind = 'flash'\n[data]"), "beyond must be sram"),
        (("clock_hz", "second_stage = 0\nclock_hz"), "second_stage must lie at least 256 bytes before code"),
    ],
)
def test_a_board_that_is_wrong_says_where(change: tuple[str, str], message: str) -> None:
    with pytest.raises(BadInput, match=r"my\.toml: ") as error:
        parse_board(OWN.replace(*change, 1), "my", "my.toml")
    assert message in str(error.value)


def test_an_unknown_board_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'scum'"):
        load_board("skum")
    with pytest.raises(BadInput, match="cannot be read"):
        load_board("nowhere.toml")
