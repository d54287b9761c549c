"""Operators that only move elements: each is done to the places of its input, by NumPy's own functions."""

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Concatenate
from ...integer.program import Requantize
from .activations import fused
from .file import Node, Value
from .layout import Held, Places, in_order, shape_in_order
from .lowering import Lowering, Refused
from .shapes import resolved

Move = Callable[[Lowering, Node, Places], Places | list[Places]]


def move(function: Move, place: int = 0) -> Callable[[Lowering, Node], None]:
    """The kind of node that moves its input `place`, to one output or to several."""

    def lower(lowering: Lowering, node: Node) -> None:
        x = lowering.input(node, place)
        made = function(lowering, node, lowering.read(x).places)
        parts = made if isinstance(made, list) else [made]
        if len(parts) != len(node.outputs):
            raise Refused(f"makes {len(parts)} values; the file has {len(node.outputs)}")
        for i, places in enumerate(parts):
            value = lowering.output(node, i)
            if lowering.scale(value) != lowering.scale(x):
                raise Refused("its input and its output have several scales")
            lowering.hold(value, lowering.read(x).moved(places))

    return lower


def reshape(lowering: Lowering, node: Node, x: Places) -> Places:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: what the output's shape says."""
    y = lowering.output(node)
    shape = y.shape
    if not y.fixed:
        given = lowering.constant(node, 1) if node.kind == "RESHAPE" and len(node.inputs) > 1 else np.zeros(0, np.int64)
        found = resolved(given.reshape(-1).tolist(), x.size)
        if found is None:
            raise Refused(f"the shape of its output {y} is not fixed; convert the network for one size of input")
        shape = found
    if prod(shape) != x.size:
        raise Refused(f"makes {list(shape)} of {x.size} elements")
    return x.reshape(shape)


def transpose(lowering: Lowering, node: Node, x: Places) -> Places:
    """TRANSPOSE."""
    order = lowering.whole(node, 1)
    if sorted(order) != list(range(x.ndim)):
        raise Refused(f"has the order {order} for {x.ndim} axes")
    return x.transpose(order)


def slice_(lowering: Lowering, node: Node, x: Places) -> Places:
    """SLICE; a size of −1 is all that is left."""
    begin, size = lowering.whole(node, 1), lowering.whole(node, 2)
    if not len(begin) == len(size) == x.ndim:
        raise Refused(f"cuts {len(begin)} axes of {x.ndim}")
    ends = [n if s == -1 else b + s for n, b, s in zip(x.shape, begin, size, strict=True)]
    if any(not 0 <= b < e <= n for n, b, e in zip(x.shape, begin, ends, strict=True)):
        raise Refused(f"cuts {begin} to {ends} of {list(x.shape)}")
    return x[tuple(slice(b, e) for b, e in zip(begin, ends, strict=True))]


def strided_slice(lowering: Lowering, node: Node, x: Places) -> Places:
    """STRIDED_SLICE, without an ellipsis or new axes."""
    options = {key: int(value) for key, value in node.options.items()}
    if options.get("EllipsisMask") or options.get("NewAxisMask") or options.get("Offset"):
        raise Refused("has an ellipsis, new axes or offsets; write the slice out")
    begin, end, step = (lowering.whole(node, place) for place in (1, 2, 3))
    if not len(begin) == len(end) == len(step) <= x.ndim or 0 in step:
        raise Refused(f"cuts {len(begin)} axes of {x.ndim}")
    cuts: list[slice | int] = []
    for axis, (b, e, s) in enumerate(zip(begin, end, step, strict=True)):
        if options.get("ShrinkAxisMask", 0) >> axis & 1:
            if not -x.shape[axis] <= b < x.shape[axis]:
                raise Refused(f"takes element {b} of {x.shape[axis]}")
            cuts.append(b)
            continue
        first = None if options.get("BeginMask", 0) >> axis & 1 else b
        last = None if options.get("EndMask", 0) >> axis & 1 else e
        cuts.append(slice(first, last, s))
    made = x[tuple(cuts)]
    if not made.size:
        raise Refused("cuts out nothing")
    return made


def split(lowering: Lowering, node: Node, x: Places) -> list[Places]:
    """SPLIT: the axis is input 0."""
    axis, parts = _axis(lowering.whole(node, 0), x), len(node.outputs)
    if x.shape[axis] % parts:
        raise Refused(f"splits {x.shape[axis]} into {parts} equal parts")
    return list(np.split(x, parts, axis))


