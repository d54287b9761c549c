"""Random networks of awkward shapes on emulated cores: every score is the interpreter's."""

import io
from collections.abc import Sequence

import numpy as np
import pytest

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

from elftools.elf.elffile import ELFFile  # noqa: E402

from microbotnet.integer.samples import random_network, random_pictures, random_program  # noqa: E402
from microbotnet.mcu.board import load_board  # noqa: E402
from microbotnet.mcu.firmware import make_firmware  # noqa: E402


@pytest.mark.parametrize(
    ("board", "prefer", "seeds"),
    [
        ("microbit", "speed", range(200, 206)),
        ("microbit", "size", range(206, 212)),
        ("microbit-v2", "speed", range(212, 214)),
        ("nrf5340-dk", "size", range(214, 215)),
        ("rp2040", "speed", range(215, 216)),
    ],
)
def test_emulated_cores_equal_the_interpreter(board: str, prefer: str, seeds: range) -> None:
    for seed in seeds:
        program = random_program(seed)
        run = make_firmware(program, load_board(board), prefer=prefer).run(random_pictures(program, 3))
        np.testing.assert_array_equal(run.execution.outputs, run.expected, f"program {seed}")
        assert run.bit_exact


@pytest.mark.parametrize(
    ("board", "prefer", "seeds"), [("microbit", "speed", range(6)), ("microbit-v2", "size", [6, 7])]
)
def test_any_network_runs_on_emulated_cores(board: str, prefer: str, seeds: Sequence[int]) -> None:
    for seed in seeds:
        program = random_network(seed)
        run = make_firmware(program, load_board(board), prefer=prefer).run(random_pictures(program, 2))
        np.testing.assert_array_equal(run.execution.outputs, run.expected, f"network {seed}")
        assert run.bit_exact


def test_an_image_begins_where_its_board_says_though_that_is_within_a_page() -> None:
    board = load_board("rp2040")
    image = make_firmware(random_program(1), board).image
    elf = ELFFile(io.BytesIO(image.elf))
    assert min(s["p_paddr"] for s in elf.iter_segments("PT_LOAD") if s["p_filesz"]) == board.code.address
    assert board.data.address < int.from_bytes(image.raw[:4], "little") <= board.data.end  # the first vector
