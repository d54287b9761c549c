"""The operators for x86 processors with AVX-512 VNNI and VBMI: four products added up at once, in 16 lanes."""

from collections.abc import Mapping
from math import prod
from types import MappingProxyType
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
from .form import Form, Window, table
from .vectors import destination, is_depthwise, one_group

LANES = 16
REGISTER = 64  # bytes
MACROS = ("__AVX512F__", "__AVX512BW__", "__AVX512VL__", "__AVX512VNNI__", "__AVX512VBMI__")  # of the compiler
FILES = ("window", "avx512")


def form_of(program: Program, operator: Operator) -> Form:
    """The call of a kernel of `kernels/avx512.c`.

    Raises:
        BadInput: the operator reads the picture without a `Lookup`.
    """
    inputs, output = program.of(operator)
    if inputs[0].dtype == "uint8" and not isinstance(operator, Lookup):
        raise BadInput(f"{operator.name}: reads the picture's bytes; only a lookup can")
    channels, pixels, wide = output.shape[0], prod(output.shape[1:]), width(program, output)
    match operator:
        case Lookup(tables=tables):
            step, picture = 256 * (len(tables) > 1), inputs[0].dtype == "uint8"
            arrays: dict[str, NDArray[Any]] = {"table": _signs_apart(tables, picture=picture)}
            if picture and wide == 4:
                call = f"avx512_picture({{x}}, {{y}}, {{table}}, {step}, {channels}, {pixels})"
            elif picture:
                call = f"avx512_rest({{x}}, {{y}}, {{table}}, {step}, {channels}, {wide}, 0, {pixels})"
            else:
                call = f"avx512_lookup({{x}}, {{y}}, {{table}}, {step}, {channels}, {wide}, {pixels})"
            return Form(FILES, call, arrays=arrays)
        case Convolve():
            return _depthwise(program, operator) if is_depthwise(program, operator) else _convolve(program, operator)
        case SumPool(kernel=kernel, stride=stride, requantize=how):
            call = f"avx512_sum({{x}}, {destination(output)}, &window, {width(program, inputs[0])}, &how)"
            return _form(call, how, np.array([-128 * prod(kernel)]), window=Window(kernel, stride))
        case MaxPool(kernel=kernel, stride=stride, padding=padding):
            return Form(FILES, f"avx512_max({{x}}, {{y}}, &window, {wide})", window=Window(kernel, stride, padding))
        case Add(multipliers=(a, b), requantize=how):
            call = f"avx512_add({{x}}, {{x1}}, {{y}}, {a}, {b}, {pixels * wide}, &how)"
            return _form(call, how, np.array([-128 * (a + b)]))
        case Gate(requantize=how):
            zeros = f"{inputs[0].zero_point + 128}, {inputs[1].zero_point + 128}"
            return _form(f"avx512_gate({{x}}, {{x1}}, {{y}}, {zeros}, {pixels}, {wide}, &how)", how, np.zeros(1))
        case Concatenate(requantize=hows):
            calls, first = [], 0
            arrays = {}
            structs: dict[str, tuple[str, str]] = {}
            for i, (tensor, how) in enumerate(zip(inputs, hows, strict=True)):
                part = _form("", how, np.array([-128]), suffix=str(i))
                arrays |= part.arrays
                structs |= part.structs
                sizes = f"{first}, {tensor.shape[0]}, {width(program, tensor)}, {wide}, {pixels}"
                calls.append(f"avx512_place({{x{i or ''}}}, {{y}}, {sizes}, &how{i})")
                first += tensor.shape[0]
            return Form(FILES, ";\n    ".join(calls), arrays=arrays, structs=structs)


def room(program: Program, tensor: Tensor) -> int:
    """Bytes of a tensor; a register may be read and written behind its last pixel."""
    return prod(tensor.shape[1:]) * width(program, tensor) + REGISTER


