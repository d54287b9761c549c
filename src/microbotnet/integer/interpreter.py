"""The meaning of a program, in NumPy: every engine must give these integers, bit for bit."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..errors import BadInput
from .program import Add, Concatenate, Convolve, Gate, Lookup, MaxPool, Operator, Pair, Program, Requantize, SumPool
from .program import Tensor as Value

Array = NDArray[np.int32]


def run(program: Program, pictures: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Scores (N, classes) int16 of pictures (N, 3, H, W) uint8; the class is the first of the largest."""
    return run_all(program, pictures)[program.output][:, :, 0, 0].astype(np.int16)


def run_all(program: Program, pictures: NDArray[np.uint8]) -> dict[str, Array]:
    """Every tensor by name, (N, channels, height, width) int32.

    Raises:
        BadInput: the pictures are not (N, *shape) uint8.
    """
    shape = program.tensors[program.input].shape
    if pictures.dtype != np.uint8 or pictures.shape[1:] != shape:
        raise BadInput(f"the program takes (N, {', '.join(map(str, shape))}) uint8, not {pictures.shape} "
                       f"{pictures.dtype}")  # fmt: skip
    values = {program.input: pictures.astype(np.int32)}
    for operator in program.operators:
        inputs, output = program.of(operator)
        values[operator.output] = _apply(operator, [values[name] for name in operator.inputs], inputs, output)
    return values


def _apply(operator: Operator, x: list[Array], inputs: tuple[Value, ...], output: Value) -> Array:
    match operator:
        case Lookup(tables=tables):
            index = x[0] - (0 if inputs[0].dtype == "uint8" else -128)
            channel = np.arange(x[0].shape[1])[None, :, None, None] if len(tables) > 1 else 0
            found: Array = tables[channel, index].astype(np.int32)
            return found
        case Convolve():
            return requantize(convolve(x[0], operator, inputs[0].zero_point), operator.requantize)
        case SumPool(kernel=kernel, stride=stride):
            return requantize(_windows(x[0], kernel, stride).sum((-2, -1), dtype=np.int32), operator.requantize)
        case MaxPool(kernel=kernel, stride=stride, padding=padding):
            rows, columns = (
                _reach(output.shape[1 + i], kernel[i], stride[i], padding[i], x[0].shape[2 + i]) for i in (0, 1)
            )
            padded = np.pad(x[0], ((0, 0), (0, 0), rows, columns), constant_values=-128)
            largest: Array = _windows(padded, kernel, stride)[:, :, : output.shape[1], : output.shape[2]].max((-2, -1))
            return largest
        case Add(multipliers=(a, b)):
            return requantize(a * x[0] + b * x[1], operator.requantize)
        case Gate():
            return requantize((x[0] - inputs[0].zero_point) * (x[1] - inputs[1].zero_point), operator.requantize)
        case Concatenate():
            return np.concatenate([requantize(part, how) for part, how in zip(x, operator.requantize, strict=True)], 1)


def requantize(acc: Array, how: Requantize) -> Array:
    """See `Requantize`. acc: (N, channels, height, width) int32."""
    multiplier, offset = (values[:, None, None] for values in (how.multiplier, how.offset))
    rest = acc & ((1 << how.pre_shift) - 1)
    product = (acc >> how.pre_shift) * multiplier + (rest * multiplier >> how.pre_shift)
    y: Array = np.clip((product + offset) >> how.shift, how.low, how.high)
    return y if how.table is None else how.table[y + 128].astype(np.int32)


def convolve(x: Array, operator: Convolve, zero_point: int) -> Array:
    """The sums of `Convolve`, (N, outputs, height, width) int32."""
    outputs, depth, *kernel = operator.weights.shape
    rows, columns = operator.padding
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)), constant_values=zero_point)
    windows = _windows(padded, (kernel[0], kernel[1]), operator.stride)  # (N, inputs, height, width, *kernel)
    n, _, height, width = windows.shape[:4]
    groups = operator.groups
    # Products in float64, which holds every integer under 2^53, because NumPy multiplies no integer matrix fast.
    taps = windows.reshape(n, groups, depth, height, width, -1).transpose(1, 0, 3, 4, 2, 5).astype(np.float64)
    weights = operator.weights.reshape(groups, outputs // groups, -1).astype(np.float64)
    sums = taps.reshape(groups, n * height * width, -1) @ weights.transpose(0, 2, 1)
    sums = sums.reshape(groups, n, height, width, -1).transpose(1, 0, 4, 2, 3)
    return sums.reshape(n, outputs, height, width).astype(np.int32)


def _windows(x: Array, kernel: Pair, stride: Pair) -> Array:
    """(N, channels, height, width, *kernel): a view."""
    return sliding_window_view(x, kernel, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]


def _reach(count: int, kernel: int, stride: int, padding: int, size: int) -> Pair:
    """Padding before and after an axis, so that `count` windows fit (the last may stand over the edge)."""
    return padding, max(padding, (count - 1) * stride + kernel - padding - size)
