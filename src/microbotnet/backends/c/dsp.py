"""Forms for cores with Arm's DSP extension (Cortex-M4, M7, M33), beside those that every core has."""

from ...integer.operators import Convolve, Operator, RescaledConvolve
from ...integer.program import Program
from .dual import dual_forms
from .kernel_call import KernelCall
from .paired import paired_forms
from .tripled import tripled_forms


def dsp_forms(program: Program, operator: Operator) -> list[KernelCall]:
    """What these cores can do besides; nothing for most operators."""
    if not isinstance(operator, Convolve | RescaledConvolve):
        return []
    ternary = tripled_forms(program, operator) if isinstance(operator, Convolve) else []
    return [*paired_forms(program, operator), *ternary, *dual_forms(program, operator)]
