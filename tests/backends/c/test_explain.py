"""What is said of forms is what was chosen."""

import pytest

from microbotnet.backends.c import emit, prepare
from microbotnet.backends.c.explain import explain
from microbotnet.integer.fold import fold
from microbotnet.integer.operators import Convolve
from microbotnet.integer.samples import random_program


@pytest.mark.parametrize("isa", ["", "dsp", "c"])
@pytest.mark.parametrize("seed", range(4))
def test_the_form_named_is_the_one_written(seed: int, isa: str) -> None:
    program = fold(random_program(seed, operators=9))
    prepared = prepare(program, isa=isa)
    choices = explain(prepared)
    assert [choice.taken for choice in choices] == prepared.kinds
    source = emit(program, isa=isa)["net.c"]
    assert all(choice.taken.removesuffix(", packed") in source for choice in choices)


def test_every_form_that_was_not_taken_has_a_reason() -> None:
    program = fold(random_program(3, operators=9))
    for isa in ("", "dsp"):
        for choice, operator in zip(explain(prepare(program, isa=isa)), program.operators, strict=True):
            assert all(why for _, why in choice.others)
            kinds_named = [kind for kind, _ in choice.others]
            assert len(set(kinds_named)) == len(kinds_named)
            assert choice.taken not in kinds_named
            if isinstance(operator, Convolve):
                assert choice.others