def width(program: Program, tensor: Tensor) -> int:
    """Bytes of a pixel: a multiple of LANES, but 4 for a normalised picture that only convolutions read."""
    readers = [operator for operator in program.operators if tensor.name in operator.inputs]
    maker = next((operator for operator in program.operators if operator.output == tensor.name), None)
    picture = isinstance(maker, Lookup) and maker.input == program.input and tensor.shape[0] <= 4
    if picture and all(isinstance(reader, Convolve) and not is_depthwise(program, reader) for reader in readers):
        return 4
    return -(-tensor.shape[0] // LANES) * LANES


def _signs_apart(tables: NDArray[np.int8], *, picture: bool) -> NDArray[np.uint8]:
    """Tables (…, 256) of q = −128…127, or of a picture's 0…255, as the kernels index them, their values as bytes."""
    found = (tables.astype(np.int16) + 128).astype(np.uint8)
    return found if picture else np.roll(found, 128, -1)


def _convolve(program: Program, operator: Convolve) -> Form:
    (x,), y = program.of(operator)
    weights = one_group(operator, x.shape[0])
    outputs, inputs, tall, wide = weights.shape
    stride = width(program, x)
    groups, blocks = -(-inputs // 4), -(-outputs // LANES)
    padded = np.zeros((blocks * LANES, groups * 4, tall, wide), np.int8)
    padded[:outputs, :inputs] = weights
    lanes = padded.reshape(blocks, LANES, groups, 4, tall, wide).transpose(4, 5, 2, 0, 1, 3)
    in_order = [np.ascontiguousarray(lanes[:, :, :, i : i + 4]).reshape(-1) for i in range(0, blocks, 4)]
    above, before = operator.padding
    rows, columns = x.shape[1] + 2 * above, x.shape[2] + 2 * before
    down, right = operator.stride
    places = [(i * down * columns + j * right) * stride for i, j in np.ndindex(*y.shape[1:])]
    steps = [(u * columns + v) * stride + 4 * k for u, v, k in np.ndindex(tall, wide, groups)]
    return _form(
        f"avx512_convolve({{x}}, {destination(y)}, {{scratch}}, &window, &patch, {outputs}, {stride}, "
        f"{width(program, y)}, {x.zero_point + 128}, {{weights}}, &how)",
        operator.requantize,
        -128 * weights.reshape(outputs, -1).sum(1, dtype=np.int64),
        arrays={
            "weights": np.concatenate(in_order),
            "places": np.array(places, np.int32),
            "steps": np.array(steps, np.int32),
        },
        window=Window((tall, wide), operator.stride, operator.padding),
        scratch=rows * columns * stride + REGISTER if above or before else 0,
        lanes=blocks * LANES,
        structs={"patch": ("patch_t", f"{{places}}, {{steps}}, {len(places)}, {len(steps)}")},
    )


def _depthwise(program: Program, operator: Convolve) -> Form:
    (x,), y = program.of(operator)
    outputs, _, tall, wide = operator.weights.shape
    pixels, made = prod(x.shape[1:]), prod(y.shape[1:])
    groups, blocks = -(-wide // 4), -(-outputs // LANES)
    columns = (y.shape[2] - 1) * operator.stride[1] + 4 * (groups - 1) + 1
    rows = x.shape[1] + 2 * operator.padding[0]
    if (
        pixels % 4 == made % 4 == 0
        and pixels <= 16
        and made * pixels / 4 + pixels < made * tall * groups + rows * columns
    ):
        return _small_depthwise(program, operator)
    taps = np.zeros((blocks * LANES, tall, groups * 4), np.int8)
    taps[:outputs, :, :wide] = operator.weights[:, 0]
    in_order = taps.reshape(blocks, LANES, tall, groups, 4).transpose(0, 2, 3, 1, 4)
    return _form(
        f"avx512_depthwise({{x}}, {{y}}, {{scratch}}, &window, {width(program, y)}, {x.zero_point + 128}, {columns}, "
        "{weights}, &how)",
        operator.requantize,
        -128 * operator.weights.reshape(outputs, -1).sum(1, dtype=np.int64),
        arrays={"weights": np.ascontiguousarray(in_order)},
        window=Window((tall, wide), operator.stride, operator.padding),
        scratch=rows * columns * 4 * LANES,
        lanes=blocks * LANES,
    )


def _small_depthwise(program: Program, operator: Convolve) -> Form:
    (x,), y = program.of(operator)
    outputs, _, tall, wide = operator.weights.shape
    _, height, across = x.shape
    blocks = -(-outputs // LANES)
    dense = np.zeros((blocks * LANES, *y.shape[1:], height, across), np.int8)
    for i, j, u, v in np.ndindex(*y.shape[1:], tall, wide):
        a, b = (n * s - p + k for n, s, p, k in zip((i, j), operator.stride, operator.padding, (u, v), strict=True))
        if 0 <= a < height and 0 <= b < across:
            dense[:outputs, i, j, a, b] = operator.weights[:, 0, u, v]
    made, pixels = prod(y.shape[1:]), height * across
    in_order = dense.reshape(blocks, LANES, made, pixels // 4, 4).transpose(0, 2, 3, 1, 4)
    inside = dense.reshape(blocks * LANES, made, pixels).sum(2, dtype=np.int64)
    whole = np.zeros((blocks * LANES, 1), np.int64)
    whole[:outputs, 0] = operator.weights.reshape(outputs, -1).sum(1, dtype=np.int64)
    start = (whole - inside) * x.zero_point - 128 * inside
    return _form(
        f"avx512_small_depthwise({{x}}, {{y}}, {outputs}, {pixels}, {made}, {width(program, y)}, {{weights}}, &how)",
        operator.requantize,
        start.reshape(blocks, LANES, made).transpose(0, 2, 1).reshape(-1),
        arrays={"weights": np.ascontiguousarray(in_order)},
        lanes=blocks * LANES,
    )


def _form(
    call: str,
    how: Requantize,
    start: NDArray[np.number],
    *,
    arrays: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    window: Window | None = None,
    scratch: int = 0,
    lanes: int = LANES,
    suffix: str = "",
    structs: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> Form:
    """With an avx512_t whose arrays have `lanes` values, or LANES times the same."""
    many = len(start) > 1 or lanes > LANES
    numbers: dict[str, NDArray[Any]] = {
        "multiplier" + suffix: _filled(how.multiplier, lanes, many),
        "offset" + suffix: _filled(how.offset, lanes, many),
        "start" + suffix: _filled(start, max(lanes, len(start)), many),
    }
    names = ", ".join(f"{{{what}}}" for what in numbers)
    found = "0"
    looked_up = table(how)
    if not np.array_equal(looked_up, np.arange(-128, 128)):
        numbers["table" + suffix] = _signs_apart(looked_up, picture=False)
        found = f"{{table{suffix}}}"
    rest = f"{how.low}, {how.high}, {how.pre_shift}, {how.shift}, {-many}"
    structs = {f"how{suffix}": ("avx512_t", f"{names}, {found}, {rest}"), **structs}
    return Form(FILES, call, scratch, {**numbers, **arrays}, window=window, structs=structs)


def _filled(values: NDArray[np.number], lanes: int, many: bool) -> NDArray[np.int32]:
    if len(values) == 1:
        return np.full(lanes, values[0], np.int32)
    found = np.zeros(lanes, np.int32)
    found[: len(values)] = values
    return found
