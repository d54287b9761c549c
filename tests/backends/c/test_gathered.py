"""Ternary linear layers whose rows are places in tables of sums: on this machine, and on an emulated Cortex-M0."""

from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, Lookup
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler, take_only

SHAPES = [  # inputs, outputs, whether all have one multiplier and one offset
    (3, 40, True),
    (56, 20, False),
    (141, 9, False),  # more codes of a row than the pointer reaches at one time
]


def linear(inputs: int, outputs: int, alone: bool) -> Program:
    """A picture of one row, then scores from what its pixels come to; the extremes of weights in the first rows."""
    rng = np.random.default_rng(inputs)
    shape = (3, 1, inputs // 3) if inputs % 3 == 0 else (1, 1, inputs)
    weights = rng.integers(-1, 2, (outputs, *shape)).astype(np.int8)
    weights[0], weights[1], weights[2] = 1, -1, 0
    last = rng.integers(-1, 2, (7, outputs, 1, 1)).astype(np.int8)
    last[0], last[1], last[2] = 1, -1, 0
    count = 1 if alone else outputs
    multiplier, offset = (rng.integers(*ends, count).astype(np.int32) for ends in ((200, 900), (-9999, 9999)))
    how = Requantize(multiplier, offset, 0, 12, -128, 127)
    scores = Requantize(np.array([91], np.int32), np.array([-7], np.int32), 3, 2, -32768, 32767)
    tensors = {
        "picture": Tensor("picture", shape, "uint8", 1.0, 0, 0, 255),
        "x": Tensor("x", shape, "int8", 1.0, 7, -128, 127),
        "y": Tensor("y", (outputs, 1, 1), "int8", 1.0, -9, -128, 127),
        "scores": Tensor("scores", (7, 1, 1), "int16", 1.0, 0, -32768, 32767),
    }
    operators = (
        Lookup("input", "picture", "x", np.arange(-128, 128).astype(np.int8)[None]),
        Convolve("hidden", "x", "y", weights, 2, (1, 1), (0, 0), 1, how),
        Convolve("last", "y", "scores", last, 2, (1, 1), (0, 0), 1, scores),
    )
    return Program(tensors, operators, "picture", ("scores",), tuple("abcdefg"))


@pytest.fixture(params=(True, False), ids=("clamped", "unclamped"))
def _taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only these forms are there, with or without a clamp."""

    def wanted(form: KernelCall) -> bool:
        return form.call.startswith("gathered(") and ("wide" in form.arrays) != request.param

    take_only(wanted, monkeypatch)


@pytest.mark.usefixtures("_taken")
def test_what_stands_in_equals_the_interpreter(tmp_path: Path) -> None:
    programs = [linear(*shape) for shape in SHAPES]
    compiled = Compiled(programs, tmp_path, compiler("gcc"))
    for number, program in enumerate(programs):
        assert f"net{number}_gathered_" in (tmp_path / f"net{number}.c").read_text()
        pictures = random_pictures(program, 6)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))


@pytest.mark.usefixtures("_taken")
def test_an_emulated_cortex_m0_equals_the_interpreter() -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    for shape in SHAPES:
        made = make_firmware(linear(*shape), load_board("microbit"))
        assert any(name.startswith("net_gathered_") for name in made.image.addresses)
        assert made.run(random_pictures(made.program, 3)).bit_exact
