"""For processors with vector registers: pixels with all their channels, BLOCK channels at a time."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolution
from ...integer.program import Program, Requantize, Tensor
from ...integer.rescale import Rescale
from .kernel_call import KernelCall, Window

BLOCK = 32
FILES = ("window", "vectors")
PIXELS = 4


def room(program: Program, tensor: Tensor) -> int:
    """Bytes of a tensor; whole blocks may be read and written behind its last pixel."""
    return prod(tensor.shape[1:]) * width(tensor) + BLOCK


def width(tensor: Tensor) -> int:
    """Bytes of a pixel: a multiple of BLOCK, unless one block holds all channels."""
    channels = tensor.shape[0]
    return channels if channels <= BLOCK else -(-channels // BLOCK) * BLOCK


def lanes_of(channels: int) -> int:
    """How many channels are worked on at once."""
    return 8 if channels <= 8 else BLOCK


def is_depthwise(program: Program, operator: Convolution) -> bool:
    """Whether every channel has one kernel of its own, and outputs are bytes: scores are made in one group."""
    bytes_made = program.tensors[operator.output].dtype == "int8"
    return bytes_made and operator.weights.shape[1] == 1 and len(operator.weights) == operator.groups > 1


def one_group(operator: Convolution, inputs: int) -> NDArray[np.int8]:
    """Weights (outputs, inputs, rows, columns) of the same convolution in one group: those across groups are zero."""
    outputs, depth, *size = operator.weights.shape
    each = outputs // operator.groups
    weights = np.zeros((outputs, inputs, *size), np.int8)
    for group in range(operator.groups):
        rows = slice(group * each, (group + 1) * each)
        weights[rows, group * depth : (group + 1) * depth] = operator.weights[rows]
    return weights


def vectors_form(
    call: str,
    how: Requantize | Rescale,
    start: NDArray[np.number],
    *,
    weights: NDArray[np.int8] | None = None,
    window: Window | None = None,
    scratch: int = 0,
    suffix: str = "",
) -> KernelCall:
    """With a vectors_t whose arrays have a value for each channel, or BLOCK of one."""
    count = -(-len(start) // BLOCK) * BLOCK
    values = {"multiplier": how.multiplier, "start": start}
    if isinstance(how, Rescale):
        values |= {"offset": how.bias, "right": how.shift}
        shifts = f"0, 0, {{right{suffix}}}, {how.zero_point}"
    else:
        values["offset"] = how.offset
        shifts = f"{how.pre_shift}, {how.shift}, 0, 0"
    arrays: dict[str, NDArray[Any]] = {
        what + suffix: _filled(found, len(start), count) for what, found in values.items()
    }
    if how.table is not None:
        arrays["table" + suffix] = how.table
    if weights is not None:
        arrays["weights"] = weights
    names = ", ".join(f"{{{what}{suffix}}}" for what in ("multiplier", "offset", "start"))
    table = f"{{table{suffix}}}" if how.table is not None else "0"
    numbers = f"{how.low}, {how.high}, {shifts}"
    structs = {f"how{suffix}": ("vectors_t", f"{names}, {table}, {numbers}")}
    return KernelCall(FILES, call, scratch, arrays, window=window, structs=structs)


def _filled(values: NDArray[np.number], channels: int, count: int) -> NDArray[np.int32]:
    found = np.zeros(count, np.int32)
    found[:channels] = values
    if channels == 1:
        found[:] = values[0]
    return found
