"""Convolutions and linear layers with the rounding of TensorFlow Lite for Microcontrollers."""

from ....integer.operators import RescaledConvolve
from ....integer.program import Program
from ..kernel_call import KernelCall
from ..rescale import forms_of
from .convolve import avx512_convolution, vectors_convolution


def small(program: Program, operator: RescaledConvolve) -> list[KernelCall]:
    """See `rescale`."""
    return forms_of(program, operator)


def vectors(program: Program, operator: RescaledConvolve) -> KernelCall:
    """As a convolution; only what comes after the sums is another."""
    return vectors_convolution(program, operator, operator.rescale)


def avx512(program: Program, operator: RescaledConvolve) -> KernelCall:
    """As a convolution; only what comes after the sums is another."""
    return avx512_convolution(program, operator, operator.rescale)
