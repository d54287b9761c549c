"""Which kernel computes a convolution on a small core, and its weights in that kernel's encoding."""

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer import ranges
from ...integer.program import Convolve, Gate, Pair, Program, Requantize, SumPool
from .form import Form, Window
from .lists import encode_bytes, encode_pairs, encode_rows

LANE = 2**15
LARGEST = 2**31 - 1


def form_of(program: Program, operator: Convolve, prefer: str) -> Form:
    """The first of these that can: lists of ternary weights, depthwise tiles, dense weights of 8 bits."""
    candidates: tuple[Callable[[Program, Convolve, str], Form | None], ...] = (
        _ternary_linear, _ternary_depthwise, _ternary, _depthwise,
    )  # fmt: skip
    found = (candidate(program, operator, prefer) for candidate in candidates)
    return next((form for form in found if form is not None), None) or _dense(program, operator)


def _ternary_linear(program: Program, operator: Convolve, prefer: str) -> Form | None:
    (x,), y = program.of(operator)
    if operator.bits > 2 or not _covers(program, operator) or not (y.dtype == "int16" or has_room(program, operator)):
        return None
    rows = operator.weights.reshape(len(operator.weights), -1)
    pairs = encode_pairs(rows) if prefer == "speed" else None
    weights = encode_rows(rows, passed=0) if pairs is None else pairs
    if weights is None:
        return None
    centre = x.zero_point if operator.requantize.pre_shift == 0 else 0
    inputs = prod(x.shape)
    wide = y.dtype == "int16"
    return Form(
        ("requantize", "lanes", "armv6m", "rows", "window", "ternary"),
        f"ternary_linear({{x}}, {'0, {y}' if wide else '{y}, 0'}, (int8_t *){{scratch}}, {{weights}}, &how, {inputs}, "
        f"{y.shape[0]}, {centre}, {int(pairs is not None)})",
        scratch=inputs + 1,
        arrays={"weights": weights},
        how=_centred(operator, centre),
    )


def _ternary(program: Program, operator: Convolve, prefer: str) -> Form | None:
    (x,), y = program.of(operator)
    if not _fits_lanes(program, operator, x.zero_point):
        return None
    pixels = prod(y.shape[1:])
    words = 4 if pixels > 4 else 2
    rows = operator.weights.reshape(len(operator.weights), -1)
    distances = encode_bytes(rows, 4 * words) if prefer == "speed" else None
    weights = encode_rows(rows) if distances is None else distances
    if weights is None:
        return None
    depth = operator.weights.shape[1]
    plain = _pointwise(operator) and pixels % 4 == 0 and (pixels % 8 == 0 or words == 2)
    centre = x.zero_point
    values = (
        depth,
        len(operator.weights) // operator.groups,
        x.zero_point,
        centre,
        words,
        int(plain),
        int(distances is not None),
    )
    return Form(
        ("requantize", "lanes", "armv6m", "rows", "window", "ternary"),
        "ternary({x}, {y}, (uint32_t *){scratch}, {weights}, &how, &window, &shape)",
        scratch=4 * words * (prod(operator.weights.shape[1:]) + 1),
        arrays={"weights": weights},
        how=_centred(operator, centre, more=128),
        lanes=True,
        window=_window(operator),
        structs={"shape": ("ternary_t", ", ".join(map(str, values)))},
    )


