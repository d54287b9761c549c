"""Images as files, read back by Microsoft's own converter."""

from pathlib import Path

import numpy as np
import pytest

from microbotnet.errors import BadInput
from microbotnet.integer.samples import random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.firmware import Firmware, make_firmware
from microbotnet.mcu.formats import intel_hex, uf2, write_image
from microbotnet.preprocessing import read_picture
from microbotnet.sources import open_program
from microbotnet.weights import DEFAULT

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
uf2conv = pytest.importorskip("adafruit_uf2.uf2conv", reason="adafruit-uf2 is not installed")


@pytest.fixture(scope="module")
def made() -> Firmware:
    return make_firmware(random_program(4, size=(8, 8), operators=2), load_board("feather-m0"))


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
