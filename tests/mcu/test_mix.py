"""Where the fastest code does not fit, the best that fits is found."""

from dataclasses import replace

import numpy as np
import pytest

from microbotnet.backends.c import prepare
from microbotnet.design.file import load_design
from microbotnet.design.graph import design_graph
from microbotnet.errors import BadInput
from microbotnet.integer.operators import Lookup
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.mcu.board import Memory, load_board
from microbotnet.mcu.firmware import make_firmware
from microbotnet.search.untrained import untrained_program
from microbotnet.sources.program import open_program

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")


def test_the_smallest_is_made_faster_as_far_as_it_fits() -> None:
    program, board = random_program(61, size=(9, 9), operators=12), load_board("scum")
    fastest = make_firmware(program, board)
    smallest = make_firmware(program, board, prefer="size")
    least, most = len(smallest.image.raw), len(fastest.image.raw)
    assert (fastest.more, smallest.more) == (None, None)
    made = make_firmware(program, board, within=(least + most) // 2)
    assert len(made.image.raw) <= (least + most) // 2
    assert (made.prefer, bool(made.more)) == ("size", True)
    assert made.run(random_pictures(program, 2)).bit_exact
    with pytest.raises(BadInput, match=r"needs [\d,]+ of 1,000 bytes"):
        make_firmware(program, board, within=1000)


def test_the_smallest_gives_up_its_hundredth_where_that_does_not_fit() -> None:
    program, board = open_program("grain-xl-ternary"), load_board("microbit")
    fuller = make_firmware(program, board, prefer="size")
    size = len(fuller.image.raw)
    smallest = make_firmware(program, board, prefer="size", within=size - 4)
    assert 0.985 * size < len(smallest.image.raw) < size
    with pytest.raises(BadInput, match=f"needs {len(smallest.image.raw):,} of {len(smallest.image.raw) - 4:,} bytes"):
        make_firmware(program, board, prefer="size", within=len(smallest.image.raw) - 4)


def test_what_does_not_fit_the_data_memory_lies_beyond() -> None:
    address = 0x1000_0000  # below the other, as an STM32F4's core-coupled memory
    program, board = random_program(4, size=(16, 16), operators=3), load_board("scum")
    whole = prepare(program).plan.size
    data = replace(board.data, bytes=whole)  # leaves no room for a stack
    made = make_firmware(program, replace(board, data=data, beyond=Memory(address, 65_536, "sram")))
    assert made.prefer == "speed"
    assert made.image.ram_bytes + 512 <= data.bytes
    assert 4 < made.image.beyond_bytes < whole
    assert made.plan.sizes == (made.arena_bytes, made.image.beyond_bytes)
    where = {symbol.name: symbol.address for symbol in made.image.symbols}
    assert where["beyond"] == address
    # Whole pages, as the emulator maps them.
    emulated = replace(made, image=replace(made.image, board=replace(board, beyond=Memory(address, 65_536, "sram"))))
    pictures = random_pictures(program, 2)
    assert emulated.run(pictures).bit_exact


def test_a_form_that_needs_too_much_ram_gives_way() -> None:
    program, roomy = open_program("grain-xl-ternary"), load_board("microbit-v2")
    fast = make_firmware(program, roomy, prefer="speed")
    between = (fast.image.ram_bytes + 511) // 1024 * 1024  # too little for it and 512 bytes of stack
    made = make_firmware(program, replace(roomy, data=replace(roomy.data, bytes=between)))
    assert (made.prefer, made.image.ram_bytes + 512 <= between) == ("speed", True)
    assert made.run(random_pictures(program, 1)).bit_exact
    changed = [(was, now) for was, now in zip(fast.forms, made.forms, strict=True) if was != now]
    assert 0 < len(changed) < len(fast.forms) / 4  # all others are as fast as ever
    assert any("bytes of RAM for itself" in why for choice in made.explain() for _, why in choice.others)


def test_a_core_with_2_kb_of_ram_runs_the_design_made_for_it() -> None:
    program = untrained_program(design_graph(load_design("grain-xs-ternary"))).program
    tables = np.clip(np.arange(-128, 128) + np.arange(3)[:, None], -128, 127).astype(np.int8)  # as a picture's are
    first, *others = program.operators
    assert isinstance(first, Lookup)
    program = replace(program, operators=(replace(first, tables=tables), *others))
    board = load_board("ch32v003")
    smallest = len(make_firmware(program, board, prefer="size").image.raw)
    made = make_firmware(program, board, within=smallest)
    assert made.prepared.forms[0].scratch == 256  # one table at a time
    ran = made.run(random_pictures(program, 2))
    assert ran.bit_exact
    assert made.image.ram_bytes + ran.execution.stack_bytes <= 2048
