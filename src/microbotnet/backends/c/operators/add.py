"""Sums of two maps."""

from math import prod

import numpy as np

from ....integer import ranges
from ....integer.operators import Add
from ....integer.program import Program
from ..avx512 import avx512_form
from ..avx512 import width as avx512_width
from ..elementwise import Added
from ..kernel_call import KernelCall, stretched, table, with_packed
from ..lanes import LARGEST, indices
from ..vectors import vectors_form, width

FILES = ("requantize", "lanes", "armv6m", "elementwise")


def small(program: Program, operator: Add) -> list[KernelCall]:
    """Element by element; as straight code with a clamp, or with a table that no index leaves."""
    _, y = program.of(operator)
    (a, b), how, count = operator.multipliers, operator.requantize, prod(y.shape)
    call = f"add({{x}}, {{x1}}, {{y}}, {a}, {b}, &how, {count})"
    found = with_packed([KernelCall(FILES, call, how=how, instructions=24 * count)])
    (sums,) = ranges.sums(program, operator)
    if int(sums.high.max()) + int(how.offset[0]) + (128 << how.shift) > LARGEST:
        return found
    offset = int(how.offset[0]) + (128 << how.shift)
    each = next(each for each in (4, 2, 1) if count % each == 0)
    for clamped in (True, False):
        code = Added(each, how.shift, clamped)
        values, first = (table(how), 0) if clamped else stretched(how, *indices(sums, how))
        struct = f"{a}, {b}, {offset}, {{{'table' if clamped else 'wide'}}} + {first}, {count}"
        found.append(
            KernelCall(
                FILES,
                f"{{NAME}}_{code.name}({{x}}, {{x1}}, {{y}}, &sides)",
                arrays={"table" if clamped else "wide": values},
                structs={"sides": ("added_t", struct)},
                functions={code.name: code.text},
                code=2 * len(code.lines),
                instructions=code.instructions(count),
            )
        )
    return found


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