def split_v(lowering: Lowering, node: Node, x: Places) -> list[Places]:
    """SPLIT_V: the sizes are input 1, one of which may be −1; the axis is input 2."""
    sizes, axis = lowering.whole(node, 1), _axis(lowering.whole(node, 2), x)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = x.shape[axis] - sum(sizes) - 1
    if min(sizes, default=0) < 1 or sum(sizes) != x.shape[axis]:
        raise Refused(f"splits {x.shape[axis]} into {sizes}")
    return list(np.split(x, np.cumsum(sizes)[:-1].tolist(), axis))


def unpack(lowering: Lowering, node: Node, x: Places) -> list[Places]:
    """UNPACK: the slices along an axis."""
    axis = _axis([int(node.options.get("Axis", 0))], x)
    return list(np.moveaxis(x, axis, 0))


def gather(lowering: Lowering, node: Node, x: Places) -> Places:
    """GATHER of constant indices."""
    if node.options.get("BatchDims"):
        raise Refused("gathers by batches")
    axis, index = _axis([int(node.options.get("Axis", 0))], x), lowering.constant(node, 1)
    if index.dtype not in (np.int32, np.int64) or not index.size or not 0 <= index.min() <= index.max() < x.shape[axis]:
        raise Refused("gathers what is not there")
    return np.take(x, index, axis)


def tile(lowering: Lowering, node: Node, x: Places) -> Places:
    """TILE."""
    return _repeated(lowering, node, x, np.tile)


def broadcast_to(lowering: Lowering, node: Node, x: Places) -> Places:
    """BROADCAST_TO."""
    return _repeated(lowering, node, x, lambda places, shape: np.broadcast_to(places, shape))


def reverse(lowering: Lowering, node: Node, x: Places) -> Places:
    """REVERSE_V2."""
    made: Places = np.flip(x, tuple(_axis([axis], x) for axis in lowering.whole(node, 1)))
    return made


def depth_to_space(lowering: Lowering, node: Node, x: Places) -> Places:
    """DEPTH_TO_SPACE: channels are (row in the block, column in it, channel)."""
    block = _block(node, x)
    n, rows, columns, depth = x.shape
    if depth % block**2:
        raise Refused(f"spreads {depth} channels over blocks of {block}×{block}")
    parts = x.reshape(n, rows, columns, block, block, -1).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, rows * block, columns * block, -1)


