"""Convolutions by Arm's DSP extension: on emulated cores, and what stands in for the assembly elsewhere."""

from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c import emit
from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.errors import BadInput
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, RescaledConvolve
from microbotnet.integer.program import Program
from microbotnet.integer.rescale import Rescale
from microbotnet.integer.samples import random_pictures, random_program

from .compiled import Compiled, compiler

KINDS = ("dual(", "dual_pointwise(", "{NAME}_paired_", "tripled(")


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Of each operator one of these forms is taken, if it has one: how often which."""
    module, counts = import_module("microbotnet.backends.c.emit"), Counter[str]()
    choose = module.choose

    def extended(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        some = [[form for form in forms if "dual" in form.files] or forms for forms in candidates]
        forms: list[KernelCall] = choose(some, prefer, more)
        counts.update(kind for form in forms for kind in KINDS if form.call.startswith(kind))
        return forms

    monkeypatch.setattr(module, "choose", extended)
    return counts


def with_long_products(program: Program) -> Program:
    """Multipliers, offsets and shifts that need 64 bits on the way to the same outputs."""
    operators = [
        replace(
            operator,
            requantize=replace(
                operator.requantize,
                multiplier=operator.requantize.multiplier << 2,
                pre_shift=operator.requantize.pre_shift + 2,
            ),
        )
        if isinstance(operator, Convolve) and index % 2 and np.abs(operator.requantize.multiplier).max() < 2**24
        else operator
        for index, operator in enumerate(program.operators)
    ]
    return replace(program, operators=tuple(operators))


def with_tensorflows_rounding(program: Program, seed: int) -> Program:
    """Every convolution to bytes rounds twice."""
    rng, operators = np.random.default_rng(seed), []
    for operator in program.operators:
        y = program.tensors[operator.output]
        if not isinstance(operator, Convolve) or y.dtype != "int8":
            operators.append(operator)
            continue
        rows = len(operator.weights)
        multiplier = rng.integers(2**30, 2**31 - 1, rows, endpoint=True).astype(np.int32)
        bias, shift = rng.integers(-9999, 9999, rows).astype(np.int32), rng.integers(1, 12, rows).astype(np.int32)
        table = None if seed % 2 else rng.integers(y.low, y.high, 256, endpoint=True).astype(np.int8)
        how = Rescale(multiplier, bias, shift, int(rng.integers(-50, 50)), y.low, y.high, table)
        o = operator
        operators.append(
            RescaledConvolve(o.name, o.input, o.output, o.weights, o.bits, o.stride, o.padding, o.groups, how)
        )
    return replace(program, operators=tuple(operators))


def test_the_c_that_stands_in_equals_the_interpreter(tmp_path: Path, chosen: Counter[str]) -> None:
    programs = [with_long_products(random_program(seed, operators=8)) for seed in range(30)]
    programs += [random_program(seed, size=(8, 8), operators=6) for seed in range(30)]
    programs += [with_tensorflows_rounding(random_program(seed, operators=5), seed) for seed in range(20)]
    compiled = Compiled(programs, tmp_path, compiler("gcc"), isa="dsp")
    for number, program in enumerate(programs):
        pictures = random_pictures(program, 3)
        np.testing.assert_array_equal(compiled.scores(number, pictures), run(program, pictures), str(number))
    assert min(chosen[name] for name in KINDS) > 5


@pytest.mark.parametrize("seed", [3, 8, 12])
@pytest.mark.parametrize("board", ["microbit-v2", "nrf5340-dk"])
def test_emulated_cores_with_the_extension_equal_the_interpreter(board: str, seed: int, chosen: Counter[str]) -> None:
    pytest.importorskip("unicorn", reason="unicorn of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    size = (8, 8) if seed == 12 else None
    program = with_long_products(random_program(seed, size=size, operators=9))
    if seed == 8 or (board, seed) == ("nrf5340-dk", 3):
        program = with_tensorflows_rounding(program, seed)
    made = make_firmware(program, load_board(board))
    assert made.run(random_pictures(program, 2, seed)).bit_exact
    assert any(instruction.needs == "dsp" for instruction in made.image.instructions())


def test_other_cores_get_none_of_it() -> None:
    program = random_program(3, operators=9)
    assert "dual" not in emit(program)["net.c"]
    with pytest.raises(BadInput, match="'', 'dsp', 'c', not 'mve'"):
        emit(program, isa="mve")
