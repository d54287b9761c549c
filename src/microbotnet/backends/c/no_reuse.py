"""The memory plan where memory is ample: every tensor in a place of its own."""

from collections.abc import Callable
from math import prod

from ...integer.arena import Area, Plan
from ...integer.program import Program, Tensor
from .kernel_call import KernelCall

_ALIGNMENT = 64


def plan(program: Program, forms: list[KernelCall], room: Callable[[Program, Tensor], int]) -> Plan:
    """Picture, scratch and tensors one after the other, each at a multiple of 64 bytes.

    Args:
        room: bytes of a tensor.
    """
    last = len(program.operators) - 1
    sizes = [(program.input, False, prod(program.tensors[program.input].shape))]
    for operator, form in zip(program.operators, forms, strict=True):
        _, output = program.of(operator)
        sizes.append((operator.name, True, form.scratch))
        if output.dtype != "int16":
            sizes.append((operator.output, False, room(program, output)))
    areas, offset = [], 0
    for name, scratch, size in sizes:
        areas.append(Area(name, scratch, offset, size, 0, last))
        offset += -(-size // _ALIGNMENT) * _ALIGNMENT
    return Plan(tuple(areas), ())
