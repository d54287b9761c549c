"""Ternary linear layers by classes of inputs: on this machine, and on an emulated Cortex-M0."""

from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.classed import TOGETHER, classes_of, encode
from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.integer.interpreter import run
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler, take_only
from .test_gathered import linear


@pytest.fixture(params=TOGETHER)
def _taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the forms of so many outputs together are there."""

    def wanted(form: KernelCall) -> bool:
        return form.call.startswith("classed(") and form.arrays["signs"].shape[1] == request.param

    take_only(wanted, monkeypatch)


@pytest.mark.usefixtures("_taken")
def test_this_machine_and_an_emulated_cortex_m0_equal_the_interpreter(tmp_path: Path) -> None:
    programs = [linear(3, 40, True), linear(500, 12, False)]
    compiled = Compiled(programs, tmp_path, compiler("gcc"))
    for number, program in enumerate(programs):
        assert (tmp_path / f"net{number}.c").read_text().count("\n    classed(") == 2
        pictures = random_pictures(program, 6)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    made = make_firmware(programs[1], load_board("microbit"))
    assert "net_classes" in made.image.addresses
    assert made.run(random_pictures(made.program, 3)).bit_exact


@pytest.mark.parametrize("together", TOGETHER)
def test_lists_name_every_input_once_a_group(together: int) -> None:
    rows = np.random.default_rng(0).integers(-1, 2, (7, 90)).astype(np.int8)
    classes, lists = classes_of(together), iter(encode(rows, together).tolist())
    assert len(classes) == (3**together - 1) // 2
    found = np.zeros((-(-7 // together) * together, 91), int)
    for first in range(0, len(found), together):
        for weights in classes:
            for sign in (-1, 1):
                for _ in range(next(lists)):
                    found[first : first + together, next(lists)] += sign * weights
    np.testing.assert_array_equal(found[:7, 1:], rows)
    assert list(lists) == []
