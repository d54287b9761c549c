"""What only moves bytes."""

from ....integer.operators import View
from ....integer.operators.view import AXES
from ....integer.program import Program
from .. import hosts
from ..kernel_call import KernelCall


def small(program: Program, operator: View) -> list[KernelCall]:
    """Element by element, unless the output lies in the input already."""
    more = AXES - len(operator.sizes)
    sizes = ", ".join(map(str, (1,) * more + operator.sizes))
    strides = ", ".join(map(str, (0,) * more + operator.strides))
    structs = {"moved": ("view_t", f"{{{{{sizes}}}}}, {{{{{strides}}}}}, {operator.start}")}
    return [KernelCall(("moves",), "view({x}, {y}, &moved)", structs=structs, in_place=operator.is_slice)]


def vectors(program: Program, operator: View) -> KernelCall:
    """Element by element."""
    return _gathered(hosts.of_vectors(program), program, operator)


def avx512(program: Program, operator: View) -> KernelCall:
    """Element by element."""
    return _gathered(hosts.of_avx512(program), program, operator)


def _gathered(layout: hosts.Layout, program: Program, operator: View) -> KernelCall:
    (x,), y = program.of(operator)
    return hosts.gather(layout, x, y, operator.index.reshape(y.shape))
