"""Windows that reach over the end of the map, where a kernel as large as the map or as a pixel has more outputs."""

from pathlib import Path

import numpy as np
import pytest

from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, Lookup
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler_for


def reaching(seed: int) -> Program:
    """A convolution without padding before, of up to one output more along each axis than the map has pixels."""
    rng = np.random.default_rng(seed)
    channels, outputs, height, width = (int(rng.integers(1, end)) for end in (9, 20, 5, 5))
    kernel = (1, 1) if seed % 2 else (height, width)
    rows, columns = height + int(rng.integers(2)), width + int(rng.integers(2))
    bits = 2 if seed % 3 else 8
    low, high, shift = (-1, 2, 10) if bits == 2 else (-127, 128, 16)
    weights = rng.integers(low, high, (outputs, channels, *kernel)).astype(np.int8)
    multiplier, offset = (rng.integers(*ends, outputs).astype(np.int32) for ends in ((200, 900), (-9999, 9999)))
    scores = Requantize(np.array([91], np.int32), np.array([-7], np.int32), 3, 4, -32768, 32767)
    last = rng.integers(-1, 2, (4, outputs, rows, columns)).astype(np.int8)
    tensors = {
        "picture": Tensor("picture", (channels, height, width), "uint8", 1.0, 0, 0, 255),
        "x": Tensor("x", (channels, height, width), "int8", 1.0, 7, -128, 127),
        "y": Tensor("y", (outputs, rows, columns), "int8", 1.0, -9, -128, 127),
        "scores": Tensor("scores", (4, 1, 1), "int16", 1.0, 0, -32768, 32767),
    }
    how = Requantize(multiplier, offset, 0, shift, -128, 127)
    operators = (
        Lookup("input", "picture", "x", np.arange(-128, 128).astype(np.int8)[None]),
        Convolve("over", "x", "y", weights, bits, (1, 1), (0, 0), 1, how),
        Convolve("last", "y", "scores", last, 2, (1, 1), (0, 0), 1, scores),
    )
    return Program(tensors, operators, "picture", ("scores",), tuple("abcd"))


@pytest.mark.parametrize("prefer", ["speed", "size", "vectors", "avx512"])
def test_c_equals_the_interpreter(prefer: str, tmp_path: Path) -> None:
    programs = [reaching(seed) for seed in range(40)]
    compiled = Compiled(programs, tmp_path, compiler_for("gcc", prefer), prefer=prefer)
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 4)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))


@pytest.mark.parametrize("board", ["microbit", "microbit-v2"])
def test_emulated_cores_equal_the_interpreter(board: str) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    for seed in (7, 13, 9):
        made = make_firmware(reaching(seed), load_board(board))
        assert made.run(random_pictures(made.program, 3)).bit_exact
