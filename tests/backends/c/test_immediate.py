"""Weights as operands of the code: what each costs, and that every one of them multiplies as it should."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c.immediate import Immediate, _products
from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.backends.c.twofold import Twofold
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, Lookup, SumPool
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.samples import random_pictures

from .compiled import Compiled, compiler


def every_weight(pre_shift: int) -> Program:
    """Each weight from −128 to 127 once, for 16 outputs of an odd map whose windows cross every edge."""
    rng = np.random.default_rng(pre_shift)
    weights = rng.permutation(np.arange(-128, 128)).astype(np.int8).reshape(16, 1, 4, 4)
    multiplier = rng.integers(200 << pre_shift, 400 << pre_shift, 16).astype(np.int32)
    how = Requantize(multiplier, rng.integers(-9999, 9999, 16).astype(np.int32), pre_shift, 16, -128, 127)
    scores = Requantize(np.array([1], np.int32), np.array([0], np.int32), 0, 0, -32768, 32767)
    table = np.arange(-128, 128).astype(np.int8)[None]
    tensors = {
        "picture": Tensor("picture", (1, 7, 5), "uint8", 1.0, 0, 0, 255),
        "x": Tensor("x", (1, 7, 5), "int8", 1.0, 3, -128, 127),
        "y": Tensor("y", (16, 3, 6), "int8", 1.0, 0, -128, 127),
        "scores": Tensor("scores", (16, 1, 1), "int16", 1.0, 0, -32768, 32767),
    }
    operators = (
        Lookup("input", "picture", "x", table),
        Convolve("first", "x", "y", weights, 8, (2, 1), (1, 2), 1, how),
        SumPool("last", "y", "scores", (3, 6), (1, 1), scores),
    )
    return Program(tensors, operators, "picture", ("scores",), tuple(map(str, range(16))))


@pytest.fixture(params=("immediate", "twofold"))
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Only the form that makes one output at a time is there, or the one that makes two."""
    module = import_module("microbotnet.backends.c.emit")
    choose = module.choose

    def only(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        wanted = [[form for form in forms if form.kind == request.param] or forms for forms in candidates]
        return choose(wanted, prefer, more)

    monkeypatch.setattr(module, "choose", only)
    return str(request.param)


@pytest.mark.parametrize("pre_shift", [0, 5, 8])
def test_every_weight_multiplies_on_this_machine(pre_shift: int, kind: str, tmp_path: Path) -> None:
    program = every_weight(pre_shift)
    pictures = random_pictures(program, 20)
    compiled = Compiled([program], tmp_path, compiler("gcc"))
    assert f"    {kind}(" in (tmp_path / "net0.c").read_text()
    np.testing.assert_array_equal(compiled.scores(0, pictures), run(program, pictures))


@pytest.mark.parametrize("pre_shift", [0, 5, 8])
def test_every_weight_multiplies_on_an_emulated_cortex_m0(pre_shift: int, kind: str) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    made = make_firmware(every_weight(pre_shift), load_board("microbit"))
    assert kind in made.image.addresses
    assert made.run(random_pictures(made.program, 5)).bit_exact


def test_products_by_hand() -> None:
    load = ["ldrb r0, [r3, #2]", "sxtb r0, r0"]
    assert _products([0] * 8, 2) == []
    assert _products([1, 0, 0, -1], 2) == [*load, "adds r4, r4, r0", "subs r7, r7, r0"]
    assert _products([-8], 2) == [*load, "lsls r1, r0, #3", "subs r4, r4, r1"]
    assert _products([100, -100], 2) == [
        *load,
        "movs r1, #100",
        "muls r1, r0, r1",
        "adds r4, r4, r1",
        "subs r5, r5, r1",
    ]
    high = _products([3, 0, 0, 0, 3, -3, -1], 2)
    assert high[2:7] == ["rsbs r2, r0, #0", "add r10, r2", "movs r1, #3", "muls r1, r0, r1", "adds r4, r4, r1"]
    assert high[7:] == ["add r8, r1", "movs r1, #3", "muls r1, r2, r1", "add r9, r1"]


def test_other_weights_or_shifts_are_another_function() -> None:
    weights = np.arange(-4, 4, dtype=np.int8).reshape(2, 1, 2, 2)
    names = {Immediate(weights, 0, 8).name, Immediate(weights, 0, 9).name, Immediate(weights, 1, 8).name}
    names |= {Immediate(-weights, 0, 8).name, Immediate(weights.reshape(2, 2, 2, 1), 0, 8).name}
    assert len(names) == 5
    assert Immediate(weights.copy(), 0, 8).name in names


def test_sums_of_digits_that_leave_16_bits_are_not_made_twofold() -> None:
    largest = np.full((1, 1, 1, 31), 127, np.int8)  # 8·16 − 1: a sum of digits of 248
    assert Twofold(largest, 1, 0, 8).possible
    assert not Twofold(np.repeat(largest, 2, 2), 1, 0, 8).possible
