"""The same operators for processors with vector registers: pixels with all their channels, BLOCK channels at a time."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput
from ...integer.program import (
    Add,
    Concatenate,
    Convolve,
    Gate,
    Lookup,
    MaxPool,
    Operator,
    Program,
    Requantize,
    SumPool,
    Tensor,
)
from .form import Form, Window

BLOCK = 32
PIXELS = 4


def form_of(program: Program, operator: Operator) -> Form:
    """The call of a kernel of `kernels/vectors.c`.

    Raises:
        BadInput: the operator reads the picture without a `Lookup`.
    """
    inputs, output = program.of(operator)
    if inputs[0].dtype == "uint8" and not isinstance(operator, Lookup):
        raise BadInput(f"{operator.name}: reads the picture's bytes; only a lookup can")
    channels, pixels, wide = output.shape[0], prod(output.shape[1:]), width(output)
    match operator:
        case Lookup(tables=tables):
            kernel = "vector_picture" if inputs[0].dtype == "uint8" else "vector_lookup"
            step = 256 * (len(tables) > 1)
            call = f"{kernel}({{x}}, {{y}}, {{table}}, {step}, {channels}, {wide}, {pixels})"
            return Form(("vectors",), call, arrays={"table": tables})
        case Convolve():
            return _depthwise(program, operator) if is_depthwise(program, operator) else _convolve(program, operator)
        case SumPool(kernel=kernel, stride=stride, requantize=how):
            call = f"vector_sum({{x}}, {destination(output)}, &window, {wide}, &how)"
            return _form(call, how, np.zeros(1), window=Window(kernel, stride))
        case MaxPool(kernel=kernel, stride=stride, padding=padding):
            call = f"vector_max({{x}}, {{y}}, &window, {wide})"
            return Form(("vectors",), call, window=Window(kernel, stride, padding))
        case Add(multipliers=(a, b), requantize=how):
            call = f"vector_add({{x}}, {{x1}}, {{y}}, {a}, {b}, {pixels * wide}, &how)"
            return _form(call, how, np.zeros(1))
        case Gate(requantize=how):
            zeros = f"{inputs[0].zero_point}, {inputs[1].zero_point}"
            return _form(f"vector_gate({{x}}, {{x1}}, {{y}}, {zeros}, {pixels}, {wide}, &how)", how, np.zeros(1))
        case Concatenate(requantize=hows):
            calls, first = [], 0
            arrays: dict[str, NDArray[Any]] = {}
            structs: dict[str, tuple[str, str]] = {}
            for i, (tensor, how) in enumerate(zip(inputs, hows, strict=True)):
                part = _form("", how, np.zeros(1), suffix=str(i))
                arrays |= part.arrays
                structs |= part.structs
                sizes = f"{first}, {tensor.shape[0]}, {width(tensor)}, {wide}, {pixels}"
                calls.append(f"vector_place({{x{i or ''}}}, {{y}}, {sizes}, &how{i})")
                first += tensor.shape[0]
            return Form(("vectors",), ";\n    ".join(calls), arrays=arrays, structs=structs)


def room(program: Program, tensor: Tensor) -> int:
    """Bytes of a tensor; whole blocks may be read and written behind its last pixel."""
    return prod(tensor.shape[1:]) * width(tensor) + BLOCK


def width(tensor: Tensor) -> int:
    """Bytes of a pixel: a multiple of BLOCK, unless one block holds all channels."""
    channels = tensor.shape[0]
    return channels if channels <= BLOCK else -(-channels // BLOCK) * BLOCK


def destination(output: Tensor) -> str:
    """The arguments for outputs of 8 bits and for scores."""
    return "0, {y}" if output.dtype == "int16" else "{y}, 0"


def _lanes(channels: int) -> int:
    """How many channels are worked on at once."""
    return 8 if channels <= 8 else BLOCK


def is_depthwise(program: Program, operator: Convolve) -> bool:
    """Whether every channel has one kernel of its own, and outputs are bytes: scores are made in one group."""
    bytes_made = program.tensors[operator.output].dtype == "int8"
    return bytes_made and operator.weights.shape[1] == 1 and len(operator.weights) == operator.groups > 1


def one_group(operator: Convolve, inputs: int) -> NDArray[np.int8]:
    """Weights (outputs, inputs, rows, columns) of the same convolution in one group: those across groups are zero."""
    outputs, depth, *size = operator.weights.shape
    each = outputs // operator.groups
    weights = np.zeros((outputs, inputs, *size), np.int8)
    for group in range(operator.groups):
        rows = slice(group * each, (group + 1) * each)
        weights[rows, group * depth : (group + 1) * depth] = operator.weights[rows]
    return weights


def _convolve(program: Program, operator: Convolve) -> Form:
    (x,), y = program.of(operator)
    outputs, inputs = len(operator.weights), x.shape[0]
    size = operator.weights.shape[2:]
    weights = one_group(operator, inputs)
    lanes = _lanes(outputs)
    blocks = np.zeros((-(-outputs // lanes) * lanes, *size, inputs), np.int8)
    blocks[:outputs] = weights.transpose(0, 2, 3, 1)
    blocks = blocks.reshape(len(blocks) // lanes, lanes, -1).transpose(0, 2, 1)
    run = _run(operator, max(abs(end) for end in (x.low, x.high, x.zero_point)))
    return _form(
        f"vector_convolve({{x}}, {destination(y)}, (int16_t *){{scratch}}, &window, {inputs}, "
        f"{outputs}, {width(x)}, {width(y)}, {lanes}, {x.zero_point}, {{weights}}, {run}, &how)",
        operator.requantize,
        np.zeros(outputs),
        weights=np.ascontiguousarray(blocks),
        window=Window((size[0], size[1]), operator.stride, operator.padding),
        scratch=2 * PIXELS * inputs * prod(size),
    )


def _depthwise(program: Program, operator: Convolve) -> Form:
    (x,), y = program.of(operator)
    outputs, _, rows, columns = operator.weights.shape
    lanes = _lanes(outputs)
    weights = np.zeros((rows * columns, -(-outputs // lanes) * lanes), np.int8)
    weights[:, :outputs] = operator.weights.reshape(outputs, -1).T
    run = _run(operator, max(abs(end - x.zero_point) for end in (-128, 127)))
    total = operator.weights.reshape(outputs, -1).sum(1, dtype=np.int64)
    return _form(
        f"vector_depthwise({{x}}, {{y}}, &window, {width(y)}, {lanes}, {x.zero_point}, {{weights}}, {run}, &how)",
        operator.requantize,
        total * x.zero_point,
        weights=weights,
        window=Window((rows, columns), operator.stride, operator.padding),
    )


def _run(operator: Convolve, largest: int) -> int:
    """How many products of a weight and an input up to `largest` 16 bits hold."""
    return max(1, 32767 // max(1, int(np.abs(operator.weights.astype(np.int64)).max(initial=0)) * largest))


def _form(
    call: str,
    how: Requantize,
    start: NDArray[np.number],
    *,
    weights: NDArray[np.int8] | None = None,
    window: Window | None = None,
    scratch: int = 0,
    suffix: str = "",
) -> Form:
    """With a vectors_t whose arrays have a value for each channel, or BLOCK of one."""
    count = -(-len(start) // BLOCK) * BLOCK
    values = {"multiplier": how.multiplier, "offset": how.offset, "start": start}
    arrays: dict[str, NDArray[Any]] = {
        what + suffix: _filled(found, len(start), count) for what, found in values.items()
    }
    if how.table is not None:
        arrays["table" + suffix] = how.table
    if weights is not None:
        arrays["weights"] = weights
    names = ", ".join(f"{{{what}{suffix}}}" for what in values)
    table = f"{{table{suffix}}}" if how.table is not None else "0"
    numbers = f"{how.low}, {how.high}, {how.pre_shift}, {how.shift}"
    structs = {f"how{suffix}": ("vectors_t", f"{names}, {table}, {numbers}")}
    return Form(("window", "vectors"), call, scratch, arrays, window=window, structs=structs)


def _filled(values: NDArray[np.number], channels: int, count: int) -> NDArray[np.int32]:
    found = np.zeros(count, np.int32)
    found[:channels] = values
    if channels == 1:
        found[:] = values[0]
    return found
