"""No interpreted sum leaves its range, a range is reached, and what could overflow is refused by name."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from microbotnet.errors import BadInput
from microbotnet.integer import interpreter
from microbotnet.integer.operators import OPERATORS, Convolve, Lookup
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.ranges import WORD, Range, check, requantized, sums
from microbotnet.integer.samples import random_network, random_pictures, random_program

ONE = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -128, 127)


def test_bits_by_hand() -> None:
    def bits(low: int, high: int) -> int:
        return Range(np.array([low]), np.array([high])).bits

    assert [bits(0, 0), bits(-1, 0), bits(0, 1), bits(-2, 1), bits(-128, 127), bits(0, 128)] == [1, 1, 2, 2, 8, 9]


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_no_sum_leaves_its_range(seed: int) -> None:
    program = random_program(seed)
    pictures = random_pictures(program, 4, seed)
    seen: list[NDArray[np.int32]] = []

    def spy(how: Requantize, acc: NDArray[np.int32]) -> NDArray[np.int32]:
        seen.append(acc)
        return real(how, acc)

    real = Requantize.apply
    with patch.object(Requantize, "apply", spy):
        values = interpreter.run_all(program, pictures)
    found = [(operator, each) for operator in program.operators for each in sums(program, operator)]
    assert len(found) == len(seen)
    for (operator, each), acc in zip(found, seen, strict=True):
        least, most = acc.min((0, 2, 3)), acc.max((0, 2, 3))
        assert (least >= each.low).all(), operator.name
        assert (most <= each.high).all(), operator.name
    for name, value in values.items():
        assert program.tensors[name].low <= value.min()
        assert value.max() <= program.tensors[name].high
    check(program)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 3))
def test_a_range_is_reached(seed: int, channels: int, kernel: int) -> None:
    """With one layer, the picture that is lowest where a weight is negative and highest elsewhere makes the bound."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (1, channels, kernel, kernel)).astype(np.int8)
    tables = np.arange(-128, 128).astype(np.int8)[None]  # brightness 0 … 255 as −128 … 127
    program = Program(
        {
            "picture": Tensor("picture", (channels, kernel, kernel), "uint8", 1.0, 0, 0, 255),
            "x": Tensor("x", (channels, kernel, kernel), "int8", 1.0, 0, -128, 127),
            "y": Tensor("y", (1, 1, 1), "int16", 1.0, 0, -32768, 32767),
        },
        (Lookup("x", "picture", "x", tables), Convolve("y", "x", "y", weights, 8, (1, 1), (0, 0), 1, ONE)),
        "picture",
        ("y",),
    )
    (found,) = sums(program, program.operators[1])
    extreme = np.stack([np.where(weights[0] > 0, 0, 255), np.where(weights[0] > 0, 255, 0)]).astype(np.uint8)
    convolution = program.operators[1]
    assert isinstance(convolution, Convolve)
    x = interpreter.run_all(program, extreme)["x"]
    least, most = convolution.accumulate(x, program.tensors["x"], (1, 1, 1)).reshape(-1).tolist()
    assert (least, most) == (found.low.item(), found.high.item())


def one_layer(**changes: Any) -> Program:
    """A convolution of 100 inputs with weights of 127, its sums ±127·128·100 = about 2^20.6."""
    how = Requantize(np.array([1000], np.int32), np.array([0], np.int32), 0, 20, -128, 127)
    weights = np.full((1, 100, 1, 1), 127, np.int8)
    layer = Convolve("layer", "x", "y", weights, 8, (1, 1), (0, 0), 1, replace(how, **changes))
    return Program(
        {
            "x": Tensor("x", (100, 1, 1), "int8", 1.0, 0, -128, 127),
            "y": Tensor("y", (1, 1, 1), "int8", 1.0, 0, -128, 127),
        },
        (layer,),
        "x",
        ("y",),
    )


def test_what_fits_is_passed() -> None:
    check(one_layer())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"multiplier": np.array([2000], np.int32)}, "requantized sum can leave 32 bits"),  # 1,625,600·2,000 > 2^31
        ({"offset": np.array([2**31 - 1], np.int32)}, "requantized sum can leave 32 bits"),
        ({"multiplier": np.array([2**25], np.int32), "pre_shift": 20}, "requantized sum can leave 32 bits"),  # the rest
        ({"shift": 32}, "shift"),
        ({"pre_shift": -1}, "shift"),
        ({"low": -129}, "clamps"),
        ({"low": 1, "high": 0}, "clamps"),
    ],
)
def test_overflow_is_refused_with_the_operators_name(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=f"^layer: .*{reason}"):
        check(one_layer(**changes))


def test_sums_of_over_32_bits_are_refused() -> None:
    program = one_layer()
    operator = program.operators[0]
    assert isinstance(operator, Convolve)
    wide = np.full((1, 140_000, 1, 1), 127, np.int8)  # 140,000·127·128 > 2^31
    tensors = program.tensors | {"x": Tensor("x", (140_000, 1, 1), "int8", 1.0, 0, -128, 127)}
    with pytest.raises(BadInput, match="layer: its sums can need 33 bits"):
        check(replace(program, tensors=tensors, operators=(replace(operator, weights=wide),)))


def test_padding_counts_as_the_zero_point() -> None:
    program = one_layer()
    operator = program.operators[0]
    assert isinstance(operator, Convolve)
    outside = replace(program.tensors["x"], zero_point=100, low=0, high=10)
    (found,) = sums(replace(program, tensors=program.tensors | {"x": outside}), operator)
    assert (found.low.item(), found.high.item()) == (0, 100 * 127 * 100)


@given(
    st.integers(-(2**20), 0), st.integers(0, 2**20), st.integers(-(2**12), 2**12), st.integers(0, 8),
    st.integers(-(2**20), 2**20),
)  # fmt: skip
def test_requantized_bounds_every_step(low: int, high: int, multiplier: int, pre_shift: int, offset: int) -> None:
    how = Requantize(np.array([multiplier], np.int32), np.array([offset], np.int32), pre_shift, 0, -128, 127)
    least, most = requantized(Range(np.array([low]), np.array([high])), how)
    for acc in {low, high, 0, low // 2, high // 3}:
        rest = (acc & (2**pre_shift - 1)) * multiplier
        steps = [(acc >> pre_shift) * multiplier, rest, rest >> pre_shift, (acc * multiplier >> pre_shift) + offset]
        assert least.item() <= min(steps) <= max(steps) <= most.item()
    assert WORD == (-(2**31), 2**31 - 1)


def operators(program: Program) -> list[str]:
    return [type(operator).__name__ for operator in program.operators]


def test_random_programs_have_every_operator() -> None:
    found: set[str] = set()
    for seed in range(40):
        found |= {*operators(random_program(seed)), *operators(random_network(seed))}
    assert found == {kind.__name__ for kind in OPERATORS}
