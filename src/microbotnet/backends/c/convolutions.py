"""The kernels that can compute a convolution on a small core, and its weights in each kernel's encoding."""

from itertools import chain
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolve
from ...integer.program import Program
from .depthwise import depthwise_forms
from .dots import dots_forms
from .immediate import immediate_forms
from .kernel_call import KernelCall, destination, window_of, with_packed
from .pointwise import pointwise_forms
from .ternary import linear_forms, pixel_forms


def forms_of(program: Program, operator: Convolve) -> list[KernelCall]:
    """The forms of the first of these that has any: ternary linear, depthwise, ternary; or those for 8 bits."""
    for forms in (linear_forms, depthwise_forms, pixel_forms):
        if found := forms(program, operator):
            return with_packed(found)
    straight = (forms(program, operator) for forms in (immediate_forms, dots_forms, pointwise_forms))
    return [_dense(program, operator), *chain.from_iterable(straight)]


def _dense(program: Program, operator: Convolve) -> KernelCall:
    (x,), y = program.of(operator)
    depth, outputs = operator.weights.shape[1], len(operator.weights) // operator.groups
    inputs = prod(operator.weights.shape[1:])
    rows, columns = -(-outputs // 4) * 4, -(-inputs // 4) * 4
    return KernelCall(
        ("requantize", "lanes", "armv6m", "window", "dense"),
        f"dense({{x}}, {destination(y)}, (int32_t *){{scratch}}, {{weights}}, &how, &window, {depth}, "
        f"{outputs}, {x.zero_point})",
        scratch=4 * columns,
        arrays={"weights": interleaved(operator.weights, operator.groups, columns)},
        how=operator.requantize,
        window=window_of(operator),
        instructions=prod(y.shape[1:]) * (80 + 5 * inputs + rows * (3.44 * columns + 36)) * operator.groups,
    )


def interleaved(weights: NDArray[np.int8], groups: int, columns: int) -> NDArray[np.uint8]:
    """Weights with 128 added, of each group's outputs four and four together, of `columns` inputs."""
    outputs, inputs = len(weights) // groups, prod(weights.shape[1:])
    rows = -(-outputs // 4) * 4
    padded = np.zeros((groups, rows, columns), np.int16)
    padded[:, :outputs, :inputs] = weights.reshape(groups, outputs, inputs)
    found = (padded + 128).reshape(groups, rows // 4, 4, columns).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(found).astype(np.uint8)
