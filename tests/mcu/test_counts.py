"""Instructions of shipped networks on boards: a layer that falls off its fast path is seen here."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from microbotnet.integer.samples import random_pictures
from microbotnet.mcu.board import load_board
from microbotnet.sources.program import open_program

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

GOLDEN = Path(__file__).parents[1] / "golden" / "instructions.toml"  # made by tools/count_instructions.py


@pytest.mark.parametrize(
    "golden",
    tomllib.loads(GOLDEN.read_text())["count"],
    ids=lambda golden: f"{golden['network']}-{golden['board']}-{golden['core']}-{golden['prefer']}",
)
def test_a_network_takes_as_many_instructions_as_ever(golden: dict[str, Any]) -> None:
    from microbotnet.mcu.firmware import make_firmware

    board = replace(load_board(golden["board"]), core=golden["core"])
    made = make_firmware(open_program(golden["network"]), board, prefer=golden["prefer"])
    ran = made.run(random_pictures(made.program, 1, 3))
    assert ran.bit_exact
    assert ran.instructions[0] == pytest.approx(golden["instructions"], rel=0.02)
