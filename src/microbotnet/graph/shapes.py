"""The rules of shapes: from the first argument's shape and all arguments by name to the output's, batch included.

None where it is not plain; then torch is asked.
"""

from collections.abc import Sequence
from typing import Any

Shape = tuple[int, ...]
Named = dict[str, Any]  # the arguments of an ATen call


def keep(shape: Shape, named: Named) -> Shape | None:
    """The first argument's."""
    return shape


def batch_norm(shape: Shape, named: Named) -> Shape | None:
    """That of the input, whose second axis its vectors must have."""
    vectors = (named["weight"], named["running_mean"])
    return shape if all(vector is None or tuple(vector.shape) == shape[1:2] for vector in vectors) else None


def conv2d(shape: Shape, named: Named) -> Shape | None:
    """Of a convolution of maps."""
    weight: Shape = tuple(named["weight"].shape)
    groups = named["groups"]
    if len(shape) != 4 or isinstance(named["padding"], str) or shape[1] != weight[1] * groups or weight[0] % groups:
        return None
    return _slide((shape[0], weight[0]), shape[2:], weight[2:], named)


def pool2d(shape: Shape, named: Named) -> Shape | None:
    """Of windows on maps."""
    kernel = _pair(named["kernel_size"])
    if len(shape) != 4 or any(2 * pad > k for pad, k in zip(_pair(named["padding"]), kernel, strict=True)):
        return None
    return _slide(shape[:2], shape[2:], kernel, {"dilation": 1, **named, "stride": named["stride"] or kernel})


def _slide(leading: Shape, size: Shape, kernel: Shape, named: Named) -> Shape | None:
    """Places of a kernel that slides over a picture: ⌊(n + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1 an axis.

    In ceil mode ⌈…⌉, but a place must start on the picture or the padding before it.
    """
    padding, dilation, stride = (_pair(named[key]) for key in ("padding", "dilation", "stride"))
    places = []
    for n, k, pad, gap, step in zip(size, kernel, padding, dilation, stride, strict=True):
        room = n + 2 * pad - gap * (k - 1) - 1
        count = (-(-room // step) if named.get("ceil_mode") else room // step) + 1
        places.append(count - 1 if named.get("ceil_mode") and (count - 1) * step >= n + pad else count)
    return (*leading, *places) if min(places) > 0 else None


def adaptive(shape: Shape, named: Named) -> Shape | None:
    """As asked for."""
    return (*shape[:2], *named["output_size"]) if len(shape) == 4 else None


def linear(shape: Shape, named: Named) -> Shape | None:
    """Its outputs in place of the last axis."""
    weight = tuple(named["weight"].shape)
    return (*shape[:-1], weight[0]) if len(weight) == 2 and shape[-1] == weight[1] else None


def broadcast(shape: Shape, named: Named) -> Shape | None:
    """Of two tensors, or of one and a number."""
    other = named["other"]
    if not hasattr(other, "shape"):
        return shape
    if not other.is_floating_point():
        return None
    rank = max(len(shape), other.dim())
    pairs = list(zip((1,) * (rank - len(shape)) + shape, (1,) * (rank - other.dim()) + tuple(other.shape), strict=True))
    return tuple(max(pair) for pair in pairs) if all(a == b or 1 in (a, b) for a, b in pairs) else None


def where(shape: Shape, named: Named) -> Shape | None:
    """Of a choice between two numbers."""
    return shape if isinstance(named["self"], float) and isinstance(named["other"], float) else None


def cat(shape: Shape, named: Named) -> Shape | None:
    """Of tensors one after the other."""
    tensors, dim = named["tensors"], named["dim"]
    shapes = [tuple(tensor.shape) for tensor in tensors]
    axis = dim % max(len(shapes[0]), 1)
    if len({shape[:axis] + shape[axis + 1 :] for shape in shapes}) != 1 or len({t.dtype for t in tensors}) != 1:
        return None
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


def pad(shape: Shape, named: Named) -> Shape | None:
    """With a constant border."""
    sides = named["pad"]
    padded = list(shape)
    for axis in range(len(sides) // 2):  # the last axis comes first
        padded[-1 - axis] += sides[2 * axis] + sides[2 * axis + 1]
    return tuple(padded) if min(padded) > 0 and named.get("mode", "constant") == "constant" else None


def _pair(value: int | Sequence[int]) -> Shape:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * 2 if len(values) == 1 else values
