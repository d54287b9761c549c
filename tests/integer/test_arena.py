import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from microbotnet.errors import BadInput
from microbotnet.integer import interpreter
from microbotnet.integer.arena import Area, Plan, plan, size_bytes
from microbotnet.integer.operators import Add, Concatenate, Convolve, Gate, Lookup
from microbotnet.integer.program import Program, Requantize, Tensor
from microbotnet.integer.samples import random_network, random_pictures, random_program

HOW = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, -128, 127)


def program(sizes: dict[str, int], *operators: Lookup | Add | Gate | Concatenate | Convolve) -> Program:
    """Tensors of so many pixels in one row; the first is the picture, the last the scores."""
    names = list(sizes)
    dtypes = ["uint8", *["int8"] * (len(names) - 2), "int16"]
    tensors = {n: Tensor(n, (sizes[n], 1, 1), d, 1.0, 0, 0, 0) for n, d in zip(names, dtypes, strict=True)}
    return Program(tensors, operators, names[0], (names[-1],))


def linear(name: str, x: str, y: str) -> Convolve:
    return Convolve(name, x, y, np.ones((1, 1, 1, 1), np.int8), 8, (1, 1), (0, 0), 1, HOW)


def lookup(x: str, y: str) -> Lookup:
    return Lookup(y, x, y, np.zeros((1, 256), np.int8))


def test_a_chain_by_hand() -> None:
    # picture 12 and a 12 share; a 12 and b 20; b 20 and c 8; c and the scores, which lie elsewhere
    found = plan(
        program(
            {"picture": 12, "a": 12, "b": 20, "c": 8, "scores": 3},
            lookup("picture", "a"),
            linear("1", "a", "b"),
            linear("2", "b", "c"),
            linear("3", "c", "scores"),
        )
    )
    assert found.alive == (12, 32, 28, 8)
    assert found.size == found.lower_bound == 32
    assert found.offsets["picture"] == found.offsets["a"]
    assert "scores" not in found.offsets
    assert found.optimal


def test_sizes_are_rounded_to_four_and_scratch_counts_while_its_operator_runs() -> None:
    found = plan(program({"picture": 5, "a": 6, "scores": 1}, linear("1", "picture", "a"), linear("2", "a", "scores")),
                 {"1": 3, "2": 9})  # fmt: skip
    assert found.alive == (8 + 8 + 4, 8 + 12)
    assert found.size == 20
    assert set(found.scratch) == {"1", "2"}


def test_a_sum_is_written_over_the_input_that_dies() -> None:
    chain = (lookup("picture", "a"), linear("1", "a", "b"), Add("sum", ("a", "b"), "c", (1, 1), HOW))
    sizes = {"picture": 8, "a": 8, "b": 8, "c": 8, "scores": 1}
    assert plan(program(sizes, *chain, linear("2", "c", "scores"))).size == 16
    used_again = plan(program(sizes | {"scores": 8}, *chain, Add("end", ("a", "c"), "scores", (1, 1), HOW)))
    assert used_again.offsets["c"] == used_again.offsets["b"] != used_again.offsets["a"]


def test_parts_of_a_concatenation_are_written_into_place() -> None:
    sizes = {"picture": 8, "a": 8, "b": 12, "c": 20, "scores": 1}
    operators = (linear("1", "picture", "a"), linear("2", "a", "b"), Concatenate("c", ("a", "b"), "c", (HOW, HOW)))
    found = plan(program(sizes, *operators, linear("3", "c", "scores")))
    assert found.size == 20
    assert found.offsets["b"] == found.offsets["c"] + 8


def test_a_part_that_would_begin_at_an_odd_byte_lies_apart() -> None:
    sizes = {"picture": 8, "a": 5, "b": 12, "c": 17, "scores": 1}
    both = Concatenate("c", ("a", "b"), "c", (HOW, HOW))
    found = program(sizes, linear("1", "picture", "a"), linear("2", "a", "b"), both, linear("3", "c", "scores"))
    assert both.over(found.of(both)[0], False) == (("a", 0), ("b", 5))
    assert plan(found).offsets["b"] % 4 == 0


def test_an_operator_may_be_allowed_to_write_over_its_first_input() -> None:
    small = program({"picture": 16, "a": 16, "b": 8, "scores": 1}, lookup("picture", "a"), linear("1", "a", "b"),
                    linear("2", "b", "scores"))  # fmt: skip
    assert plan(small).size == 24
    assert plan(small, over_first={"1"}).size == 16


def test_nearly_every_random_program_is_packed_at_its_lower_bound() -> None:
    found = [plan(random_program(seed, operators=9), random_scratch(seed, 9)) for seed in range(60)]
    assert sum(p.optimal for p in found) >= 58


