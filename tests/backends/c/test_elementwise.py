"""Sums and gates as straight code: on this machine, and on an emulated Cortex-M0, whose code that is."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Add, Convolve, Gate, Lookup, SumPool
from microbotnet.integer.program import Pair, Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler

SIZES = [(4, 4), (3, 2), (1, 5)]  # turns of four, two and one


def gated_sum(size: Pair) -> Program:
    """Four channels; sums and products that leave the table at both ends."""
    rng = np.random.default_rng(size[0])
    table = rng.integers(-128, 128, 256).astype(np.int8)

    def how(multiplier: int, shift: int, table: np.ndarray[tuple[int], np.dtype[np.int8]] | None = None) -> Requantize:
        return Requantize(np.array([multiplier], np.int32), np.array([777], np.int32), 0, shift, -128, 127, table)

    def tensor(name: str, channels: int, size: Pair, zero: int) -> Tensor:
        return Tensor(name, (channels, *size), "int8", 1.0, zero, -128, 127)

    mix = rng.integers(-128, 128, (2, 4, 3, 1, 1)).astype(np.int8)
    tensors = [
        Tensor("picture", (3, *size), "uint8", 1.0, 0, 0, 255),
        tensor("x", 3, size, 7),
        tensor("a", 4, size, -3),
        tensor("b", 4, size, 20),
        tensor("sum", 4, size, -9),
        tensor("gate", 4, (1, 1), -40),
        tensor("y", 4, size, 0),
        Tensor("scores", (4, 1, 1), "int16", 1.0, 0, -32768, 32767),
    ]
    scores = Requantize(np.array([1], np.int32), np.array([0], np.int32), 0, 0, -32768, 32767)
    operators = (
        Lookup("input", "picture", "x", np.arange(-128, 128).astype(np.int8)[None]),
        Convolve("one", "x", "a", mix[0], 8, (1, 1), (0, 0), 1, how(99, 15)),
        Convolve("other", "x", "b", mix[1], 8, (1, 1), (0, 0), 1, how(99, 15)),
        Add("add", ("a", "b"), "sum", (5000, -9000), how(1, 12)),
        SumPool("pool", "a", "gate", size, (1, 1), how(3000 // (size[0] * size[1]), 12)),
        Gate("times", ("sum", "gate"), "y", how(150, 13, table)),
        SumPool("last", "y", "scores", size, (1, 1), scores),
    )
    return Program({t.name: t for t in tensors}, operators, "picture", ("scores",), tuple("abcd"))


@pytest.fixture(params=[True, False], ids=["with a clamp", "without"], autouse=True)
def _taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the straight code is there, where it is."""
    module = import_module("microbotnet.backends.c.emit")
    choose, array = module.choose, "table" if request.param else "wide"

    def wanted(form: KernelCall) -> bool:
        return any(kind in form.call for kind in ("_added_", "_gated_")) and array in form.arrays

    def only(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        found: list[KernelCall] = choose(
            [[f for f in forms if wanted(f)] or forms for forms in candidates], prefer, more
        )
        return found

    monkeypatch.setattr(module, "choose", only)


def test_what_stands_in_equals_the_interpreter(tmp_path: Path) -> None:
    programs = [gated_sum(size) for size in SIZES]
    compiled = Compiled(programs, tmp_path, compiler("gcc"))
    for number, program in enumerate(programs):
        text = (tmp_path / f"net{number}.c").read_text()
        assert "added_plain(a, b" in text
        assert "gated_plain(x, gates" in text
        pictures = random_pictures(program, 5)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))


def test_an_emulated_cortex_m0_equals_the_interpreter() -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    for size in SIZES:
        made = make_firmware(gated_sum(size), load_board("microbit"))
        for kind in ("added", "gated"):
            assert any(name.startswith(f"net_{kind}_") for name in made.image.addresses)
        assert made.run(random_pictures(made.program, 3)).bit_exact
