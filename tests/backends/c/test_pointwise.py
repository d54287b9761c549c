"""Pointwise convolutions of 8 bits of several pixels at once: on this machine, and on an emulated Cortex-M0."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.integer.interpreter import run
from microbotnet.integer.program import Pair, Program
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler
from .test_dots import dense

SHAPES = [  # rows and columns, pre-shift, outputs, channels
    ((3, 3), 8, 8, 5),  # four pixels and five
    ((2, 5), 0, 7, 8),  # twice four, and two
    ((1, 7), 3, 4, 12),  # four and three
    ((4, 4), 6, 3, 16),
    ((1, 2), 0, 1, 2),  # two alone
    ((5, 1), 10, 2, 6),  # five alone
]


def pointwise(size: Pair, pre_shift: int, outputs: int, channels: int) -> Program:
    """See `dense`."""
    return dense(size, (1, 1), (1, 1), (0, 0), pre_shift, outputs, channels)


@pytest.fixture(autouse=True)
def _taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this form is there, where it is."""
    module = import_module("microbotnet.backends.c.emit")
    choose = module.choose

    def only(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        found = [[f for f in forms if f.call.startswith("pointwise(")] or forms for forms in candidates]
        return choose(found, prefer, more)

    monkeypatch.setattr(module, "choose", only)


def test_what_stands_in_equals_the_interpreter(tmp_path: Path) -> None:
    programs = [pointwise(*shape) for shape in SHAPES]
    compiled = Compiled(programs, tmp_path, compiler("gcc"))
    assert all("pointwise(" in (tmp_path / f"net{number}.c").read_text() for number in range(len(programs)))
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 5)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))


@pytest.mark.parametrize("shape", SHAPES)
def test_an_emulated_cortex_m0_equals_the_interpreter(shape: tuple[Pair, int, int, int]) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    made = make_firmware(pointwise(*shape), load_board("microbit"))
    assert any(name.startswith("net_pointwise_") for name in made.image.addresses)
    assert made.run(random_pictures(made.program, 2)).bit_exact