def _ternary_depthwise(program: Program, operator: Convolve, prefer: str) -> Form | None:
    (x,), y = program.of(operator)
    if not _depthwise_of(operator) or not _fits_lanes(program, operator, x.zero_point):
        return None
    how, operator = _centred(operator, x.zero_point, more=128), _trimmed(program, operator)
    if (small := _ternary_2x2(program, operator, how)) is not None:
        return small
    words = 4 if y.shape[2] > 2 else 2
    half = -(-y.shape[1] // 2)
    tile = _Tile(program, operator, half, words)
    if tile.taps.max() > 255 or tile.places.max() > 63:
        return None
    return Form(
        ("requantize", "lanes", "armv6m", "rows", "window", "depthwise"),
        "depthwise_ternary({x}, {y}, (uint32_t *){scratch}, {weights}, &how, &window, &shape)",
        scratch=4 * tile.words + x.shape[2],
        arrays={"weights": _tap_lists(operator, tile.taps), "places": (4 * tile.places).astype(np.uint8)},
        how=how,
        lanes=True,
        window=_window(operator),
        structs={
            "shape": (
                "depthwise_t",
                f"{{places}}, 0, {tile.rows}, {tile.row}, {half}, {x.zero_point}, {x.zero_point}, {words}",
            )
        },
    )


def _ternary_2x2(program: Program, operator: Convolve, how: Requantize) -> Form | None:
    """For kernels that reach one pixel beyond a map of 2×2. There a value less its zero point is as good as
    one with 128 added whose padding is the zero point with 128 added.
    """
    (x,), y = program.of(operator)
    size = operator.weights.shape[2:]
    above, before = operator.padding
    if x.shape[1:] != (2, 2) or y.shape[1:] != (2, 2) or operator.stride != (1, 1) or max(above, before) > 1:
        return None
    grid = np.full((3, 3), -1)
    grid[1 - above : 1 - above + size[0], 1 - before : 1 - before + size[1]] = np.arange(prod(size)).reshape(size)
    places = np.array([4 * u + v for u in range(3) for v in range(3) if grid[u, v] >= 0])
    shift = x.zero_point + 128  # of both the values and the padding, so that sums move by shift·Σ weights
    total = operator.weights.reshape(len(operator.weights), -1).sum(1, dtype=np.int64)
    moved = how.offset.astype(np.int64) - how.multiplier.astype(np.int64) * shift * total
    return Form(
        ("requantize", "lanes", "armv6m", "rows", "window", "depthwise"),
        f"depthwise_2x2({{x}}, {{y}}, (uint32_t *){{scratch}}, {{weights}}, &how, {x.shape[0]}, {x.zero_point})",
        scratch=4 * 12,
        arrays={"weights": _tap_lists(operator, places)},
        how=replace(how, multiplier=np.broadcast_to(how.multiplier, moved.shape), offset=_wrapped(moved)),
        lanes=True,
    )


def _tap_lists(operator: Convolve, places: NDArray[np.intp]) -> NDArray[np.uint8]:
    lists: list[int] = []
    for kernel in operator.weights.reshape(len(operator.weights), -1):
        signs = [places[kernel == sign].tolist() for sign in (1, -1)]
        lists += [len(signs[0]), len(signs[1]), *signs[0], *signs[1]]
    return np.array(lists, np.uint8)


def _depthwise(program: Program, operator: Convolve, prefer: str) -> Form | None:
    (x,), y = program.of(operator)
    if not _depthwise_of(operator) or not has_room(program, operator):
        return None
    if x.zero_point == 0:
        operator = _trimmed(program, operator)
    tile = _Tile(program, operator, y.shape[1], 4)
    if tile.taps.max() > 255 or tile.places.max() > 63:
        return None
    return Form(
        ("requantize", "lanes", "armv6m", "rows", "window", "depthwise"),
        "depthwise({x}, {y}, (uint32_t *){scratch}, {weights}, &how, &window, &shape)",
        scratch=4 * tile.words + x.shape[2],
        arrays={
            "weights": operator.weights,
            "places": (4 * tile.places).astype(np.uint8),
            "taps": tile.taps.astype(np.uint8),
        },
        how=operator.requantize,
        window=_window(operator),
        structs={"shape": ("depthwise_t", f"{{places}}, {{taps}}, {tile.rows}, {tile.row}, 0, {x.zero_point}, 0, 4")},
    )


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
        window=_window(operator),
    )


