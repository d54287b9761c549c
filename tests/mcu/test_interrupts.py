"""An interrupt at any instruction changes nothing: it finds a stack below which nothing is kept, and no state."""

import random

import pytest

from microbotnet.integer.interpreter import run
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.mcu.board import load_board
from microbotnet.mcu.emulator import _Machine
from microbotnet.mcu.firmware import make_firmware

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")

FRAME, HANDLER = 32, 220  # bytes that a Cortex-M pushes, and that a handler may use below them


@pytest.mark.parametrize(
    ("seed", "prefer", "board"),
    [(1, "speed", "microbit"), (3, "size", "microbit"), (5, "speed", "microbit-v2")],
)
def test_an_interrupt_at_any_instruction_changes_nothing(seed: int, prefer: str, board: str) -> None:
    program = random_program(seed, size=(9, 9), operators=8)
    made = make_firmware(program, load_board(board), prefer=prefer)
    machine, rng, fired = _Machine(made.image), random.Random(seed), 0

    def interrupt(core: object, address: int, size: int, _: object) -> None:
        nonlocal fired
        if rng.random() < 0.02:
            stack = machine.core.reg_read(machine.stack)
            assert stack % 4 == 0
            assert machine.board.data.address <= stack - FRAME - HANDLER < stack <= machine.board.data.end
            machine.core.mem_write(stack - FRAME - HANDLER, rng.randbytes(FRAME + HANDLER))
            fired += 1

    machine.core.hook_add(machine.unicorn.UC_HOOK_CODE, interrupt)
    pictures = random_pictures(program, 3)[2:]
    assert (machine.run(pictures).outputs.view("<i2") == run(program, pictures)).all()
    assert fired > 500


def test_the_network_has_no_variables_of_its_own() -> None:
    """So it may be run again from within an interrupt, on another arena."""
    program = random_program(2, size=(9, 9), operators=8)
    for prefer in ("speed", "size"):
        symbols = make_firmware(program, load_board("microbit"), prefer=prefer).image.symbols
        assert {symbol.name for symbol in symbols if symbol.region == "ram"} == {"arena", "scores"}
