"""The kernels that can compute a convolution on a small core, and its weights in each kernel's encoding."""

from math import prod

import numpy as np

from ...integer.operators import Convolve
from ...integer.program import Program
from .depthwise import depthwise_forms
from .form import Form, window_of, with_packed
from .immediate import immediate_form
from .ternary import linear_forms, pixel_forms


def forms_of(program: Program, operator: Convolve) -> list[Form]:
    """The forms of the first of these that has any: ternary linear, depthwise, ternary; or those for 8 bits."""
    for forms in (linear_forms, depthwise_forms, pixel_forms):
        if found := forms(program, operator):
            return with_packed(found)
    immediate = immediate_form(program, operator)
    return [_dense(program, operator), *([immediate] if immediate else [])]


def _dense(program: Program, operator: Convolve) -> Form:
    (x,), y = program.of(operator)
    wide = y.dtype == "int16"
    depth, outputs = operator.weights.shape[1], len(operator.weights) // operator.groups
    inputs = prod(operator.weights.shape[1:])
    rows, columns = -(-outputs // 4) * 4, -(-inputs // 4) * 4
    padded = np.zeros((operator.groups, rows, columns), np.int16)
    padded[:, :outputs, :inputs] = operator.weights.reshape(operator.groups, outputs, inputs)
    interleaved = (padded + 128).reshape(operator.groups, rows // 4, 4, columns).transpose(0, 1, 3, 2)
    return Form(
        ("requantize", "lanes", "armv6m", "window", "dense"),
        f"dense({{x}}, {'0, {y}' if wide else '{y}, 0'}, (int32_t *){{scratch}}, {{weights}}, &how, &window, {depth}, "
        f"{outputs}, {x.zero_point})",
        scratch=4 * columns,
        arrays={"weights": np.ascontiguousarray(interleaved).astype(np.uint8)},
        how=operator.requantize,
        window=window_of(operator),
        instructions=prod(y.shape[1:]) * (80 + 5 * inputs + rows * (3.3 * columns + 32)) * operator.groups,
    )