class _Tile:
    """A channel's padded map in words, its columns sorted by their remainder by the stride.

    places: of each column of the map. taps: of each weight of a kernel. row, words: of a row, of the whole tile.
    """

    def __init__(self, program: Program, operator: Convolve, rows: int, block: int) -> None:
        (x,), y = program.of(operator)
        tall, wide = operator.weights.shape[2:]
        down, right = operator.stride
        plane = -(-y.shape[2] // block) * block + (wide - 1) // right
        reach = np.arange(x.shape[2]) + operator.padding[1]
        plane = max(plane, int(reach.max()) // right + 1)
        self.row = right * plane
        self.rows = (rows - 1) * down + tall
        self.words = self.rows * self.row
        self.places = reach % right * plane + reach // right
        across = np.arange(wide)
        self.taps = (np.arange(tall)[:, None] * self.row + across % right * plane + across // right).reshape(-1)


def _covers(program: Program, operator: Convolve) -> bool:
    """Whether each output is one sum over the whole input."""
    (x,), _ = program.of(operator)
    return operator.groups == 1 and operator.weights.shape[1:] == x.shape and operator.padding == (0, 0)


def _pointwise(operator: Convolve) -> bool:
    return (operator.weights.shape[2:], operator.stride, operator.padding) == ((1, 1), (1, 1), (0, 0))


def _depthwise_of(operator: Convolve) -> bool:
    return operator.weights.shape[1] == 1 and len(operator.weights) == operator.groups


def _window(operator: Convolve) -> Window:
    rows, columns = operator.weights.shape[2:]
    return Window((rows, columns), operator.stride, operator.padding)


def _fits_lanes(program: Program, operator: Convolve, centre: int) -> bool:
    """Whether every sum of weights and inputs less `centre` fits 16 bits, and requantizes without a pre-shift."""
    (x,), y = program.of(operator)
    how = operator.requantize
    if operator.bits > 2 or how.pre_shift or y.dtype != "int8":
        return False
    shifted = replace(x, low=x.low - centre, high=x.high - centre, zero_point=x.zero_point - centre)
    (found,) = ranges.sums(replace(program, tensors=program.tensors | {x.name: shifted}), operator)
    if found.low.min() < -LANE or found.high.max() >= LANE:
        return False
    return has_room(program, operator)


def has_room(program: Program, operator: Convolve | Gate | SumPool) -> bool:
    """Whether 32 bits still hold what the last shift is given when outputs are counted from 0 to 255."""
    how = operator.requantize
    (found,) = ranges.sums(program, operator)
    return int(ranges.requantized(found, how)[1].max()) + (128 << how.shift) <= LARGEST


def _centred(operator: Convolve, centre: int, *, more: int = 0) -> Requantize:
    """The requantization of sums of inputs less `centre`. Only without a pre-shift, or with centre 0.

    Offsets may leave 32 bits; they wrap around, as the kernels' sums do.

    Args:
        more: added to every output.
    """
    how = operator.requantize
    if centre == 0 and more == 0:
        return how
    total = operator.weights.reshape(len(operator.weights), -1).sum(1, dtype=np.int64)
    offset = how.offset.astype(np.int64) + how.multiplier.astype(np.int64) * centre * total + (more << how.shift)
    multiplier = np.broadcast_to(how.multiplier, offset.shape)
    if (multiplier == multiplier[0]).all() and (offset == offset[0]).all():
        multiplier, offset = multiplier[:1], offset[:1]
    return replace(how, multiplier=multiplier, offset=_wrapped(offset))


def _wrapped(values: NDArray[np.int64]) -> NDArray[np.int32]:
    """Modulo 2³²."""
    return values.astype(np.uint32).view(np.int32)


def _trimmed(program: Program, operator: Convolve) -> Convolve:
    """Without the kernel's outer rows and columns that only ever meet padding.

    Their products, weight by zero point, are then missing from the sums; they are nothing where inputs are taken less
    their zero point.
    """
    (x,), y = program.of(operator)
    spans = [
        _used(x.shape[1 + i], y.shape[1 + i], operator.weights.shape[2 + i], operator.stride[i], operator.padding[i])
        for i in (0, 1)
    ]
    (top, bottom), (left, right) = spans
    padding: Pair = (operator.padding[0] - top, operator.padding[1] - left)
    return replace(operator, weights=operator.weights[:, :, top:bottom, left:right], padding=padding)


def _used(size: int, count: int, kernel: int, stride: int, padding: int) -> Pair:
    """The first and the last + 1 of a kernel's rows that see the map; the first may not be beyond the padding."""
    seen = [u for u in range(kernel) if any(0 <= i * stride + u - padding < size for i in range(count))]
    return min(seen, default=0), max(seen, default=0) + 1
