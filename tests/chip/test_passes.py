"""Passes and storage: what the engine is told, before any hardware."""

from dataclasses import replace

import numpy as np
import pytest

from microbotnet.chip.flow import design
from microbotnet.chip.geometry import Geometry
from microbotnet.chip.images import image
from microbotnet.chip.passes import compile_program
from microbotnet.chip.rounding import Rounding, narrowed, narrowed_pair, rounding
from microbotnet.chip.storage import place
from microbotnet.errors import BadInput
from microbotnet.integer.operators import Convolve, Gate, RescaledConvolve, Softmax, View
from microbotnet.integer.operators.operator import OfOne
from microbotnet.integer.program import Program, Tensor
from microbotnet.integer.samples import random_network, random_program
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


def test_shorter_constants_round_every_sum_as_before() -> None:
    rng = np.random.default_rng(0)
    before = after = 0
    for _ in range(200):
        shift, low = int(rng.integers(1, 24)), -int(rng.integers(0, 3000))
        high = low + int(rng.integers(0, 4000))
        whole = rng.integers(-(2**shift), 2**shift, 3)  # slopes of −1 to 1; sums fall where they may
        clamp = sorted(rng.integers(-128, 128, 2).tolist())
        how = Rounding(whole, rng.integers(-(2**30), 2**30, 3) >> int(rng.integers(0, 30)), shift, *clamp, None)
        made = narrowed(how, np.array([low]), np.array([high]))
        sums = np.arange(low, high + 1)[:, None]
        np.testing.assert_array_equal(_rounded(made, sums), _rounded(how, sums))
        before, after = before + shift, after + made.shift
    assert after < 0.75 * before


def test_shorter_constants_of_a_pair_round_all_pairs_as_before() -> None:
    rng = np.random.default_rng(1)
    for _ in range(12):
        (a, b), shift = rng.integers(-(2**20), 2**20, 2), 20
        how = Rounding(np.array([a, b]), np.array([int(rng.integers(-(2**24), 2**24)), 0]), shift, -100, 127, None)
        made = narrowed_pair(how, (-128, 127), (-5, 90))
        x, y = np.arange(-128, 128)[:, None], np.arange(-5, 91)
        wanted, found = (np.clip((x * h.multiplier[0] + y * h.multiplier[1] + h.offset[0]) >> h.shift, h.low, h.high)
                         for h in (how, made))  # fmt: skip
        np.testing.assert_array_equal(found, wanted)
        assert made.shift <= shift


def _rounded(how: Rounding, sums: np.ndarray) -> np.ndarray:
    return np.clip((sums * how.multiplier + how.offset) >> how.shift, how.low, how.high)


def test_a_view_is_moved_by_passes_between_whose_pixels_all_steps_are_alike() -> None:
    x, y = Tensor("x", (16, 4, 4), "int8", 1.0, 0, -128, 127), Tensor("y", (4, 8, 8), "int8", 1.0, 0, -128, 127)
    shuffle = View("shuffle", "x", "y", (4, 4, 2, 4, 2), (64, 4, 32, 1, 16), 0)  # pixel shuffle by 2
    work = compile_program(Program({"x": x, "y": y}, (shuffle,), "x", ("y",)), Geometry())
    assert len(work.passes) == 4
    assert {one.pixels for one in work.passes} == {16}
    turned = View("turned", "x", "y", (16, 16), (1, 16), 0)  # channels and pixels exchanged
    assert len(compile_program(Program({"x": x, "y": replace(y, shape=(16, 4, 4))}, (turned,), "x", ("y",)),
                               Geometry()).passes) <= 256  # fmt: skip
    wide = replace(x, shape=(64, 8, 8))
    turned = View("turned", "x", "y", (64, 64), (1, 64), 0)
    with pytest.raises(BadInput, match=r"turned: moves elements .* need 4,096 passes"):
        compile_program(Program({"x": wide, "y": replace(wide, name="y")}, (turned,), "x", ("y",)), Geometry())


def test_a_depthwise_layer_reads_each_word_once_a_row() -> None:
    program = open_program("grain-xl-ternary")
    for one in compile_program(program, Geometry()).passes:
        if one.sliding:
            operator = program.operators[one.operator]
            (x,), y = program.of(operator)
            stride, kernel = operator.stride[1], operator.weights.shape[2]
            assert one.pixels * one.steps == y.shape[1] * ((y.shape[2] - 1) * stride + kernel) * kernel
            assert one.tiles * one.side >= x.shape[0]


@pytest.mark.parametrize("kind", [Softmax, RescaledConvolve])
def test_what_the_circuit_cannot_round_is_refused_by_name(kind: type) -> None:
    program = next(p for p in map(random_network, range(100)) if any(isinstance(o, kind) for o in p.operators)
                   and not any(type(o) in {Softmax, RescaledConvolve} - {kind} for o in p.operators))  # fmt: skip
    with pytest.raises(BadInput, match=f"the circuit has no {kind.__name__}"):
        compile_program(program, Geometry())


def test_ternary_weights_take_two_bits_and_are_read_once() -> None:
    program = open_program("grain-xl-ternary")
    work = compile_program(program, Geometry())
    dense = [one for one in work.passes if one.dense and one.kind == 0]
    for one in dense:
        operator = program.operators[one.operator]
        assert isinstance(operator, Convolve)
        outputs, inputs = operator.weights.shape[:2]
        assert one.entries * one.tiles == -(-outputs // 16) * -(-inputs // 8)  # words of 128 weights
        assert one.held == (one.pixels > 1)
    assert image(work).weights.width == 256


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