def random_scratch(seed: int, operators: int) -> dict[str, int]:
    rng = np.random.default_rng(seed)
    made = random_program(seed, operators=operators)
    return {o.name: int(rng.integers(1, 200)) for o in made.operators if rng.random() < 0.4}


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), operators=st.integers(0, 9))
def test_what_lives_together_lies_apart_or_is_written_over(seed: int, operators: int) -> None:
    made = random_program(seed, operators=operators)
    found = plan(made, random_scratch(seed, operators))
    assert found.size >= found.lower_bound
    for area in found.areas:
        assert area.offset % 4 == 0
        assert area.offset >= 0
        assert area.offset + area.size <= found.size
    for a, b in itertools.combinations(found.areas, 2):
        if together(a, b):
            early, late = sorted((a, b), key=lambda area: (area.first, area.name != made.input))
            maker = made.operators[late.first]
            assert not early.scratch
            assert not late.scratch
            assert maker.output == late.name
            assert (early.name, early.offset - late.offset) in maker.over(made.of(maker)[0], False)
            assert early.last == late.first


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), operators=st.integers(0, 9), share=st.floats(0.3, 1))
def test_in_two_regions_nothing_lies_across(seed: int, operators: int, share: float) -> None:
    made = random_program(seed, operators=operators)
    scratch = random_scratch(seed, operators)
    whole = plan(made, scratch)
    picture = -(-size_bytes(made.tensors[made.input]) // 4) * 4
    first = max(picture, int(share * whole.size) // 4 * 4)
    try:
        found = plan(made, scratch, regions=(first, 2 * whole.size))
    except BadInput as error:  # what shares the picture's place is larger than the region, or nothing shares one
        assert "nothing lies across" in str(error)  # noqa: PT017
        assert first < whole.size
        return
    assert found.sizes[0] <= first
    assert found.offsets[made.input] < first
    assert not any(area.offset < first < area.offset + area.size for area in found.areas)
    pictures = random_pictures(made, 2, seed)
    for picture, scores in zip(pictures, interpreter.run(made, pictures), strict=True):
        np.testing.assert_array_equal(run_in_arena(made, found, scratch, picture)[made.result.name][:, 0, 0], scores)


def test_regions_that_are_too_small_or_odd_are_refused() -> None:
    small = program({"picture": 8, "a": 16, "scores": 1}, linear("1", "picture", "a"), linear("2", "a", "scores"))
    assert plan(small, regions=(8, 16)).sizes == (8, 16)
    assert plan(small, regions=(24, 0)).sizes == (24, 4)  # the second has a word at least, so that it can be declared
    for regions in ((8, 12), (4, 100), (16, 4)):
        with pytest.raises(BadInput, match="does not fit regions"):
            plan(small, regions=regions)
    with pytest.raises(BadInput, match="multiples of 4 bytes"):
        plan(small, regions=(10, 100))


def together(a: Area, b: Area) -> bool:
    in_time = a.first <= b.last and b.first <= a.last
    return in_time and a.offset < b.offset + b.size and b.offset < a.offset + a.size


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), operators=st.integers(0, 9))
def test_any_network_run_in_its_arena_gives_the_interpreters_outputs(seed: int, operators: int) -> None:
    made = random_network(seed, operators=operators)
    pictures = random_pictures(made, 2, seed)
    values = interpreter.run_all(made, pictures)
    scratch = random_scratch(seed, operators)
    found = plan(made, scratch)
    assert found.size >= found.lower_bound
    for number, picture in enumerate(pictures):
        outputs = run_in_arena(made, found, scratch, picture)
        for name in made.outputs:
            np.testing.assert_array_equal(outputs[name], values[name][number], name)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), operators=st.integers(0, 9))
def test_a_program_run_in_its_arena_gives_the_interpreters_scores(seed: int, operators: int) -> None:
    made = random_program(seed, operators=operators)
    scratch = random_scratch(seed, operators)
    pictures = random_pictures(made, 3, seed)
    expected = interpreter.run(made, pictures)
    found = plan(made, scratch)
    for picture, scores in zip(pictures, expected, strict=True):
        np.testing.assert_array_equal(run_in_arena(made, found, scratch, picture)[made.result.name][:, 0, 0], scores)


def run_in_arena(
    made: Program, found: Plan, scratch: dict[str, int], picture: NDArray[Any]
) -> dict[str, NDArray[np.int32]]:
    """Tensors are read from the arena and written there; scratch and outputs that are apart are spoiled first."""
    arena = np.full(found.size, 0xA5, np.uint8)
    values = {"uint8": np.uint8, "int8": np.int8, "int16": np.int16}
    outputs: dict[str, NDArray[np.int32]] = {}

    def view(tensor: Tensor) -> NDArray[Any]:
        if tensor.name in outputs:
            return outputs[tensor.name]
        start = found.offsets[tensor.name]
        return arena[start : start + size_bytes(tensor)].view(values[tensor.dtype]).reshape(tensor.shape)

    view(made.tensors[made.input])[...] = picture
    for operator in made.operators:
        inputs, output = made.of(operator)
        if operator.name in found.scratch:
            arena[found.scratch[operator.name] :][: scratch[operator.name]] ^= 0xFF
        if not operator.over(inputs, False) and output.name not in made.outputs:
            view(output)[...] = 77
        read = [view(tensor).astype(np.int32)[None] for tensor in inputs]
        result = operator.compute(read, inputs, output)[0]
        if output.name in made.outputs:
            outputs[output.name] = result
        else:
            view(output)[...] = result
    return outputs
