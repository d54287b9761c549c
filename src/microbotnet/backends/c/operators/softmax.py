"""Softmax over the channels."""

from math import prod

from ....integer.operators import Softmax
from ....integer.program import Program
from .. import hosts
from ..kernel_call import KernelCall

FILES = ("product", "softmax")


def small(program: Program, operator: Softmax) -> list[KernelCall]:
    """Pixel by pixel."""
    _, y = program.of(operator)
    return [_form(program, operator, prod(y.shape[1:]), 1, 1, 0)]


def vectors(program: Program, operator: Softmax) -> KernelCall:
    """Pixel by pixel."""
    return _of_pixels(program, operator, hosts.of_vectors(program))


def avx512(program: Program, operator: Softmax) -> KernelCall:
    """Pixel by pixel."""
    return _of_pixels(program, operator, hosts.of_avx512(program))


def _of_pixels(program: Program, operator: Softmax, layout: hosts.Layout) -> KernelCall:
    (x,), y = program.of(operator)
    return _form(program, operator, 1, layout.width(x), layout.width(y), layout.apart)


def _form(program: Program, operator: Softmax, step: int, before: int, after: int, apart: int) -> KernelCall:
    _, y = program.of(operator)
    numbers = f"{y.shape[0]}, {prod(y.shape[1:])}, {step}, {before}, {after}, {apart}"
    call = f"softmax({{x}}, {{y}}, {{exponentials}}, {numbers})"
    return KernelCall(FILES, call, arrays={"exponentials": operator.exponentials})
