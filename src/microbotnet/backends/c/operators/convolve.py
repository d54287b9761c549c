"""Convolutions and linear layers."""

from dataclasses import replace
from math import prod

import numpy as np

from ....integer.operators import Convolution, Convolve
from ....integer.operators.operator import reached
from ....integer.program import Program, Requantize
from ....integer.rescale import Rescale
from ..avx512 import LANES, REGISTER, avx512_form
from ..avx512 import width as avx512_width
from ..convolutions import forms_of
from ..kernel_call import KernelCall, Window, destination
from ..vectors import PIXELS, is_depthwise, lanes_of, one_group, vectors_form, width


def small(program: Program, operator: Convolve) -> list[KernelCall]:
    """See `convolutions`."""
    return forms_of(program, operator)


def vectors(program: Program, operator: Convolve) -> KernelCall:
    """See `vectors_convolution`."""
    return vectors_convolution(program, operator, operator.requantize)


def avx512(program: Program, operator: Convolve) -> KernelCall:
    """See `avx512_convolution`."""
    return avx512_convolution(program, operator, operator.requantize)


def vectors_convolution(program: Program, operator: Convolution, how: Requantize | Rescale) -> KernelCall:
    """Outputs in lanes; a depthwise layer's channels."""
    return (_vectors_depthwise if is_depthwise(program, operator) else _vectors)(program, operator, how)


def avx512_convolution(program: Program, operator: Convolution, how: Requantize | Rescale) -> KernelCall:
    """Four inputs at a time; a depthwise layer's taps, or on a small map its pixels."""
    operator = _evenly_padded(program, operator)
    return (_avx512_depthwise if is_depthwise(program, operator) else _avx512)(program, operator, how)


def _evenly_padded(program: Program, operator: Convolution) -> Convolution:
    """The same with as much padding before the map as windows reach behind it, and zeros in the kernel for it."""
    (x,), y = program.of(operator)
    sides = reached(x, y.shape, operator.kernel, operator.stride, operator.padding)
    more = [max(0, behind - before) for before, behind in sides]
    if not any(more):
        return operator
    padding = operator.padding[0] + more[0], operator.padding[1] + more[1]
    weights = np.pad(operator.weights, ((0, 0), (0, 0), (more[0], 0), (more[1], 0)))
    return replace(operator, weights=weights, padding=padding)


def _vectors(program: Program, operator: Convolution, how: Requantize | Rescale) -> KernelCall:
    (x,), y = program.of(operator)
    outputs, inputs = len(operator.weights), x.shape[0]
    size = operator.weights.shape[2:]
    weights = one_group(operator, inputs)
    lanes = lanes_of(outputs)
    blocks = np.zeros((-(-outputs // lanes) * lanes, *size, inputs), np.int8)
    blocks[:outputs] = weights.transpose(0, 2, 3, 1)
    blocks = blocks.reshape(len(blocks) // lanes, lanes, -1).transpose(0, 2, 1)
    run = _run(operator, max(abs(end) for end in (x.low, x.high, x.zero_point)))
    return vectors_form(
        f"vector_convolve({{x}}, {destination(y)}, (int16_t *){{scratch}}, &window, {inputs}, "
        f"{outputs}, {width(x)}, {width(y)}, {lanes}, {x.zero_point}, {{weights}}, {run}, &how)",
        how,
        np.zeros(outputs),
        weights=np.ascontiguousarray(blocks),
        window=Window((size[0], size[1]), operator.stride, operator.padding),
        scratch=2 * PIXELS * inputs * prod(size),
    )


def _vectors_depthwise(program: Program, operator: Convolution, how: Requantize | Rescale) -> KernelCall:
    (x,), y = program.of(operator)
    outputs, _, rows, columns = operator.weights.shape
    lanes = lanes_of(outputs)
    weights = np.zeros((rows * columns, -(-outputs // lanes) * lanes), np.int8)
    weights[:, :outputs] = operator.weights.reshape(outputs, -1).T
    run = _run(operator, max(abs(end - x.zero_point) for end in (-128, 127)))
    total = operator.weights.reshape(outputs, -1).sum(1, dtype=np.int64)
    return vectors_form(
        f"vector_depthwise({{x}}, {{y}}, &window, {width(y)}, {lanes}, {x.zero_point}, {{weights}}, {run}, &how)",
        how,
        total * x.zero_point,
        weights=weights,
        window=Window((rows, columns), operator.stride, operator.padding),
    )


def _run(operator: Convolution, largest: int) -> int:
    """How many products of a weight and an input up to `largest` 16 bits hold."""
    return max(1, 32767 // max(1, int(np.abs(operator.weights.astype(np.int64)).max(initial=0)) * largest))


def _avx512(program: Program, operator: Convolution, how: Requantize | Rescale) -> KernelCall:
    (x,), y = program.of(operator)
    weights = one_group(operator, x.shape[0])
    outputs, inputs, tall, wide = weights.shape
    stride = avx512_width(program, x)
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
    return avx512_form(
        f"avx512_convolve({{x}}, {destination(y)}, {{scratch}}, &window, &patch, {outputs}, {stride}, "
        f"{avx512_width(program, y)}, {x.zero_point + 128}, {{weights}}, &how)",
        how,
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


def _avx512_depthwise(program: Program, operator: Convolution, how: Requantize | Rescale) -> KernelCall:
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
        return _avx512_small_depthwise(program, operator, how)
    taps = np.zeros((blocks * LANES, tall, groups * 4), np.int8)
    taps[:outputs, :, :wide] = operator.weights[:, 0]
    in_order = taps.reshape(blocks, LANES, tall, groups, 4).transpose(0, 2, 3, 1, 4)
    return avx512_form(
        f"avx512_depthwise({{x}}, {{y}}, {{scratch}}, &window, {avx512_width(program, y)}, {x.zero_point + 128}, "
        f"{columns}, {{weights}}, &how)",
        how,
        -128 * operator.weights.reshape(outputs, -1).sum(1, dtype=np.int64),
        arrays={"weights": np.ascontiguousarray(in_order)},
        window=Window((tall, wide), operator.stride, operator.padding),
        scratch=rows * columns * 4 * LANES,
        lanes=blocks * LANES,
    )


def _avx512_small_depthwise(program: Program, operator: Convolution, how: Requantize | Rescale) -> KernelCall:
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
    return avx512_form(
        f"avx512_small_depthwise({{x}}, {{y}}, {outputs}, {pixels}, {made}, {avx512_width(program, y)}, "
        "{weights}, &how)",
        how,
        start.reshape(blocks, LANES, made).transpose(0, 2, 1).reshape(-1),
        arrays={"weights": np.ascontiguousarray(in_order)},
        lanes=blocks * LANES,
    )
