"""Convolutions with the rounding of TensorFlow Lite for Microcontrollers, for small cores."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import RescaledConvolve
from ...integer.program import Program
from ...integer.rescale import Rescale
from .convolutions import interleaved
from .depthwise import tiled_form
from .kernel_call import KernelCall, window_of

FILES = ("requantize", "lanes", "armv6m", "rows", "window", "depthwise", "dense", "product", "rescale")


def forms_of(program: Program, operator: RescaledConvolve) -> list[KernelCall]:
    """By tiles of one channel where every channel has one kernel, if the tile is small; else by windows."""
    (x,), y = program.of(operator)
    weights, how = operator.weights, operator.rescale
    arrays, rounding = _rounding(how)
    if weights.shape[1] == 1 and len(weights) == operator.groups:
        form = tiled_form(program, operator, 0, "rescale_channel", 80)
        if form is not None:
            structs = {**form.structs, "how": rounding}
            return [replace(form, files=FILES, arrays={**arrays, **form.arrays}, structs=structs)]
    depth, outputs = weights.shape[1], len(weights) // operator.groups
    inputs = -(-prod(weights.shape[1:]) // 4) * 4
    return [
        KernelCall(
            FILES,
            f"dense_rescaled({{x}}, {{y}}, (int32_t *){{scratch}}, {{weights}}, &how, &window, {depth}, {outputs}, "
            f"{x.zero_point})",
            scratch=4 * inputs,
            arrays={**arrays, "weights": interleaved(weights, operator.groups, inputs)},
            window=window_of(operator),
            structs={"how": rounding},
            instructions=prod(y.shape[1:]) * (80 + 5 * inputs + outputs * (3.44 * inputs + 60)) * operator.groups,
        )
    ]


def _rounding(how: Rescale) -> tuple[dict[str, NDArray[Any]], tuple[str, str]]:
    """The arrays and the values of a rescale_t."""
    arrays: dict[str, NDArray[Any]] = {
        "multiplier": how.multiplier,
        "bias": how.bias,
        "shift": how.shift.astype(np.int8),
    }
    table = "0"
    if how.table is not None:
        arrays["table"], table = how.table, "{table}"
    numbers = f"{how.zero_point}, {how.low}, {how.high}, {int(len(how.multiplier) > 1)}"
    return arrays, ("rescale_t", f"{{multiplier}}, {{bias}}, {{shift}}, {table}, {numbers}")
