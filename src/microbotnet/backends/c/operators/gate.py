"""Products of two maps."""

from dataclasses import replace
from math import prod

import numpy as np

from ....integer import ranges
from ....integer.operators import Gate
from ....integer.program import Program
from ..avx512 import avx512_form
from ..avx512 import width as avx512_width
from ..exact import exchanged
from ..form import Form, with_packed
from ..lanes import has_room
from ..vectors import vectors_form, width


def small(program: Program, operator: Gate) -> list[Form]:
    """A gate for each channel; without a pre-shift, where it can be, the gate and the multiplier are one factor."""
    (x, g), y = program.of(operator)
    how = exchanged(operator.requantize, *ranges.sums(program, operator)) or operator.requantize
    plain = how.pre_shift == 0 and has_room(program, replace(operator, requantize=how))
    kernel = "gate_unshifted" if plain else "gate"
    zeros = f"{x.zero_point}, {g.zero_point}"
    call = f"{kernel}({{x}}, {{x1}}, {{y}}, {zeros}, &how, {y.shape[0]}, {prod(y.shape[1:])})"
    return with_packed([Form(("requantize", "lanes", "armv6m", "elementwise"), call, how=how)])


def vectors(program: Program, operator: Gate) -> Form:
    """Channels in lanes."""
    (x, g), y = program.of(operator)
    call = f"vector_gate({{x}}, {{x1}}, {{y}}, {x.zero_point}, {g.zero_point}, {prod(y.shape[1:])}, {width(y)}, &how)"
    return vectors_form(call, operator.requantize, np.zeros(1))


def avx512(program: Program, operator: Gate) -> Form:
    """Channels in lanes."""
    (x, g), y = program.of(operator)
    zeros = f"{x.zero_point + 128}, {g.zero_point + 128}"
    call = f"avx512_gate({{x}}, {{x1}}, {{y}}, {zeros}, {prod(y.shape[1:])}, {avx512_width(program, y)}, &how)"
    return avx512_form(call, operator.requantize, np.zeros(1))
