"""Instructions of shipped networks on boards: a layer that falls off its fast path is seen here."""

import pytest

from microbotnet.integer.samples import random_pictures
from microbotnet.mcu.board import load_board
from microbotnet.sources.program import open_program

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

COUNTS = {  # of one picture of noise, by zig 0.17.1
    ("grain-m", "microbit"): 3_689_235,
    ("grain-m", "microbit-v2"): 1_428_176,
    ("grain-m", "esp32-c3"): 7_295_221,
    ("grain-xl-ternary", "microbit"): 3_123_767,
    ("grain-xl-ternary", "nrf5340-dk"): 1_872_141,
}


@pytest.mark.parametrize(("network", "board"), COUNTS)
def test_a_network_takes_as_many_instructions_as_ever(network: str, board: str) -> None:
    from microbotnet.mcu.firmware import make_firmware

    made = make_firmware(open_program(network), load_board(board))
    ran = made.run(random_pictures(made.program, 1, 3))
    assert ran.bit_exact
    assert ran.instructions[0] == pytest.approx(COUNTS[network, board], rel=0.02)
