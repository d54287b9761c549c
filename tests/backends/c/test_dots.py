"""Dense convolutions rounded in registers: on this machine, and on an emulated Cortex-M0, whose code that is."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, Lookup, SumPool
from microbotnet.integer.program import Pair, Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler

SHAPES = [  # rows and columns, kernel, stride, padding, pre-shift, outputs
    ((6, 8), (3, 3), (1, 1), (1, 1), 8, 8),
    ((5, 4), (3, 3), (2, 1), (1, 1), 0, 7),  # outputs that are no fours
    ((7, 8), (1, 3), (1, 1), (0, 1), 3, 4),
    ((4, 12), (2, 3), (1, 1), (1, 0), 6, 3),  # fewer than four
]


def dense(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, pre_shift: int, outputs: int, channels: int = 5
) -> Program:
    """The extremes of 8 bits are among weights and values."""
    rng = np.random.default_rng(outputs)
    rows, columns = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    mix = rng.integers(-128, 128, (channels, 3, 1, 1)).astype(np.int8)
    weights = rng.choice(np.array([-128, -127, -3, 0, 1, 127], np.int8), (outputs, channels, *kernel))
    multiplier = rng.integers(40 << pre_shift, 90 << pre_shift, outputs).astype(np.int32)
    how = Requantize(multiplier, rng.integers(-9999, 9999, outputs).astype(np.int32), pre_shift, 18, -128, 127)
    first = Requantize(np.array([99], np.int32), np.array([50], np.int32), 0, 15, -128, 127)
    scores = Requantize(np.array([1], np.int32), np.array([0], np.int32), 3, 0, -32768, 32767)
    tensors = {
        "picture": Tensor("picture", (3, *size), "uint8", 1.0, 0, 0, 255),
        "x": Tensor("x", (3, *size), "int8", 1.0, 7, -128, 127),
        "z": Tensor("z", (channels, *size), "int8", 1.0, -3, -128, 127),
        "y": Tensor("y", (outputs, rows, columns), "int8", 1.0, 0, -128, 127),
        "scores": Tensor("scores", (outputs, 1, 1), "int16", 1.0, 0, -32768, 32767),
    }
    operators = (
        Lookup("input", "picture", "x", np.arange(-128, 128).astype(np.int8)[None]),
        Convolve("mix", "x", "z", mix, 8, (1, 1), (0, 0), 1, first),
        Convolve("dense", "z", "y", weights, 8, stride, padding, 1, how),
        SumPool("last", "y", "scores", (rows, columns), (1, 1), scores),
    )
    return Program(tensors, operators, "picture", ("scores",), tuple("abcdefgh"[:outputs]))


@pytest.fixture(params=["dots(", "quads("])
def taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Only this form is there, where it is."""
    module = import_module("microbotnet.backends.c.emit")
    choose, kind = module.choose, request.param

    def only(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        return choose([[f for f in forms if f.call.startswith(kind)] or forms for forms in candidates], prefer, more)

    monkeypatch.setattr(module, "choose", only)
    return str(kind)


def test_what_stands_in_equals_the_interpreter(taken: str, tmp_path: Path) -> None:
    programs = [dense(*shape) for shape in SHAPES]
    compiled = Compiled(programs, tmp_path, compiler("gcc"))
    assert all(taken in (tmp_path / f"net{number}.c").read_text() for number in range(len(programs)))
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 5)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))


@pytest.mark.parametrize("shape", SHAPES)
def test_an_emulated_cortex_m0_equals_the_interpreter(
    taken: str, shape: tuple[Pair, Pair, Pair, Pair, int, int]
) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    made = make_firmware(dense(*shape), load_board("microbit"))
    assert any(name.startswith(f"net_{taken[:-1]}_") for name in made.image.addresses)
    assert made.run(random_pictures(made.program, 2)).bit_exact
