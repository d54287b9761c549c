"""Depthwise convolutions: tiles of a channel's padded map, for ternary weights in lanes."""

from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer import ranges
from ...integer.operators import Convolution, Convolve
from ...integer.program import Pair, Program, Requantize
from .codes import encode_codes
from .kernel_call import KernelCall, table, window_of
from .lanes import centred, has_room, in_lanes, indices, slack, wrapped
from .requantization import Whole, exchanged, offset_bounds
from .squares import squares_forms
from .striped import Striped, Wide
from .tapped import tapped_forms
from .unrolled import Unrolled

FILES = ("requantize", "lanes", "armv6m", "rows", "window")
FAR = 1 << 40
TOGETHER = 48  # sums, about, that are rounded at one time


def depthwise_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """The ways to compute bytes with one kernel a channel; none for another convolution, scores, or too large a map."""
    (x,), y = program.of(operator)
    if operator.weights.shape[1] != 1 or len(operator.weights) != operator.groups or y.dtype != "int8":
        return []
    fitting = in_lanes(program, operator, x.zero_point)
    found = _ternary(program, fitting) if fitting and fitting.requantize.pre_shift == 0 else []
    if has_room(program, operator):
        tiled = _tiled(program, operator)
        multiplied = [*_straight(program, operator), *([tiled] if tiled else [])]
        found += multiplied
        if operator.bits <= 2:
            found += [_coded(form) for form in multiplied]
    return found


def _ternary(program: Program, operator: Convolve) -> list[KernelCall]:
    (x,), _ = program.of(operator)
    how, free = centred(operator, x.zero_point, more=128), slack(program, operator)
    reached = indices(ranges.sums(program, operator)[0], operator.requantize)
    operator = _trimmed(program, operator)
    if (small := _ternary_2x2(program, operator, how)) is not None:
        return [replace(small, slack=free), *squares_forms(program, operator, how, reached, free)]
    listed = _listed(program, operator, how)
    return [*([replace(listed, slack=free)] if listed else []), *tapped_forms(program, operator, how, reached, free)]


