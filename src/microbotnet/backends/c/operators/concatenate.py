"""Maps joined along their channels: each input is put into its place."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....integer.operators import Concatenate
from ....integer.program import Program, Tensor
from ..avx512 import FILES, avx512_form
from ..avx512 import width as avx512_width
from ..kernel_call import KernelCall, with_packed
from ..vectors import FILES as vectors_files
from ..vectors import vectors_form, width


def small(program: Program, operator: Concatenate) -> list[KernelCall]:
    """Element by element."""
    inputs, y = program.of(operator)
    pixels = prod(y.shape[1:])
    starts = [sum(t.shape[0] for t in inputs[:i]) * pixels for i in range(len(inputs))]
    call = ";\n    ".join(
        f"place({{x{i or ''}}}, {{y}} + {start}, &how{i}, {tensor.shape[0]}, {pixels})"
        for i, (tensor, start) in enumerate(zip(inputs, starts, strict=True))
    )
    files = ("requantize", "lanes", "armv6m", "elementwise")
    return with_packed([KernelCall(files, call, hows=operator.requantize)])


def vectors(program: Program, operator: Concatenate) -> KernelCall:
    """Channels in lanes."""
    return _placed(program, operator, "vector_place", vectors_files, vectors_form, np.zeros(1), width)


def avx512(program: Program, operator: Concatenate) -> KernelCall:
    """Channels in lanes."""
    return _placed(
        program, operator, "avx512_place", FILES, avx512_form, np.array([-128]), lambda t: avx512_width(program, t)
    )


def _placed(
    program: Program,
    operator: Concatenate,
    kernel: str,
    files: tuple[str, ...],
    form: Callable[..., KernelCall],
    begin: NDArray[Any],
    width: Callable[[Tensor], int],
) -> KernelCall:
    inputs, y = program.of(operator)
    calls, first = [], 0
    arrays: dict[str, NDArray[Any]] = {}
    structs: dict[str, tuple[str, str]] = {}
    for i, (tensor, how) in enumerate(zip(inputs, operator.requantize, strict=True)):
        part = form("", how, begin, suffix=str(i))
        arrays |= part.arrays
        structs |= part.structs
        sizes = f"{first}, {tensor.shape[0]}, {width(tensor)}, {width(y)}, {prod(y.shape[1:])}"
        calls.append(f"{kernel}({{x{i or ''}}}, {{y}}, {sizes}, &how{i})")
        first += tensor.shape[0]
    return KernelCall(files, ";\n    ".join(calls), arrays=arrays, structs=structs)
