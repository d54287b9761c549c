"""A border of one value."""

from math import prod

import numpy as np

from ....integer.operators import Pad
from ....integer.program import Program
from .. import hosts
from ..kernel_call import KernelCall


def small(program: Program, operator: Pad) -> list[KernelCall]:
    """Row by row."""
    (x,), y = program.of(operator)
    numbers = ", ".join(map(str, (*x.shape, *y.shape, *operator.before, operator.fill)))
    return [KernelCall(("moves",), "pad({x}, {y}, &border)", structs={"border": ("pad_t", numbers)})]


def vectors(program: Program, operator: Pad) -> KernelCall:
    """Element by element."""
    return _gathered(hosts.of_vectors(program), program, operator)


def avx512(program: Program, operator: Pad) -> KernelCall:
    """Element by element."""
    return _gathered(hosts.of_avx512(program), program, operator)


def _gathered(layout: hosts.Layout, program: Program, operator: Pad) -> KernelCall:
    (x,), y = program.of(operator)
    index = np.full(y.shape, -1, np.int64)
    inside = tuple(slice(p, p + n) for p, n in zip(operator.before, x.shape, strict=True))
    index[inside] = np.arange(prod(x.shape)).reshape(x.shape)
    return hosts.gather(layout, x, y, index, operator.fill)
