"""How far windows stand over the edge of a map, from what a node says."""

from collections.abc import Sequence

from .file import Node, Refused

Sides = tuple[int, int]  # before and behind an axis


def pads_of(
    node: Node, size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[Sides]:
    """Padding before and behind every axis of places."""
    axes = len(kernel)
    if any(len(values) != axes for values in (size, stride, dilation)) or min(*stride, *dilation, *kernel) < 1:
        raise Refused("has not one kernel size, stride and dilation of at least 1 for each axis")
    how = node.get("auto_pad", "NOTSET")
    if how == "VALID":
        return [(0, 0)] * axes
    if how in ("SAME_UPPER", "SAME_LOWER"):
        sides = []
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            sides.append((total // 2, total - total // 2) if how == "SAME_UPPER" else (total - total // 2, total // 2))
        return sides
    pads = node.get("pads", None) or [0] * (2 * axes)
    if len(pads) != 2 * axes:
        raise Refused(f"has {len(pads)} paddings for {axes} axes")
    return [(int(pads[axis]), int(pads[axis + axes])) for axis in range(axes)]
