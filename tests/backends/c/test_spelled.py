"""Ternary convolutions whose rows are code: on this machine, and on an emulated Cortex-M0."""

from dataclasses import replace
from importlib import import_module
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.backends.c.mirrored import ENTRIES
from microbotnet.integer.interpreter import run
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler
from .test_mirrored import ternary


def programs() -> list[Program]:
    """The last has a row that passes over all inputs but its last."""
    few, windows, many = ternary((8, 8), 7, (1, 1), 9), ternary((4, 8), 2, (3, 3), 6), ternary((8, 8), 60, (1, 1), 5)
    operators = list(many.operators)
    weights = operators[2].weights.copy()
    weights[3, :-1], weights[3, -1] = 0, -1
    operators[2] = replace(operators[2], weights=weights)
    return [few, windows, replace(many, operators=tuple(operators))]


@pytest.fixture(params=product(ENTRIES, (True, False)), ids=str)
def _taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the forms that take so many inputs together are there, with or without a clamp."""
    module = import_module("microbotnet.backends.c.emit")
    choose, (each, clamped) = module.choose, request.param

    def wanted(form: KernelCall) -> bool:
        together = int(form.structs["shape"][1].split(", ")[6]) if form.kind == "spelled" else 0
        return together == each

    def only(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        return choose([[f for f in forms if wanted(f)] or forms for forms in candidates], prefer, more)

    monkeypatch.setattr(module, "choose", only)
    if clamped:
        monkeypatch.setattr(import_module("microbotnet.backends.c.lanes"), "LONGEST_TABLE", 0)


@pytest.mark.usefixtures("_taken")
def test_what_stands_in_and_an_emulated_cortex_m0_equal_the_interpreter(tmp_path: Path) -> None:
    given = programs()
    compiled = Compiled(given, tmp_path, compiler("gcc"))
    there = ["    spelled(" in (tmp_path / f"net{number}.c").read_text() for number in range(3)]
    assert there[:2] == [True, True]  # the tables of sums of three of 60 inputs are too large
    for number, program in enumerate(given):
        pictures = random_pictures(program, 3)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    for number in (1, 2 if there[2] else 0):
        made = make_firmware(given[number], load_board("microbit"))
        assert any(name.startswith("net_spelled_") for name in made.image.addresses)
        ran = made.run(random_pictures(made.program, 2))
        assert ran.bit_exact
        assert made.stack_bound is not None  # although rows call what lies within their own function
        assert made.stack_bound >= ran.execution.stack_bytes
