"""Which element is the nearest when a map is resized."""

from collections.abc import Callable, Sequence
from math import ceil, floor, prod

import numpy as np

from .file import Array, Node, Refused


def nearest_places(node: Node, shape: Sequence[int], constant: Callable[[int], Array | None]) -> list[list[int]]:
    """For every axis, which element each of Resize's result takes."""
    if node.get("mode", "nearest") != "nearest":
        raise Refused("resizes between elements; use the nearest")
    rank = len(shape)
    axes = [axis % rank for axis in node.get("axes", None) or range(rank)]
    given, sizes = constant(2), constant(3)
    scales, wanted = [1.0] * rank, list(shape)
    for place, axis in enumerate(axes):
        if given is not None and given.size == len(axes):
            scales[axis] = float(given[place])
            wanted[axis] = floor(shape[axis] * scales[axis])
        elif sizes is not None and sizes.size == len(axes) and axis:
            wanted[axis] = int(sizes[place])
            scales[axis] = wanted[axis] / shape[axis]
    if min(wanted) < 1 or prod(wanted) > 2**28 or wanted[0] != shape[0]:
        raise Refused("makes too large a map, or none")
    how = node.get("coordinate_transformation_mode", "half_pixel")
    rule = node.get("nearest_mode", "round_prefer_floor")
    return [nearest_row(n, m, s, how, rule) for n, m, s in zip(shape, wanted, scales, strict=True)]


def nearest_row(n: int, m: int, scale: float, how: str, rule: str) -> list[int]:
    """Which of n elements each of m takes."""
    rows = []
    for place in range(m):
        if how in ("half_pixel", "half_pixel_symmetric") or (how == "pytorch_half_pixel" and m > 1):
            at = (place + 0.5) / scale - 0.5
        elif how == "pytorch_half_pixel":
            at = 0.0
        elif how == "asymmetric":
            at = place / scale
        elif how == "align_corners":
            at = place * (n - 1) / (m - 1) if m > 1 else 0.0
        else:
            raise Refused(f"resizes by {how}; half_pixel, asymmetric and align_corners are read")
        at = float(np.float32(at))
        chosen = {
            "floor": floor(at),
            "ceil": ceil(at),
            "round_prefer_floor": ceil(at - 0.5),
            "round_prefer_ceil": floor(at + 0.5),
        }.get(rule)
        if chosen is None:
            raise Refused(f"rounds by {rule}")
        rows.append(min(max(chosen, 0), n - 1))
    return rows
