"""Resize and Upsample."""

from collections.abc import Sequence
from functools import partial
from math import floor, prod

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .build import Build, Known, Value
from .file import Refused
from .nearest import nearest_row

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def resize(b: Build) -> Value:
    """A map on a finer or coarser grid: the nearest element, or between elements where torch does just that."""
    x = b.value()
    scales, sizes = _wanted(b, x)
    if scales[:2] != [1, 1] or sizes[:2] != list(x.shape[:2]):
        raise Refused("changes the batch or the channels")
    if prod(sizes) > 2**28:
        raise Refused("makes too large a value")
    mode = str(b.node.get("mode", "nearest"))
    how = "asymmetric" if b.node.kind == "Upsample" else b.node.get("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        rule = "floor" if b.node.kind == "Upsample" else b.node.get("nearest_mode", "round_prefer_floor")
        rows = [nearest_row(n, m, s, how, rule) for n, m, s in zip(x.shape[2:], sizes[2:], scales[2:], strict=True)]
        return _picked(b, x, rows)
    if b.node.get("antialias", 0) or b.node.get("exclude_outside", 0):
        raise Refused("filters before it resizes; use nearest, or linear without antialias")
    aligned = how == "align_corners"
    if mode == "linear" and x.rank - 2 in _LINEAR and (aligned or how in ("half_pixel", "pytorch_half_pixel")):
        torch_mode = _LINEAR[x.rank - 2]
    elif mode == "cubic" and x.rank == 4 and (aligned or how in ("half_pixel", "pytorch_half_pixel")):
        torch_mode = "bicubic"
    else:
        raise Refused(f"resizes by {mode} with {how}; nearest is read, and linear with half_pixel or align_corners")
    size = tuple(sizes[2:])
    if not aligned and any(s != m / n for n, m, s in zip(x.shape[2:], size, scales[2:], strict=True)):
        raise Refused("its scales do not give whole sizes; give it sizes")
    return b.emit(partial(F.interpolate, size=size, mode=torch_mode, align_corners=aligned), x)


def _wanted(b: Build, x: Value) -> tuple[list[float], list[int]]:
    """Scale and size of every axis."""
    place = 1 if b.node.kind == "Upsample" or (b.file.opset < 11) else 2
    axes = [b.axis(axis, x.rank) for axis in b.ints("axes") or range(x.rank)]
    given = b.constant(place) if b.has(place) else None
    if given is not None and given.size:
        if given.size != len(axes) or not np.isfinite(given).all() or given.min() <= 0:
            raise Refused("has not one scale above 0 for each axis")
        scales = [1.0] * x.rank
        for axis, scale in zip(axes, given.reshape(-1), strict=True):
            scales[axis] = float(scale)
        return scales, [floor(n * s) for n, s in zip(x.shape, scales, strict=True)]
    known = b.given(3)
    if not isinstance(known, Known) or known.at[0].size != len(axes):
        raise Refused("has not one size for each axis")
    if b.node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Refused("keeps a ratio of sizes; give it the sizes")
    sizes = list(x.shape)
    for axis, size in zip(axes, known.at[0].reshape(-1), strict=True):
        if axis or not known.fixed:
            sizes[axis] = int(size)
    if b.file.dims[0] is not None and axes[0] == 0:
        sizes[0] = x.shape[0]
    if min(sizes) < 1:
        raise Refused("leaves nothing")
    return [m / n for n, m in zip(x.shape, sizes, strict=True)], sizes


def _picked(b: Build, x: Value, rows: Sequence[Sequence[int]]) -> Value:
    """The elements that rows name on each axis of places."""
    factors = [len(row) // n for n, row in zip(x.shape[2:], rows, strict=True)]
    even = all(
        f and list(row) == [i // f for i in range(n * f)] for n, f, row in zip(x.shape[2:], factors, rows, strict=True)
    )
    if all(list(row) == list(range(n)) for n, row in zip(x.shape[2:], rows, strict=True)):
        return x
    if even and x.rank - 2 in _LINEAR:
        scale = tuple(float(f) for f in factors)
        return b.emit(partial(F.interpolate, scale_factor=scale, mode="nearest"), x)
    tables = [torch.tensor(row) for row in rows]

    def pick(v: Tensor) -> Tensor:
        for axis, table in enumerate(tables):
            v = v.index_select(2 + axis, table.to(v.device))
        return v

    return b.emit(pick, x)
