"""How each operator is written in C, a file an operator: for small cores, and for two kinds of hosts."""

from importlib import import_module
from typing import Any, Protocol, cast

from ....integer.operators import OPERATORS, Operator
from ....integer.program import Program
from ..kernel_call import KernelCall


class Writer(Protocol):
    """What a file of this folder has."""

    def small(self, program: Program, operator: Any) -> list[KernelCall]:
        """The forms for a small core, of which one is chosen."""

    def vectors(self, program: Program, operator: Any) -> KernelCall:
        """The call of a kernel of `kernels/vectors.c`."""

    def avx512(self, program: Program, operator: Any) -> KernelCall:
        """The call of a kernel of `kernels/avx512.c`."""


def _writer(operator: type[Operator]) -> Writer:
    """The file of the name that the operator's own has."""
    return cast(Writer, import_module(f"{__name__}.{operator.__module__.rpartition('.')[2]}"))


WRITERS = {operator: _writer(operator) for operator in OPERATORS}
