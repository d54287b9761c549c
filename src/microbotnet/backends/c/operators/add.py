"""Sums of two maps."""

from math import prod

import numpy as np

from ....integer.operators import Add
from ....integer.program import Program
from ..avx512 import avx512_form
from ..avx512 import width as avx512_width
from ..kernel_call import KernelCall, with_packed
from ..vectors import vectors_form, width


def small(program: Program, operator: Add) -> list[KernelCall]:
    """Element by element."""
    _, y = program.of(operator)
    a, b = operator.multipliers
    call = f"add({{x}}, {{x1}}, {{y}}, {a}, {b}, &how, {prod(y.shape)})"
    return with_packed([KernelCall(("requantize", "lanes", "armv6m", "elementwise"), call, how=operator.requantize)])


def vectors(program: Program, operator: Add) -> KernelCall:
    """Channels in lanes."""
    _, y = program.of(operator)
    a, b = operator.multipliers
    call = f"vector_add({{x}}, {{x1}}, {{y}}, {a}, {b}, {prod(y.shape[1:]) * width(y)}, &how)"
    return vectors_form(call, operator.requantize, np.zeros(1))


def avx512(program: Program, operator: Add) -> KernelCall:
    """Channels in lanes."""
    _, y = program.of(operator)
    a, b = operator.multipliers
    call = f"avx512_add({{x}}, {{x1}}, {{y}}, {a}, {b}, {prod(y.shape[1:]) * avx512_width(program, y)}, &how)"
    return avx512_form(call, operator.requantize, np.array([-128 * (a + b)]))
