"""Ternary depthwise convolutions by pieces of straight code: on this machine, and on an emulated Cortex-M0."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.kernel_call import KernelCall, Window
from microbotnet.backends.c.squares import ROWS, Squares
from microbotnet.backends.c.tapped import FARTHEST, Tapped
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, Lookup, SumPool
from microbotnet.integer.program import Pair, Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler, take_only

SHAPES = [  # rows and columns, kernel, stride, padding, zero point
    ((4, 4), (5, 5), (1, 1), (2, 2), -118),  # all outputs at once, no row outside the map
    ((8, 8), (5, 5), (2, 2), (2, 2), -128),
    ((16, 16), (3, 3), (2, 2), (1, 1), -3),  # four blocks, of the map's last row only what they reach
    ((4, 4), (5, 5), (2, 2), (2, 2), 127),
    ((5, 8), (3, 4), (1, 2), (1, 1), -128),  # a block a row
    ((9, 8), (4, 3), (3, 1), (0, 1), -7),  # rows that no window reads
    ((8, 4), (7, 3), (1, 1), (3, 1), 0),
    ((11, 16), (3, 3), (1, 1), (1, 1), -128),  # eight words a row
    ((2, 2), (5, 5), (1, 1), (2, 2), -112),
    ((2, 2), (1, 3), (1, 1), (0, 1), -128),
    ((2, 2), (3, 3), (1, 1), (1, 1), 127),
]


def depthwise(size: Pair, kernel: Pair, stride: Pair, padding: Pair, zero: int) -> Program:
    """The extremes of weights in the first channels: all +1, all −1, none."""
    rng = np.random.default_rng(size[0] * size[1])
    rows, columns = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    weights = rng.integers(-1, 2, (9, 1, *kernel)).astype(np.int8)
    weights[0], weights[1], weights[2], weights[3, 0, -1, -1] = 1, -1, 0, 1
    weights[3].flat[:-1] = 0
    mix = rng.integers(-128, 128, (9, 3, 1, 1)).astype(np.int8)
    multiplier, offset = (rng.integers(*ends, 9).astype(np.int32) for ends in ((700, 2000), (-9999, 9999)))
    how = Requantize(multiplier, offset, 0, 12, -128, 127)
    first = Requantize(np.array([99], np.int32), np.array([50], np.int32), 0, 14, -128, 127)
    scores = Requantize(np.array([1], np.int32), np.array([0], np.int32), 3, 0, -32768, 32767)
    tensors = {
        "picture": Tensor("picture", (3, *size), "uint8", 1.0, 0, 0, 255),
        "x": Tensor("x", (3, *size), "int8", 1.0, 7, -128, 127),
        "z": Tensor("z", (9, *size), "int8", 1.0, zero, -128, 127),
        "y": Tensor("y", (9, rows, columns), "int8", 1.0, 0, -128, 127),
        "scores": Tensor("scores", (9, 1, 1), "int16", 1.0, 0, -32768, 32767),
    }
    operators = (
        Lookup("input", "picture", "x", np.arange(-128, 128).astype(np.int8)[None]),
        Convolve("mix", "x", "z", mix, 8, (1, 1), (0, 0), 1, first),
        Convolve("depthwise", "z", "y", weights, 2, stride, padding, 9, how),
        SumPool("last", "y", "scores", (rows, columns), (1, 1), scores),
    )
    return Program(tensors, operators, "picture", ("scores",), tuple("abcdefghi"))


@pytest.fixture(params=(True, False), ids=("clamped", "unclamped"))
def _taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only these forms are there, with or without a clamp."""

    def wanted(form: KernelCall) -> bool:
        return form.kind in ("taps", "squares") and (form.how is not None) == request.param

    take_only(wanted, monkeypatch)


@pytest.mark.usefixtures("_taken")
def test_what_stands_in_equals_the_interpreter(tmp_path: Path) -> None:
    programs = [depthwise(*shape) for shape in SHAPES]
    compiled = Compiled(programs, tmp_path, compiler("gcc"))
    for number, program in enumerate(programs):
        text, kind = (tmp_path / f"net{number}.c").read_text(), "squares" if SHAPES[number][0] == (2, 2) else "taps"
        assert f"net{number}_{kind}_" in text, number
        pictures = random_pictures(program, 4)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))


@pytest.mark.usefixtures("_taken")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_emulated_cortex_m0_equals_the_interpreter(shape: tuple[Pair, Pair, Pair, Pair, int]) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    made = make_firmware(depthwise(*shape), load_board("microbit"))
    assert any(name.startswith(("net_taps_", "net_squares_")) for name in made.image.addresses)
    assert made.run(random_pictures(made.program, 3)).bit_exact


def test_a_list_names_the_pieces_of_its_taps_and_passes_no_farther_than_a_byte_says() -> None:
    code = Tapped(Window((5, 5), (1, 1), (2, 2)), (4, 4), (4, 4), 12, True, False)
    lists, taken = code.encode(np.eye(5, dtype=np.int8)[None])
    assert lists.max() <= FARTHEST
    assert len(lists) > 5 + 2  # stepping stones
    assert taken > 5 * 4
    assert code.encode(np.zeros((3, 5, 5), np.int8))[1] == 3 * 4 * (
        len(code.encode(np.zeros((1, 5, 5), np.int8))[0]) - 2
    )


def test_every_row_of_three_weights_has_a_place_of_its_own_within_a_byte() -> None:
    kernels = np.array(list(product(ROWS, repeat=2)), np.int8)
    found = Squares(12, True, False).encode(np.concatenate([kernels, kernels[:, :1]], 1))
    assert len(np.unique(found[:, 2])) == len(ROWS)
    assert (found % 2 == 0).all()