def _listed(program: Program, operator: Convolve, how: Requantize) -> KernelCall | None:
    (x,), y = program.of(operator)
    words = 4 if y.shape[2] > 2 else 2
    half = -(-y.shape[1] // 2)
    tile = Tile(program, operator, half, words)
    if tile.taps.max() > 255 or tile.places.max() > 63:
        return None
    return KernelCall(
        (*FILES, "depthwise"),
        "depthwise_ternary({x}, {y}, (uint32_t *){scratch}, {weights}, &how, &window, &shape)",
        scratch=4 * tile.words + x.shape[2],
        arrays={"weights": _tap_lists(operator, tile.taps), "places": (4 * tile.places).astype(np.uint8)},
        how=how,
        lanes=True,
        window=window_of(operator),
        instructions=x.shape[0] * tile.rows * (22 + 9 * x.shape[2])
        + half
        * -(-y.shape[2] // words)
        * (int(np.count_nonzero(operator.weights)) * (5 + 1.5 * words) + 200 * x.shape[0]),
        structs={
            "shape": (
                "depthwise_t",
                f"{{places}}, 0, {tile.rows}, {tile.row}, {half}, {x.zero_point}, {x.zero_point}, {words}",
            )
        },
    )


def _ternary_2x2(program: Program, operator: Convolve, how: Requantize) -> KernelCall | None:
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
    return KernelCall(
        (*FILES, "depthwise"),
        f"depthwise_2x2({{x}}, {{y}}, (uint32_t *){{scratch}}, {{weights}}, &how, {x.shape[0]}, {x.zero_point})",
        scratch=4 * 12,
        arrays={"weights": _tap_lists(operator, places)},
        how=replace(how, multiplier=np.broadcast_to(how.multiplier, moved.shape), offset=wrapped(moved)),
        lanes=True,
        instructions=8 * int(np.count_nonzero(operator.weights)) + 115 * x.shape[0],
    )


def _tap_lists(operator: Convolve, places: NDArray[np.intp]) -> NDArray[np.uint8]:
    lists: list[int] = []
    for kernel in operator.weights.reshape(len(operator.weights), -1):
        signs = [places[kernel == sign].tolist() for sign in (1, -1)]
        lists += [len(signs[0]), len(signs[1]), *signs[0], *signs[1]]
    return np.array(lists, np.uint8)


def _straight(program: Program, operator: Convolve) -> list[KernelCall]:
    """As straight code, of a channel or of a row, where one can be written.

    Sums are of values less their zero point, so that padding adds nothing. What is missing then, a multiple of the zero
    point, goes into the offset, but for what a pre-shift would take from it: that is added to the sums.
    """
    (x,), y = program.of(operator)
    how, free = operator.requantize, slack(program, operator)
    missing = x.zero_point * operator.weights.reshape(len(operator.weights), -1).sum(1, dtype=np.int64)
    start = missing & ((1 << how.pre_shift) - 1)
    offset = how.offset.astype(np.int64) + how.multiplier.astype(np.int64) * (missing >> how.pre_shift)
    operator = _trimmed(program, operator)
    window = window_of(operator)
    numbers = (x.zero_point, x.shape[0], "&window", how.pre_shift, how.shift)
    found = []
    for kind in (Unrolled, Striped, Wide):
        code = kind(window, x.shape[1:], y.shape[1:], how.pre_shift, how.shift, bool(start.any()))
        if not code.possible or start.max() > 65535:
            continue
        tile = ", (int32_t *){scratch}" if isinstance(code, Striped) else ""
        values = f"{{multiplier}}, {{offset}}, {{start}}, {{table}}, {', '.join(map(str, numbers))}"
        form = KernelCall(
            (*FILES, "mapped"),
            f"{{NAME}}_{code.name}({{x}}, {{y}}, {{weights}}, &map{tile})",
            scratch=4 * code.words if isinstance(code, Striped) else 0,
            arrays={
                "weights": operator.weights,
                "multiplier": np.broadcast_to(how.multiplier, y.shape[:1]),
                "offset": wrapped(offset + (128 << how.shift)),
                "start": start.astype("<u2").view(np.uint8) if how.pre_shift > 8 else start.astype(np.uint8),
                "table": table(how),
            },
            window=window,
            slack=free,
            structs={"map": ("mapped_t", values)},
            functions={code.name: code.text},
            code=2 * len(code.lines),
            instructions=x.shape[0] * code.instructions,
        )
        found.append(form)
    return found


def _tiled(program: Program, operator: Convolve) -> KernelCall | None:
    (x,), _ = program.of(operator)
    centre, free = 0, slack(program, operator)
    if (moved := _moved(program, operator)) is not None:
        centre, (operator, free) = x.zero_point, moved
    form = tiled_form(program, operator, centre, "requantize_channel", 21)
    return form and replace(form, how=operator.requantize, slack=free)


def tiled_form(program: Program, operator: Convolution, centre: int, rounding: str, each: int) -> KernelCall | None:
    """Channel by channel, by the loop that is there for size, but for `how`; None for too large a map.

    Args:
        centre: what is taken from every input.
        rounding: the function that makes outputs of sums. each: instructions that it takes for one.
    """
    (x,), y = program.of(operator)
    tile = Tile(program, operator, y.shape[1], 4)
    if tile.taps.max() > 255 or tile.places.max() > 63:
        return None
    rows = min(y.shape[1], max(1, TOGETHER // y.shape[2]))
    numbers = (tile.rows, tile.row, rows, x.zero_point, centre, 4)
    taps, outputs = tile.taps.size, prod(y.shape)
    return KernelCall(
        (*FILES, "depthwise"),
        f"depthwise({{x}}, {{y}}, (uint32_t *){{scratch}}, {{weights}}, &how, &window, &shape, {rounding})",
        scratch=4 * tile.words + 4 * (rows * y.shape[2] + 3) + 8 * taps,
        arrays={
            "weights": operator.weights,
            "places": (4 * tile.places).astype(np.uint8),
            "taps": tile.taps.astype(np.uint8),
        },
        window=window_of(operator),
        structs={"shape": ("depthwise_t", f"{{places}}, {{taps}}, {', '.join(map(str, numbers))}")},
        instructions=x.shape[0] * (x.shape[1] * (6 + 6 * x.shape[2]) + 110 + 7 * taps)
        + y.shape[0] * y.shape[1] * (45 + -(-y.shape[2] // 4) * (16 * taps + 13))
        + each * outputs
        + 90 * y.shape[0] * -(-y.shape[1] // rows),
    )


def _moved(program: Program, operator: Convolve) -> tuple[Convolve, tuple[Whole, Whole]] | None:
    """An operator on values less their zero point, without taps that only meet padding, and the slack of its offsets;
    None where no offsets are exact for all channels.
    """
    (x,), _ = program.of(operator)
    given, (found,) = operator.requantize, ranges.sums(program, operator)
    moved = x.zero_point * operator.weights.reshape(len(operator.weights), -1).sum(1, dtype=np.int64)
    how = exchanged(given, found, moved=moved, pre_shift=given.pre_shift)
    if how is None:
        return None
    least, largest = offset_bounds(given, found, moved, how)
    free = np.maximum(least - how.offset, -FAR), np.minimum(largest - how.offset, FAR)
    return replace(_trimmed(program, operator), requantize=how), free


def _coded(form: KernelCall) -> KernelCall:
    """With ternary weights stored five a byte."""
    weights = form.arrays["weights"]
    widened = f"{{scratch}} + {form.scratch}"
    return replace(
        form,
        files=(*form.files, "widen"),
        call=f"widen_codes({{weights}}, {widened}, {weights.size});\n    " + form.call.replace("{weights}", widened),
        arrays={**form.arrays, "weights": encode_codes(weights.reshape(1, -1), 5)[0]},
        scratch=form.scratch + weights.size,
        instructions=form.instructions + 10 * weights.size,
    )


class Tile:
    """A channel's padded map in words, its columns sorted by their remainder by the stride.

    places: of each column of the map. taps: of each weight of a kernel. row, words: of a row, of the whole tile.
    """

    def __init__(self, program: Program, operator: Convolution, rows: int, block: int) -> None:
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
