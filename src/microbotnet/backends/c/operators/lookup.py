"""Tables."""

from math import prod
from typing import Any

from numpy.typing import NDArray

from ....integer.operators import Lookup
from ....integer.program import Program
from ..avx512 import FILES, signs_apart
from ..avx512 import width as avx512_width
from ..form import Form, with_packed
from ..vectors import width


def small(program: Program, operator: Lookup) -> list[Form]:
    """One table for all channels, or one for each."""
    (x,), y = program.of(operator)
    kernel = "lookup_bytes" if x.dtype == "uint8" else "lookup"
    call = f"{kernel}({{x}}, {{y}}, {{table}}, {_step(operator)}, {y.shape[0]}, {prod(y.shape[1:])})"
    return with_packed([Form(("lookup",), call, arrays={"table": operator.tables})])


def vectors(program: Program, operator: Lookup) -> Form:
    """What comes from the caller is brought into pixels, too."""
    (x,), y = program.of(operator)
    kernel = "vector_picture" if x.dtype == "uint8" else "vector_lookup"
    call = f"{kernel}({{x}}, {{y}}, {{table}}, {_step(operator)}, {y.shape[0]}, {width(y)}, {prod(y.shape[1:])})"
    return Form(("vectors",), call, arrays={"table": operator.tables})


def avx512(program: Program, operator: Lookup) -> Form:
    """What comes from the caller is brought into pixels, too."""
    (x,), y = program.of(operator)
    step, channels, wide, pixels = _step(operator), y.shape[0], avx512_width(program, y), prod(y.shape[1:])
    picture = x.dtype == "uint8"
    arrays: dict[str, NDArray[Any]] = {"table": signs_apart(operator.tables, picture=picture)}
    if picture and wide == 4:
        call = f"avx512_picture({{x}}, {{y}}, {{table}}, {step}, {channels}, {pixels})"
    elif picture:
        call = f"avx512_rest({{x}}, {{y}}, {{table}}, {step}, {channels}, {wide}, 0, {pixels})"
    else:
        call = f"avx512_lookup({{x}}, {{y}}, {{table}}, {step}, {channels}, {wide}, {pixels})"
    return Form(FILES, call, arrays=arrays)


def _step(operator: Lookup) -> int:
    return 256 * (len(operator.tables) > 1)
