"""How each operator is written in C, a file an operator: for small cores, and for two kinds of hosts."""

from typing import Any, Protocol

from ....integer import operators as integer
from ....integer.program import Program
from ..form import Form
from . import (
    add,
    concatenate,
    convolve,
    extreme,
    gate,
    lookup,
    max_pool,
    pad,
    rescaled_convolve,
    softmax,
    sum_pool,
    view,
    window_sum,
)


class Writer(Protocol):
    """What a file of this folder has."""

    def small(self, program: Program, operator: Any) -> list[Form]:
        """The forms for a small core, of which one is chosen."""

    def vectors(self, program: Program, operator: Any) -> Form:
        """The call of a kernel of `kernels/vectors.c`."""

    def avx512(self, program: Program, operator: Any) -> Form:
        """The call of a kernel of `kernels/avx512.c`."""


WRITERS: dict[type[integer.Operator], Writer] = {
    integer.Add: add,
    integer.Concatenate: concatenate,
    integer.Convolve: convolve,
    integer.Extreme: extreme,
    integer.Gate: gate,
    integer.Lookup: lookup,
    integer.MaxPool: max_pool,
    integer.Pad: pad,
    integer.RescaledConvolve: rescaled_convolve,
    integer.Softmax: softmax,
    integer.SumPool: sum_pool,
    integer.View: view,
    integer.WindowSum: window_sum,
}
