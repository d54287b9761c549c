"""Average pools."""

from math import prod

import numpy as np

from ....integer.operators import SumPool
from ....integer.program import Program
from ..avx512 import avx512_form
from ..avx512 import width as avx512_width
from ..kernel_call import KernelCall, Window, destination, with_packed
from ..lanes import has_room
from ..vectors import vectors_form, width

_FILES = ("requantize", "lanes", "armv6m", "rows", "window", "pools")


def small(program: Program, operator: SumPool) -> list[KernelCall]:
    """Whole maps by words, other windows pixel by pixel."""
    (x,), y = program.of(operator)
    count, how = prod(operator.kernel), operator.requantize
    whole = operator.kernel == x.shape[1:] and count % 4 == 0 and count <= 512
    if y.dtype == "int8" and whole and has_room(program, operator):
        call = f"sum_map({{x}}, {{y}}, &how, {y.shape[0]}, {count // 4})"
        return with_packed([KernelCall(_FILES, call, how=how)])
    call = f"sum_{'pool' if y.dtype == 'int8' else 'scores'}({{x}}, {{y}}, &how, &window)"
    return with_packed([KernelCall(_FILES, call, how=how, window=Window(operator.kernel, operator.stride))])


def vectors(program: Program, operator: SumPool) -> KernelCall:
    """Channels in lanes."""
    _, y = program.of(operator)
    call = f"vector_sum({{x}}, {destination(y)}, &window, {width(y)}, &how)"
    return vectors_form(call, operator.requantize, np.zeros(1), window=Window(operator.kernel, operator.stride))


def avx512(program: Program, operator: SumPool) -> KernelCall:
    """Channels in lanes."""
    (x,), y = program.of(operator)
    call = f"avx512_sum({{x}}, {destination(y)}, &window, {avx512_width(program, x)}, &how)"
    start = np.array([-128 * prod(operator.kernel)])
    return avx512_form(call, operator.requantize, start, window=Window(operator.kernel, operator.stride))
