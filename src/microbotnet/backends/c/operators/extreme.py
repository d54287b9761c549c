"""The larger, or the smaller, of two maps."""

from math import prod

from ....integer.operators import Extreme
from ....integer.program import Program
from .. import hosts
from ..kernel_call import KernelCall


def small(program: Program, operator: Extreme) -> list[KernelCall]:
    """Element by element."""
    _, y = program.of(operator)
    kernel = "larger" if operator.largest else "smaller"
    return [KernelCall(("requantize", "pairs"), f"{kernel}({{x}}, {{x1}}, {{y}}, {prod(y.shape)})")]


def vectors(program: Program, operator: Extreme) -> KernelCall:
    """Element by element."""
    return _compared(hosts.of_vectors(program), program, operator)


def avx512(program: Program, operator: Extreme) -> KernelCall:
    """Element by element."""
    return _compared(hosts.of_avx512(program), program, operator)


def _compared(layout: hosts.Layout, program: Program, operator: Extreme) -> KernelCall:
    _, y = program.of(operator)
    count = prod(y.shape[1:]) * layout.width(y)
    call = f"host_extreme({{x}}, {{x1}}, {{y}}, {count}, {int(operator.largest)}, {layout.apart})"
    return KernelCall(hosts.FILES, call)
