"""Products of two maps."""

from dataclasses import replace
from math import prod

import numpy as np

from ....integer import ranges
from ....integer.operators import Gate
from ....integer.program import Program, Tensor
from .. import hosts
from ..avx512 import avx512_form
from ..avx512 import width as avx512_width
from ..elementwise import Gated
from ..kernel_call import KernelCall, stretched, table, with_packed
from ..lanes import has_room, indices
from ..requantization import exchanged
from ..vectors import vectors_form, width

FILES = ("requantize", "lanes", "armv6m", "elementwise")


def small(program: Program, operator: Gate) -> list[KernelCall]:
    """A gate for each channel; without a pre-shift, where it can be, the gate and the multiplier are one factor.

    Other products go element by element.
    """
    (x, g), y = program.of(operator)
    if not _by_channel(x, g):
        numbers = ", ".join(map(str, (*x.shape, *_steps(g, g.shape[1] * g.shape[2], g.shape[2], 1), x.zero_point)))
        structs = {"sides": ("product_t", f"{numbers}, {g.zero_point}")}
        call = "product({x}, {x1}, {y}, &sides, &how)"
        return with_packed([KernelCall(("requantize", "pairs"), call, how=operator.requantize, structs=structs)])
    how = exchanged(operator.requantize, *ranges.sums(program, operator)) or operator.requantize
    plain = how.pre_shift == 0 and has_room(program, replace(operator, requantize=how))
    kernel = "gate_unshifted" if plain else "gate"
    zeros = f"{x.zero_point}, {g.zero_point}"
    channels, pixels = y.shape[0], prod(y.shape[1:])
    call = f"{kernel}({{x}}, {{x1}}, {{y}}, {zeros}, &how, {channels}, {pixels})"
    found = with_packed([KernelCall(FILES, call, how=how, instructions=channels * (35 + 10 * pixels))])
    if not plain:
        return found
    (sums,) = ranges.sums(program, operator)
    offset = int(how.offset[0]) + (128 << how.shift)
    each = next(each for each in (4, 2, 1) if pixels % each == 0)
    for clamped in (True, False):
        code = Gated(each, how.shift, clamped)
        values, first = (table(how), 0) if clamped else stretched(how, *indices(sums, how))
        name = "table" if clamped else "wide"
        numbers = f"{how.multiplier[0]}, {offset}, {zeros}, {channels}, {pixels}, {{{name}}} + {first}"
        found.append(
            KernelCall(
                FILES,
                f"{{NAME}}_{code.name}({{x}}, {{x1}}, {{y}}, &sides)",
                arrays={name: values},
                structs={"sides": ("gated_t", numbers)},
                functions={code.name: code.text},
                code=2 * len(code.lines),
                instructions=code.instructions(channels, pixels),
            )
        )
    return found


def vectors(program: Program, operator: Gate) -> KernelCall:
    """Channels in lanes."""
    (x, g), y = program.of(operator)
    if not _by_channel(x, g):
        return _product(hosts.of_vectors(program), program, operator)
    call = f"vector_gate({{x}}, {{x1}}, {{y}}, {x.zero_point}, {g.zero_point}, {prod(y.shape[1:])}, {width(y)}, &how)"
    return vectors_form(call, operator.requantize, np.zeros(1))


def avx512(program: Program, operator: Gate) -> KernelCall:
    """Channels in lanes."""
    (x, g), y = program.of(operator)
    if not _by_channel(x, g):
        return _product(hosts.of_avx512(program), program, operator)
    zeros = f"{x.zero_point + 128}, {g.zero_point + 128}"
    call = f"avx512_gate({{x}}, {{x1}}, {{y}}, {zeros}, {prod(y.shape[1:])}, {avx512_width(program, y)}, &how)"
    return avx512_form(call, operator.requantize, np.zeros(1))


def _by_channel(x: Tensor, g: Tensor) -> bool:
    return g.shape == (x.shape[0], 1, 1)


def _steps(g: Tensor, *steps: int) -> list[int]:
    """How far `g` moves with each axis: not at all where it has one element."""
    return [step if n > 1 else 0 for n, step in zip(g.shape, steps, strict=True)]


def _product(layout: hosts.Layout, program: Program, operator: Gate) -> KernelCall:
    (x, g), _ = program.of(operator)
    arrays, structs = hosts.rounding(operator.requantize)
    wide = layout.width(g)
    moves = _steps(g, 1, g.shape[2] * wide, wide)
    numbers = ", ".join(map(str, (*x.shape, layout.width(x), *moves, x.zero_point, g.zero_point)))
    structs["sides"] = ("host_product_t", numbers)
    return KernelCall(hosts.FILES, f"host_product({{x}}, {{x1}}, {{y}}, &sides, {layout.apart}, &how)", arrays=arrays,
                structs=structs)  # fmt: skip
