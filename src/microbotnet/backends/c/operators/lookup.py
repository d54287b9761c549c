"""Tables."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....integer.operators import Lookup
from ....integer.program import Program, Tensor
from .. import avx512 as registers
from ..avx512 import signs_apart
from ..avx512 import width as avx512_width
from ..kernel_call import KernelCall, with_packed
from ..packed import pack_table
from ..vectors import FILES, width

TABLE, CALLS = 256, 32  # bytes of a table, and of the calls for each


def small(program: Program, operator: Lookup) -> list[KernelCall]:
    """One table for all channels, or one for each."""
    (x,), y = program.of(operator)
    kernel = "lookup_bytes" if x.dtype == "uint8" else "lookup"
    call = f"{kernel}({{x}}, {{y}}, {{table}}, {_step(operator)}, {y.shape[0]}, {prod(y.shape[1:])})"
    found = with_packed([KernelCall(("lookup",), call, arrays={"table": operator.tables})])
    one_by_one = _one_by_one(operator, kernel, prod(y.shape[1:]))
    return [*found, *([one_by_one] if one_by_one else [])]


def _one_by_one(operator: Lookup, kernel: str, pixels: int) -> KernelCall | None:
    """Each channel's table widened where the one before was: for a third of the scratch, a few bytes of calls more."""
    steps = [made for made in map(pack_table, operator.tables) if made is not None]
    if not 1 < len(steps) == len(operator.tables):
        return None
    lines, arrays = [], {}
    for c, each in enumerate(steps):
        arrays[f"steps{c}"] = each.data
        lines += [
            f"widen_table({{steps{c}}}, {{scratch}}, {each.first}, {each.least}, {each.bits})",
            f"{kernel}(({{x}}) + {c * pixels}, ({{y}}) + {c * pixels}, {{scratch}}, 0, 1, {pixels})",
        ]
    return KernelCall(
        ("requantize", "lanes", "lookup", "widen"), ";\n    ".join(lines), scratch=TABLE, arrays=arrays,
        code=CALLS * len(steps), instructions=12 * TABLE * len(steps),
    )  # fmt: skip


def vectors(program: Program, operator: Lookup) -> KernelCall:
    """What comes from the caller is brought into pixels, too."""
    (x,), y = program.of(operator)
    given = x.name == program.input
    kernel = "vector_picture" if given else "vector_lookup"
    sizes = f"{_step(operator)}, {y.shape[0]}, {width(y)}, {prod(y.shape[1:])}"
    call = f"{kernel}({_unsigned(x) if given else '{x}'}, {{y}}, {{table}}, {sizes})"
    return KernelCall(FILES, call, arrays={"table": _by_byte(x, operator) if given else operator.tables})


def avx512(program: Program, operator: Lookup) -> KernelCall:
    """What comes from the caller is brought into pixels, too."""
    (x,), y = program.of(operator)
    step, channels, wide, pixels = _step(operator), y.shape[0], avx512_width(program, y), prod(y.shape[1:])
    picture = x.name == program.input
    tables = _by_byte(x, operator) if picture else operator.tables
    arrays: dict[str, NDArray[Any]] = {"table": signs_apart(tables, picture=picture)}
    if picture and wide == 4:
        call = f"avx512_picture({_unsigned(x)}, {{y}}, {{table}}, {step}, {channels}, {pixels})"
    elif picture:
        call = f"avx512_rest({_unsigned(x)}, {{y}}, {{table}}, {step}, {channels}, {wide}, 0, {pixels})"
    else:
        call = f"avx512_lookup({{x}}, {{y}}, {{table}}, {step}, {channels}, {wide}, {pixels})"
    return KernelCall(registers.FILES, call, arrays=arrays)


def _unsigned(x: Tensor) -> str:
    """The caller's bytes, without a sign, as C."""
    return "(const uint8_t *){x}" if x.dtype == "int8" else "{x}"


def _by_byte(x: Tensor, operator: Lookup) -> NDArray[np.int8]:
    """The tables in the order of bytes without a sign, as the caller's are read."""
    return np.roll(operator.tables, 128, 1) if x.dtype == "int8" else operator.tables


def _step(operator: Lookup) -> int:
    return 256 * (len(operator.tables) > 1)
