"""Convolutions with the rounding of TensorFlow Lite for Microcontrollers, for small cores."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import RescaledConvolve
from ...integer.program import Program
from ...integer.rescale import Rescale
from .convolutions import interleaved
from .depthwise import Tile
from .kernel_call import KernelCall, window_of

FILES = ("requantize", "lanes", "armv6m", "rows", "window", "depthwise", "dense", "product", "rescale")


def forms_of(program: Program, operator: RescaledConvolve) -> list[KernelCall]:
    """By tiles of one channel where every channel has one kernel, if the tile is small; else by windows."""
    (x,), y = program.of(operator)
    weights, how = operator.weights, operator.rescale
    arrays, rounding = _rounding(how)
    if weights.shape[1] == 1 and len(weights) == operator.groups:
        tile = Tile(program, operator, y.shape[1], 4)
        if tile.taps.max() <= 255 and tile.places.max() <= 63:
            numbers = (tile.rows, tile.row, 0, x.zero_point, 0, 4)
            return [
                KernelCall(
                    FILES,
                    "depthwise_rescaled({x}, {y}, (uint32_t *){scratch}, {weights}, &how, &window, &shape)",
                    scratch=4 * tile.words + x.shape[2],
                    arrays={
                        **arrays,
                        "weights": weights,
                        "places": (4 * tile.places).astype(np.uint8),
                        "taps": tile.taps.astype(np.uint8),
                    },
                    window=window_of(operator),
                    structs={
                        "how": rounding,
                        "shape": ("depthwise_t", f"{{places}}, {{taps}}, {', '.join(map(str, numbers))}"),
                    },
                    instructions=x.shape[0] * (x.shape[1] * (22 + 9 * x.shape[2]) + 60)
                    + y.shape[0] * y.shape[1] * -(-y.shape[2] // 4) * (22 * weights[0].size + 400),
                )
            ]
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
