"""Passes and storage: what the engine is told, before any hardware."""

from dataclasses import replace

import numpy as np
import pytest

from microbotnet.chip.flow import design
from microbotnet.chip.geometry import Geometry
from microbotnet.chip.images import image
from microbotnet.chip.passes import compile_program
from microbotnet.chip.rounding import rounding
from microbotnet.chip.storage import place
from microbotnet.errors import BadInput
from microbotnet.integer.operators import Convolve, Gate
from microbotnet.integer.operators.operator import OfOne
from microbotnet.integer.samples import random_program
from microbotnet.sources import open_program


@pytest.mark.parametrize("side", [4, 8, 16])
def test_tensors_that_live_at_once_lie_apart(side: int) -> None:
    for seed in range(20):
        program = random_program(seed)
        places = place(program, side).places
        last = {name: index for index, o in enumerate(program.operators) for name in (o.output, *o.inputs)}
        last |= dict.fromkeys(program.outputs, len(program.operators))
        first = {program.input: 0} | {o.output: index for index, o in enumerate(program.operators)}
        names = sorted(places)
        for a in names:
            for b in names:
                if a < b and first[a] < last[b] and first[b] < last[a]:
                    one, other = places[a], places[b]
                    apart = one.address + one.words <= other.address or other.address + other.words <= one.address
                    assert apart, (seed, a, b)


def test_a_rounding_is_requantize_without_its_pre_shift() -> None:
    rng = np.random.default_rng(0)
    for seed in range(30):
        program = random_program(seed)
        for operator in program.operators:
            if not isinstance(operator, Convolve | Gate):
                continue
            how = operator.requantize
            (found,) = operator.sums(program.of(operator)[0])
            channels = len(how.multiplier)
            moved = rng.integers(0, 50, channels)
            made = rounding(how, channels, moved)
            sums = rng.integers(found.low, found.high + 1, (500, len(found.low))) + np.zeros(channels, np.int64)
            y = np.clip(((sums - moved) * made.multiplier + made.offset) >> made.shift, made.low, made.high)
            wanted = replace(how, table=None).apply(sums[:, :, None, None].astype(np.int32))[:, :, 0, 0]
            np.testing.assert_array_equal(y, wanted)


def test_ternary_weights_take_two_bits_and_are_read_once() -> None:
    program = open_program("grain-xl-ternary")
    work = compile_program(program, Geometry())
    dense = [one for one in work.passes if one.dense and one.kind == 0]
    for one in dense:
        operator = program.operators[one.operator]
        assert isinstance(operator, Convolve)
        outputs, inputs = operator.weights.shape[:2]
        assert one.entries * one.tiles == -(-outputs // 8) * -(-inputs // 8)  # words of 64 weights
        assert one.held == (one.pixels > 1)
    assert image(work).weights.width == 128


def test_weights_that_do_not_fit_the_buffer_are_read_for_every_pixel() -> None:
    work = compile_program(open_program("grain-xl-ternary"), Geometry(buffer=0))
    assert not any(one.held for one in work.passes)
    assert work.buffer_entries == 0


def test_an_operator_that_the_circuit_lacks_is_refused_by_name() -> None:
    program = random_program(0)
    known = program.operators[1]

    class Tomorrow(OfOne):
        """No kind that the circuit has."""

        compute = made = onnx = None  # type: ignore[assignment]

    Tomorrow.__abstractmethods__ = frozenset()
    tomorrow = Tomorrow("layer.7", known.inputs[0], known.output)
    broken = replace(program, operators=(program.operators[0], tomorrow, *program.operators[2:]))
    with pytest.raises(BadInput, match=r"layer\.7: the circuit has no Tomorrow"):
        compile_program(broken, Geometry())


def test_a_memory_that_is_too_small_is_refused_with_what_it_lacks() -> None:
    program = open_program("grain-xl-ternary")
    design(program, Geometry(), 10_752)
    with pytest.raises(BadInput, match=r"need 10,752 bytes, 752 more than the 10,000"):
        design(program, Geometry(), 10_000)


@pytest.mark.parametrize("wrong", [{"lanes": 32}, {"banks": 3}, {"requantizers": 8}, {"buffer": -1}])
def test_an_impossible_engine_is_refused(wrong: dict[str, int]) -> None:
    (option,) = wrong
    with pytest.raises(BadInput, match=f"--{option}"):
        Geometry(**wrong)