def space_to_depth(lowering: Lowering, node: Node, x: Places) -> Places:
    """SPACE_TO_DEPTH, its inverse."""
    block = _block(node, x)
    n, rows, columns, depth = x.shape
    if rows % block or columns % block:
        raise Refused(f"gathers blocks of {block}×{block} of {rows}×{columns}")
    parts = x.reshape(n, rows // block, block, columns // block, block, depth).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, rows // block, columns // block, -1)


def resize_nearest(lowering: Lowering, node: Node, x: Places) -> Places:
    """RESIZE_NEAREST_NEIGHBOR."""
    size = lowering.whole(node, 1)
    if x.ndim != 4 or len(size) != 2 or not 1 <= min(size) <= max(size) <= 2**12:
        raise Refused(f"resizes {list(x.shape)} to {size}")
    corners, centres = bool(node.options.get("AlignCorners")), bool(node.options.get("HalfPixelCenters"))
    for axis, (n, m) in enumerate(zip(x.shape[1:3], size, strict=True), 1):
        step = np.float32((n - 1) / (m - 1)) if corners and m > 1 else np.float32(np.float32(n) / np.float32(m))
        at = (np.arange(m, dtype=np.float32) + np.float32(0.5 if centres else 0)) * step
        whole = np.floor(at + np.float32(0.5)) if corners else np.floor(at)
        x = np.take(x, np.clip(whole, 0, n - 1).astype(np.int64), axis)
    return x


def pad(lowering: Lowering, node: Node) -> None:
    """PAD and PADV2: with the zero point, or the constant of input 2."""
    x, y = lowering.input(node, 0), lowering.output(node)
    sides = lowering.constant(node, 1)
    if lowering.scale(x) != lowering.scale(y):
        raise Refused("its input and its output have several scales")
    if sides.shape != (len(x.shape), 2) or sides.min() < 0 or sides.max() > 2**12:
        raise Refused(f"has the borders {sides.tolist()} around {list(x.shape)}")
    fill = lowering.scale(y)[1]
    if lowering.maybe(node, 2) is not None:
        given = lowering.constant(node, 2)
        if given.dtype != np.int8 or given.size != 1:
            raise Refused("its constant is no int8")
        fill = int(given.reshape(-1)[0])
    if tuple(n + a + b for n, (a, b) in zip(x.shape, sides.tolist(), strict=True)) != y.shape:
        raise Refused(f"its borders do not make {list(y.shape)}")
    lowering.read(x)
    lowering.border(y, x, [(int(a), int(b)) for a, b in sides], fill)


def concatenation(lowering: Lowering, node: Node) -> None:
    """CONCATENATION, whose inputs have the output's scale."""
    y = lowering.output(node)
    axis = _axis([int(node.options.get("Axis", 0))], in_order(y.shape))
    low, high = fused(node, *lowering.scale(y))
    _joined(lowering, node, [lowering.read(lowering.input(node, i)) for i in range(len(node.inputs))], axis, low, high)


def pack(lowering: Lowering, node: Node) -> None:
    """PACK: joined along a new axis."""
    y = lowering.output(node)
    axis = _axis([int(node.options.get("Axis", 0))], in_order(y.shape))
    held = [lowering.read(lowering.input(node, i)) for i in range(len(node.inputs))]
    _joined(lowering, node, [part.moved(np.expand_dims(part.places, axis)) for part in held], axis, -128, 127)


def _joined(lowering: Lowering, node: Node, parts: list[Held], axis: int, low: int, high: int) -> None:
    """Along the channels; another axis is made one for the while."""
    y = lowering.output(node)
    values: list[Value] = [lowering.input(node, i) for i in range(len(node.inputs))]
    if any(lowering.scale(value) != lowering.scale(y) for value in values):
        raise Refused("its inputs and its output have several scales; quantize it as TensorFlow Lite's converter does")
    around = [part.shape[:axis] + part.shape[axis + 1 :] for part in parts]
    whole = sum(part.shape[axis] for part in parts)
    if {*around} != {y.shape[:axis] + y.shape[axis + 1 :]} or whole != y.shape[axis]:
        raise Refused(f"does not make {list(y.shape)}")
    shape = (*around[0], whole)
    tensors = [lowering.ordered(part.moved(np.moveaxis(part.places, axis, -1))) for part in parts]
    if any(t.dtype != "int8" for t in tensors):
        raise Refused("joins the input's pixels; give the network the picture as it is")
    how = Requantize(np.ones(1, np.int32), np.zeros(1, np.int32), 0, 0, low, high)
    name = lowering.name()
    operator = Concatenate(name, tuple(t.name for t in tensors), name, (how,) * len(tensors))
    places = np.moveaxis(in_order(shape), -1, axis)
    lowering.make(y, operator, shape_in_order(shape), (low, high), held=Held(name, y.shape, places))


def _repeated(
    lowering: Lowering, node: Node, x: Places, function: Callable[[Places, list[int]], NDArray[np.int64]]
) -> Places:
    wanted = lowering.whole(node, 1)
    if len(wanted) > 8 or min(wanted, default=1) < 1 or prod(lowering.output(node).shape) > 2**24:
        raise Refused(f"repeats {list(x.shape)} by {wanted}")
    y = lowering.output(node)
    made = y.shape
    if not y.fixed:
        made = tuple(n * k for n, k in zip(x.shape, wanted, strict=False)) if function is np.tile else tuple(wanted)
    if prod(made) > 2**23:
        raise Refused(f"makes {list(made)}")
    if function is np.tile and tuple(n * k for n, k in zip(x.shape, wanted, strict=False)) != made:
        raise Refused(f"does not make {list(made)}")
    if function is not np.tile and tuple(wanted) != made:
        raise Refused(f"does not make {list(made)}")
    return function(x, wanted)


def _axis(found: list[int], x: Places) -> int:
    if len(found) != 1 or not -x.ndim <= found[0] < x.ndim:
        raise Refused(f"has the axis {found} of {x.ndim}")
    return found[0] % x.ndim


def _block(node: Node, x: Places) -> int:
    block = int(node.options.get("BlockSize", 0))
    if x.ndim != 4 or not 1 <= block <= 2**8:
        raise Refused(f"has blocks of {block} on {list(x.shape)}")
    return block
