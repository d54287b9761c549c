"""Pools, with windows that stand over the edge on one side only."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from .build import Build, Value
from .file import Refused
from .layers import border
from .windows import Sides, pads_of

_AVERAGE: dict[int, Callable[..., Any]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_LARGEST: dict[int, Callable[..., Any]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_WHOLE: dict[str, dict[int, Callable[..., Any]]] = {
    "GlobalAveragePool": {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d},
    "GlobalMaxPool": {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d},
}


def whole(b: Build) -> Value:
    """GlobalAveragePool and GlobalMaxPool."""
    x = b.value()
    if x.rank - 2 not in (1, 2, 3):
        raise Refused(f"pools {x.rank - 2} axes; 1 to 3 are read")
    return b.emit(partial(_WHOLE[b.node.kind][x.rank - 2], output_size=1), x)


def average(b: Build) -> Value:
    """AveragePool."""
    x, kernel, stride, dilation, pads = _windows(b)
    if set(dilation) != {1}:
        raise Refused("its windows have gaps; an average without is read")
    pool, ceil = _AVERAGE[len(kernel)], bool(b.node.get("ceil_mode", 0))
    counted = bool(b.node.get("count_include_pad", 0))
    if all(before == after and 2 * before <= k for (before, after), k in zip(pads, kernel, strict=True)):
        padding = [before for before, _ in pads]
        return b.emit(lambda v: pool(v, kernel, stride, padding, ceil_mode=ceil, count_include_pad=counted), x)
    if not ceil and not counted and _over_the_end(x.shape[2:], kernel, stride, pads):
        padding = [before for before, _ in pads]
        return b.emit(lambda v: pool(v, kernel, stride, padding, ceil_mode=True, count_include_pad=False), x)
    around = border(pads)
    if counted:
        return b.emit(lambda v: pool(around(v), kernel, stride, ceil_mode=ceil), x)
    share = pool(around(torch.ones(1, 1, *x.shape[2:])), kernel, stride, ceil_mode=ceil)
    return b.emit(lambda v: pool(around(v), kernel, stride, ceil_mode=ceil) / share.to(v.device), x)


def largest(b: Build) -> Value:
    """MaxPool."""
    if len([name for name in b.node.outputs if name]) > 1:
        raise Refused("also says where the largest was; its value alone is read")
    x, kernel, stride, dilation, pads = _windows(b)
    pool, ceil = _LARGEST[len(kernel)], bool(b.node.get("ceil_mode", 0))
    if all(before == after and 2 * before <= k for (before, after), k in zip(pads, kernel, strict=True)):
        padding = [before for before, _ in pads]
        return b.emit(lambda v: pool(v, kernel, stride, padding, dilation, ceil), x)
    if not ceil and set(dilation) == {1} and _over_the_end(x.shape[2:], kernel, stride, pads):
        padding = [before for before, _ in pads]
        return b.emit(lambda v: pool(v, kernel, stride, padding, dilation, True), x)
    around = border(pads, float("-inf"))
    return b.emit(lambda v: pool(around(v), kernel, stride, 0, dilation, ceil), x)


def _over_the_end(size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], pads: Sequence[Sides]) -> bool:
    """Whether torch's ceil mode, with the padding before on both sides, has as many windows as these pads."""
    for n, k, s, (before, after) in zip(size, kernel, stride, pads, strict=True):
        wanted = (n + before + after - k) // s + 1
        count = -(-(n + 2 * before - k) // s) + 1
        count -= (count - 1) * s >= n + before
        if count != wanted or 2 * before > k:
            return False
    return True


def _windows(b: Build) -> tuple[Value, list[int], list[int], list[int], list[Sides]]:
    x, kernel = b.value(), b.ints("kernel_shape") or []
    if len(kernel) not in (1, 2, 3) or x.rank != len(kernel) + 2:
        raise Refused(f"pools {len(kernel)} axes of a value with {x.rank - 2}")
    stride, dilation = b.ints("strides") or [1] * len(kernel), b.ints("dilations") or [1] * len(kernel)
    return x, kernel, stride, dilation, pads_of(b.node, x.shape[2:], kernel, stride, dilation)
