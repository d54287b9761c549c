"""Shorter programs, the same scores."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from microbotnet.integer.fold import fold
from microbotnet.integer.interpreter import run
from microbotnet.integer.operators import Convolve, Gate
from microbotnet.integer.program import Program
from microbotnet.integer.ranges import check
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.sources import open_program

LAYERS = ("pool", "fc.0", "fc.2", "mul")


def with_constant_gates(program: Program, value: int) -> Program:
    """Every gate's factor becomes `value`, whatever the picture."""
    made = {operator.inputs[1] for operator in program.operators if isinstance(operator, Gate)}
    table = np.full(256, value, np.int8)
    operators = tuple(
        replace(operator, requantize=replace(operator.requantize, table=table))
        if isinstance(operator, Convolve) and operator.output in made
        else operator
        for operator in program.operators
    )
    fixed = {name: replace(program.tensors[name], low=value, high=value) for name in made}
    return replace(program, operators=operators, tensors=program.tensors | fixed)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(-128, 127))
def test_the_scores_stay(seed: int, value: int) -> None:
    program = with_constant_gates(random_program(seed, operators=8), value)
    folded, pictures = fold(program), random_pictures(program, 3, seed)
    np.testing.assert_array_equal(run(folded, pictures), run(program, pictures))
    check(folded)
    assert len(folded.operators) <= len(program.operators)
    assert fold(folded) is folded


def test_an_open_gate_goes_with_all_that_made_it() -> None:
    program = open_program("microbotnet-0.32-one-negative-one-pointwise")
    gone = {operator.name for operator in program.operators} - {operator.name for operator in fold(program).operators}
    assert gone == {f"features.{block}.conv.5.{layer}" for block in (4, 5, 7, 8, 9, 10) for layer in LAYERS}


def test_no_gate_of_one_factor_is_left() -> None:
    seed = next(s for s in range(200) if any(isinstance(o, Gate) for o in random_program(s).operators))
    program = with_constant_gates(random_program(seed), 7)
    assert any(isinstance(o, Gate) for o in program.operators)
    assert not any(isinstance(o, Gate) for o in fold(program).operators)
