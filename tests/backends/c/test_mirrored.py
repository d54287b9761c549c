"""Ternary convolutions by mirrored tables of sums: on this machine, and on an emulated Cortex-M0."""

from importlib import import_module
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.backends.c.mirrored import ENTRIES, encode
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, Lookup, SumPool
from microbotnet.integer.program import Pair, Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler

SHAPES = [  # rows and columns, channels, kernel, outputs
    ((4, 4), 7, (1, 1), 9),
    ((2, 2), 40, (1, 1), 5),  # four pixels; lists of more than one segment
    ((4, 6), 2, (3, 3), 6),
]


def ternary(size: Pair, channels: int, kernel: Pair, outputs: int) -> Program:
    """The extremes of weights in the first rows: all +1, all −1, none."""
    rng = np.random.default_rng(channels)
    padding = (kernel[0] // 2, kernel[1] // 2)
    mix = rng.integers(-128, 128, (channels, 3, 1, 1)).astype(np.int8)
    weights = rng.integers(-1, 2, (outputs, channels, *kernel)).astype(np.int8)
    weights[0], weights[1], weights[2] = 1, -1, 0
    multiplier = rng.integers(700, 2000, outputs).astype(np.int32)
    how = Requantize(multiplier, rng.integers(-9999, 9999, outputs).astype(np.int32), 0, 12, -128, 127)
    first = Requantize(np.array([99], np.int32), np.array([50], np.int32), 0, 15, -128, 127)
    scores = Requantize(np.array([1], np.int32), np.array([0], np.int32), 3, 0, -32768, 32767)
    tensors = {
        "picture": Tensor("picture", (3, *size), "uint8", 1.0, 0, 0, 255),
        "x": Tensor("x", (3, *size), "int8", 1.0, 7, -128, 127),
        "z": Tensor("z", (channels, *size), "int8", 1.0, -3, -128, 127),
        "y": Tensor("y", (outputs, *size), "int8", 1.0, 0, -128, 127),
        "scores": Tensor("scores", (outputs, 1, 1), "int16", 1.0, 0, -32768, 32767),
    }
    operators = (
        Lookup("input", "picture", "x", np.arange(-128, 128).astype(np.int8)[None]),
        Convolve("mix", "x", "z", mix, 8, (1, 1), (0, 0), 1, first),
        Convolve("ternary", "z", "y", weights, 2, (1, 1), padding, 1, how),
        SumPool("last", "y", "scores", size, (1, 1), scores),
    )
    return Program(tensors, operators, "picture", ("scores",), tuple("abcdefghi"[:outputs]))


@pytest.fixture(params=product(ENTRIES, (True, False)), ids=str)
def taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Only the forms that take so many inputs together are there, with or without a clamp."""
    module = import_module("microbotnet.backends.c.emit")
    choose, (each, clamped) = module.choose, request.param

    def wanted(form: KernelCall) -> bool:
        if not form.call.startswith("mirrored("):
            return False
        together = int(form.structs["shape"][1].split(", ")[6])
        return together == each and (form.how is not None) == clamped and not form.packed

    def only(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        return choose([[f for f in forms if wanted(f)] or forms for forms in candidates], prefer, more)

    monkeypatch.setattr(module, "choose", only)
    return int(each + clamped)


@pytest.mark.usefixtures("taken")
def test_what_stands_in_equals_the_interpreter(tmp_path: Path) -> None:
    programs = [ternary(*shape) for shape in SHAPES]
    compiled = Compiled(programs, tmp_path, compiler("gcc"))
    assert all("mirrored(" in (tmp_path / f"net{number}.c").read_text() for number in range(len(programs)))
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 4)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))


def test_an_emulated_cortex_m0_equals_the_interpreter(taken: int) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    for shape in (SHAPES[1], SHAPES[taken % 2 * 2]):
        made = make_firmware(ternary(*shape), load_board("microbit"))
        assert any(name.startswith("net_mirrored_") for name in made.image.addresses)
        assert made.run(random_pictures(made.program, 2)).bit_exact


def test_entries_are_one_of_each_sum_and_its_negative() -> None:
    for each, entries in ENTRIES.items():
        both = {tuple(sign * weight for weight in entry) for entry in entries for sign in (1, -1)}
        assert len(both) == 2 * len(entries) == 3**each - 1
        assert (0,) * each not in both


def test_lists_are_cut_into_segments_where_they_are_long() -> None:
    rows = np.ones((2, 100), np.int8)
    _, segments, codes, step = encode(rows, 1, 4) or pytest.fail("not encoded")
    assert (segments, codes, step) == (4, 200, 25)
