"""What each operator of ONNX without weights is in torch."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import layers, pools, resize
from .build import Build, Known, Value, to_tensor
from .file import Array, Refused
from .network import Operation

Function = Callable[..., Any]


def _hard_sigmoid(b: Build) -> Function:
    alpha, beta = float(b.node.get("alpha", 0.2)), float(b.node.get("beta", 0.5))
    if abs(alpha - 1 / 6) < 1e-4 and abs(beta - 0.5) < 1e-6:
        return F.hardsigmoid
    return lambda x: torch.clamp(x * alpha + beta, 0.0, 1.0)


def _clip(b: Build) -> Function:
    low, high = (
        float(b.node.attributes[name]) if name in b.node.attributes else b.number(place)
        for place, name in ((1, "min"), (2, "max"))
    )
    low = None if low is not None and low < -1e30 else low
    high = None if high is not None and high > 1e30 else high
    if low == 0 and high is None:
        return F.relu
    if low == 0 and high == 6:
        return F.relu6
    return partial(torch.clamp, min=low, max=high)


def _swish(b: Build) -> Function:
    alpha = float(b.node.get("alpha", 1.0))
    return F.silu if alpha == 1 else lambda x: x * torch.sigmoid(x * alpha)


def _softplus(b: Build) -> Function:
    return F.softplus


def _gelu(b: Build) -> Function:
    return partial(F.gelu, approximate=b.node.get("approximate", "none"))


# Each element by itself.
FUNCTIONS: dict[str, Callable[[Build], Function]] = {
    "Clip": _clip,
    "Elu": lambda b: partial(F.elu, alpha=float(b.node.get("alpha", 1.0))),
    "Celu": lambda b: partial(F.celu, alpha=float(b.node.get("alpha", 1.0))),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "LeakyRelu": lambda b: partial(F.leaky_relu, negative_slope=float(b.node.get("alpha", 0.01))),
    "Swish": _swish,
    "ThresholdedRelu": lambda b: partial(F.threshold, threshold=float(b.node.get("alpha", 1.0)), value=0.0),
} | {
    kind: (lambda b, function=function: function)  # type: ignore[misc]
    for kind, function in {
        "Abs": torch.abs,
        "Ceil": torch.ceil,
        "Cos": torch.cos,
        "Erf": torch.erf,
        "Exp": torch.exp,
        "Floor": torch.floor,
        "HardSwish": F.hardswish,
        "Log": torch.log,
        "Mish": F.mish,
        "Neg": torch.neg,
        "Reciprocal": torch.reciprocal,
        "Relu": F.relu,
        "Round": torch.round,
        "Sigmoid": torch.sigmoid,
        "Sign": torch.sign,
        "Sin": torch.sin,
        "Softplus": F.softplus,
        "Softsign": F.softsign,
        "Sqrt": torch.sqrt,
        "Tanh": torch.tanh,
        "Selu": F.selu,
    }.items()
}


def _function(b: Build) -> Value:
    x = b.value(plain=False) if b.node.kind not in KEEPS_ROWS else b.given(0)
    if not isinstance(x, Value):
        raise Refused("its input is a constant")
    y = b.emit(FUNCTIONS[b.node.kind](b), x, axes=x.axes)
    return replace(y, rows=x.rows)


KEEPS_ROWS = set(FUNCTIONS)
_PAIRS: dict[str, Function] = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": torch.div,
    "Pow": torch.pow,
    "Max": torch.maximum,
    "Min": torch.minimum,
}
_NEUTRAL = {"Add": 0.0, "Sub": 0.0, "Mul": 1.0, "Div": 1.0, "Pow": 1.0}


def _pair(b: Build) -> Value:
    """Two inputs, or in Max, Min, Sum and Mean any number."""
    kind = "Add" if b.node.kind in ("Sum", "Mean") else b.node.kind
    values = [b.given(place) for place in range(len(b.node.inputs))]
    if len(values) == 1:
        return b.value(plain=False)
    y = values[0]
    for other in values[1:]:
        y = _two(b, kind, y, other)
    if not isinstance(y, Value):
        raise Refused("has only constant inputs")
    if b.node.kind == "Mean":
        count = float(len(values))
        y = b.emit(lambda x: x / count, y, axes=y.axes)
    return y


def _two(b: Build, kind: str, x: Value | Known, y: Value | Known) -> Value:
    function = _PAIRS[kind]
    if isinstance(x, Value) and isinstance(y, Value):
        x, y = (b.materialized(v) if v.rows is not None else v for v in (x, y))
        if x.rank != y.rank or x.axes != y.axes:
            large, small = (x, y) if prod(x.shape) >= prod(y.shape) else (y, x)
            if large.rank == small.rank:
                fitted = b.like(small, large)
                x, y = (x, fitted) if large is x else (fitted, y)
            if x.axes != y.axes:
                x, y = b.materialized(x), b.materialized(y)
        return b.emit(function, x, y, axes=x.axes if x.rank >= y.rank else y.axes)
    value, known = (x, y) if isinstance(x, Value) else (y, x)
    if not isinstance(value, Value) or not isinstance(known, Known):
        raise Refused("has only constant inputs")
    if not known.fixed:
        raise Refused("computes with a number that depends on the batch")
    return _with_constant(b, kind, value, known.at[0], first=value is x)


def _with_constant(b: Build, kind: str, x: Value, array: Array, *, first: bool) -> Value:
    """first: x is the first of the two."""
    function = _PAIRS[kind]
    if array.size == 1 and array.ndim <= x.rank:
        number = float(array.reshape(()))
        if number == _NEUTRAL.get(kind) and (first or kind in ("Add", "Mul")):
            return x
        if kind in ("Max", "Min"):
            low, high = (number, None) if kind == "Max" else (None, number)
            y = b.emit(F.relu if low == 0 else partial(torch.clamp, min=low, max=high), x, axes=x.axes)
        elif first or kind in ("Add", "Mul"):
            y = b.emit(lambda v: function(v, number), x, axes=x.axes)
        elif kind == "Sub":
            y = b.emit(lambda v: torch.rsub(v, number), x, axes=x.axes)
        else:
            y = b.emit(lambda v: function(torch.full_like(v, number), v), x, axes=x.axes)
        return replace(y, rows=x.rows)
    array = array.astype(np.float32)
    if kind == "Add":
        return layers.scaled(b, x, None, array)
    if kind == "Mul":
        return layers.scaled(b, x, array, None)
    if kind == "Sub":
        return layers.scaled(b, x, None, -array) if first else layers.scaled(b, x, -np.ones_like(array), array)
    if kind == "Div" and first:
        return layers.scaled(b, x, 1 / array, None)
    raise Refused(f"combines its input with a constant of {array.size} numbers; one number is read")


def _transpose(b: Build) -> Value:
    x = b.value(plain=False)
    order = b.ints("perm") or list(reversed(range(x.rank)))
    if sorted(order) != list(range(x.rank)):
        raise Refused(f"orders {x.rank} axes by {order}")
    return replace(x, axes=tuple(x.axes[axis] for axis in order))


def _reshape(b: Build) -> Value:
    """Reshape, Flatten, Squeeze and Unsqueeze: the same elements in another shape."""
    x = b.value(plain=False) if isinstance(b.given(0), Value) else b.value()
    given = b.given(0)
    assert isinstance(given, Value)
    if given.rows is None:
        x = given
    shapes = [_shape(b, shape, which) for which, shape in enumerate(x.shapes)]
    if any(prod(a) != prod(c) for a, c in zip(shapes, x.shapes, strict=True)):
        raise Refused(f"cannot make {shapes[0]} of {x.shape}")
    if all(a == c for a, c in zip(shapes, x.shapes, strict=True)):
        return x
    if x.key in b.tiles and (repeated := _repeated(b, x, shapes)):
        return repeated
    if x.plain or b.moves_only_units(x):
        return b.reshaped(x, shapes)
    if all([n for n in a if n != 1] == [n for n in c if n != 1] for a, c in zip(shapes, x.shapes, strict=True)):
        return _with_units(b, x, shapes)
    if len(shapes[0]) == 2 and x.axes[0] == 0 and shapes[0][0] == x.shape[0]:
        sizes = x.at[0].shape[1:]
        order = np.arange(prod(sizes)).reshape(sizes).transpose([axis - 1 for axis in x.axes[1:]]).reshape(-1)
        y = b.emit(lambda v: v.flatten(1), x)
        return replace(y, rows=order)
    return b.reshaped(b.materialized(x), shapes)


def _with_units(b: Build, x: Value, shapes: list[tuple[int, ...]]) -> Value:
    """x with other axes of one element, which torch gets behind all others."""
    long = [axis for axis in x.axes if any(tensor.shape[axis] != 1 for tensor in x.at)]
    units = len(shapes[0]) - len(long)
    own = [tuple(tensor.shape[axis] for axis in sorted(long)) + (1,) * units for tensor in x.at]
    longs, rest = iter(sorted(long).index(axis) for axis in long), iter(range(len(long), len(shapes[0])))
    axes = tuple(next(rest) if all(s[i] == 1 for s in shapes) else next(longs) for i in range(len(shapes[0])))
    return replace(b.reshaped(replace(x, axes=tuple(range(x.rank))), own), axes=axes)


def _tile(b: Build) -> Value:
    x, times = b.value(plain=False), b.ints("repeats", 1)
    if times is None or len(times) != x.rank or min(times) < 1 or prod(times) * prod(x.shape) > 2**28:
        raise Refused("has not one number of repeats for each axis, or makes too large a value")
    if times[0] != 1 or x.axes[0] != 0:
        raise Refused("repeats the batch")
    own = [1] * x.rank
    for axis, count in zip(x.axes, times, strict=True):
        own[axis] = count
    y = b.emit(lambda v: v.repeat(own), x, axes=x.axes)
    many = [axis for axis, count in enumerate(own) if count > 1]
    if len(many) == 1 and x.at[0].shape[many[0]] == 1:
        b.tiles[y.key] = x, many[0], own[many[0]]
    return y


def _repeated(b: Build, y: Value, shapes: list[tuple[int, ...]]) -> Value | None:
    """A map each of whose elements comes several times in a row: what Unsqueeze, Tile and Reshape make of it."""
    x, axis, times = b.tiles[y.key]
    at = y.axes.index(axis)
    merged = [(*s[: at - 1], s[at - 1] * times, *s[at + 1 :]) for s in y.shapes]
    if at < 2 or merged != shapes:
        return None
    axes = tuple(a - (a > axis) for a in y.axes if a != axis)
    along = axes[at - 1]
    own = [tuple(n for a, n in enumerate(tensor.shape) if a != axis) for tensor in x.at]
    x = b.reshaped(replace(x, axes=tuple(range(x.rank))), own)
    if len(axes) == 4 and along >= 2:
        scale = (float(times), 1.0) if along == 2 else (1.0, float(times))
        return b.emit(partial(F.interpolate, scale_factor=scale, mode="nearest"), x, axes=axes)
    return b.emit(lambda v: v.repeat_interleave(times, along), x, axes=axes)


def _shape(b: Build, shape: tuple[int, ...], which: int) -> tuple[int, ...]:
    node, rank = b.node, len(shape)
    if node.kind == "Flatten":
        axis = int(node.get("axis", 1))
        axis = axis if axis == rank else b.axis(axis, rank)
        return prod(shape[:axis]), prod(shape[axis:])
    if node.kind == "Squeeze":
        axes = b.ints("axes", 1)
        gone = {b.axis(a, rank) for a in axes} if axes is not None else {a for a, n in enumerate(shape) if n == 1}
        if any(shape[axis] != 1 for axis in gone):
            raise Refused("takes away an axis of more than one element")
        return tuple(n for axis, n in enumerate(shape) if axis not in gone)
    if node.kind == "Unsqueeze":
        axes = b.ints("axes", 1) or []
        new = {b.axis(axis, rank + len(axes)) for axis in axes}
        rest = iter(shape)
        return tuple(1 if axis in new else next(rest) for axis in range(rank + len(axes)))
    return _target(b, shape, which)


def _target(b: Build, shape: tuple[int, ...], which: int) -> tuple[int, ...]:
    """What Reshape's second input asks for; a batch that the file has fixed stands for the batch."""
    known = b.given(1)
    if not isinstance(known, Known):
        raise Refused("its shape depends on the network's values")
    target = [int(n) for n in known.at[which].reshape(-1)]
    batch = b.file.dims[0]
    if batch is not None and known.fixed and target and target[0] == batch and shape[0] == b.batches[which]:
        target[0] = shape[0]
    if not b.node.get("allowzero", 0):
        target = [shape[axis] if n == 0 and axis < len(shape) else n for axis, n in enumerate(target)]
    if batch and target and -1 not in target and prod(target) * b.batches[which] == prod(shape) * batch:
        target[0] = target[0] * b.batches[which] // batch
    rest = prod(n for n in target if n != -1)
    if target.count(-1) > 1 or (-1 in target and (rest == 0 or prod(shape) % rest)):
        raise Refused(f"cannot make {target} of {shape}")
    return tuple(prod(shape) // rest if n == -1 else n for n in target)


_MEANS: dict[str, Function] = {
    "ReduceMean": torch.mean,
    "ReduceSum": torch.sum,
    "ReduceMax": torch.amax,
    "ReduceMin": torch.amin,
}


def _reduce(b: Build) -> Value:
    x = b.value(plain=False)
    axes = b.ints("axes", 1)
    if not axes:
        if b.node.get("noop_with_empty_axes", 0):
            return x
        axes = list(range(x.rank))
    own = tuple(sorted(x.axes[b.axis(axis, x.rank)] for axis in axes))
    if 0 in own:
        raise Refused("mixes what the batch holds")
    keep = bool(b.node.get("keepdims", 1))
    spatial = own == tuple(range(2, x.rank)) and x.rank == 4
    function: Function = partial(_MEANS[b.node.kind], dim=own, keepdim=True)
    if spatial and b.node.kind == "ReduceMean":
        function = partial(F.adaptive_avg_pool2d, output_size=1)
    elif spatial and b.node.kind == "ReduceMax":
        function = partial(F.adaptive_max_pool2d, output_size=1)
    y = b.emit(function, x, axes=x.axes)
    if keep:
        return y
    gone = {b.axis(axis, x.rank) for axis in axes}
    shapes = [tuple(n for axis, n in enumerate(shape) if axis not in gone) for shape in y.shapes]
    if b.moves_only_units(y):
        return b.reshaped(y, shapes)
    left = [axis for i, axis in enumerate(y.axes) if i not in gone]  # still in the file's order
    y = b.reshaped(replace(y, axes=tuple(range(y.rank))), [
        tuple(tensor.shape[axis] for axis in sorted(left)) for tensor in y.at
    ])  # fmt: skip
    return replace(y, axes=tuple(sorted(left).index(axis) for axis in left))


def _softmax(b: Build) -> Value:
    x = b.value()
    axis = b.axis(int(b.node.get("axis", 1 if b.file.opset < 13 else -1)), x.rank)
    if b.file.opset < 13 and any(n != 1 for n in x.shape[axis + 1 :]):
        raise Refused("is over several axes at once, as before opset 13; export with a later opset")
    function = F.softmax if b.node.kind == "Softmax" else F.log_softmax
    return b.emit(partial(function, dim=axis), x)


def _concat(b: Build) -> Value:
    values = [b.given(place) for place in range(len(b.node.inputs))]
    if not all(isinstance(value, Value) for value in values):
        return _joined(b, values)
    parts = [b.materialized(v) if isinstance(v, Value) and v.rows is not None else v for v in values]
    parts = [b.like(part, parts[0]) for part in parts]  # type: ignore[arg-type]
    if any(part.axes != parts[0].axes for part in parts):  # type: ignore[union-attr]
        parts = [b.materialized(part) for part in parts]  # type: ignore[arg-type]
    whole: list[Value] = parts  # type: ignore[assignment]
    axis = whole[0].axes[b.axis(int(b.node.get("axis", 1)), whole[0].rank)]
    return b.emit(lambda *v: torch.cat(v, dim=axis), *whole, axes=whole[0].axes)


def _joined(b: Build, values: list[Value | Known]) -> Value:
    """A value and a constant, one for each of the batch, side by side."""
    x, known = (next((v for v in values if isinstance(v, kind)), None) for kind in (Value, Known))
    if len(values) != 2 or not isinstance(x, Value) or not isinstance(known, Known):
        raise Refused("joins several constants to the network's values")
    x, first = b.materialized(x), isinstance(values[0], Value)
    axis = b.axis(int(b.node.get("axis", 1)), x.rank)
    array = known.at[0]
    if axis == 0 or array.ndim != x.rank or (array != array[:1]).any() or len(array) not in (1, x.shape[0]):
        raise Refused("joins what differs along the batch")

    def join(v: Tensor, constant: Tensor) -> Tensor:
        wide = constant.expand(v.shape[0], *constant.shape[1:])
        return torch.cat([v, wide] if first else [wide, v], dim=axis)

    return b.emit(Operation(join, to_tensor(array[:1])), x)


def _split(b: Build) -> list[Value]:
    x = b.value(plain=False)
    at = b.axis(int(b.node.get("axis", 0)), x.rank)
    count, size = len(b.node.outputs), x.shape[at]
    sizes = b.ints("split", 1)
    if sizes is None:
        each = -(-size // count)
        sizes = [each] * (count - 1) + [size - each * (count - 1)]
    if sum(sizes) != size or len(sizes) != count or min(sizes) < 0:
        raise Refused(f"cuts {size} into {sizes}")
    axis = x.axes[at]
    return b.emit_all(lambda v: torch.split(v, sizes, dim=axis), [x], count, x.axes)


def _slice(b: Build) -> Value:
    x = b.value(plain=False)
    starts, ends = b.ints("starts", 1), b.ints("ends", 2)
    if starts is None or ends is None:
        raise Refused("does not say from where to where")
    axes = b.ints("axes", 3) or list(range(len(starts)))
    steps = b.ints("steps", 4) or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise Refused("has not one start, end, axis and step for each other")
    cuts: list[Any] = [slice(None)] * x.rank
    flips = []
    for start, end, given, step in zip(starts, ends, axes, steps, strict=True):
        at = b.axis(given, x.rank)
        axis, size = x.axes[at], x.shape[at]
        places = range(size)[slice(start, None if step < 0 and end < -size else end, step)]
        if not len(places):
            raise Refused("leaves nothing")
        if len(places) == size and step == 1:
            continue
        if axis == 0:
            raise Refused("takes a part of the batch")
        if step < 0:
            flips.append(axis)
            places = places[::-1]
        cuts[axis] = slice(places[0], places[-1] + 1, places.step)
    chosen = tuple(cuts)
    if any(cut != slice(None) for cut in cuts):
        x = b.emit(lambda v: v[chosen], x, axes=x.axes)
    return b.emit(partial(torch.flip, dims=flips), x, axes=x.axes) if flips else x


def _gather(b: Build) -> Value:
    x, index = b.value(), b.constant(1)
    axis = b.axis(int(b.node.get("axis", 0)), x.rank)
    if index is None or axis == 0:
        raise Refused("picks from the batch, or by what the network computes")
    places = np.where(index < 0, index + x.shape[axis], index).astype(np.int64)
    if places.size and (places.min() < 0 or places.max() >= x.shape[axis]):
        raise Refused("picks what is not there")
    if index.ndim == 0:
        which = int(places)
        return b.emit(lambda v: v.select(axis, which), x)
    if index.ndim != 1:
        raise Refused("picks by a table of several axes")
    rows = torch.from_numpy(places)
    return b.emit(lambda v: v.index_select(axis, rows.to(v.device)), x)


def _expand(b: Build) -> Value:
    x, known = b.value(), b.given(1)
    if not isinstance(known, Known):
        raise Refused("its shape depends on the network's values")
    shapes = []
    for which, shape in enumerate(x.shapes):
        target = tuple(int(n) for n in known.at[which].reshape(-1))
        wide = (1,) * (len(target) - len(shape)) + shape
        target = (1,) * (len(wide) - len(target)) + target
        shapes.append(tuple(max(a, c) for a, c in zip(wide, target, strict=True)))
    if all(a == c for a, c in zip(shapes, x.shapes, strict=True)):
        return x
    if prod(shapes[0]) > 2**28:
        raise Refused("makes too large a value")
    sizes = tuple(-1 if a != c else a for a, c in zip(*shapes, strict=True))
    return b.emit(lambda v: v.expand(sizes), x)


def _depth_to_space(b: Build) -> Value:
    x, size = b.value(), int(b.node.get("blocksize", 0))
    if x.rank != 4 or size < 1 or x.shape[1] % size**2:
        raise Refused("does not fit its input")
    if b.node.get("mode", "DCR") == "CRD":
        return b.emit(partial(F.pixel_shuffle, upscale_factor=size), x)
    _, channels, rows, columns = x.shape
    depth = channels // size**2

    def shuffle(v: Tensor) -> Tensor:
        parts = v.reshape(-1, size, size, depth, rows, columns).permute(0, 3, 4, 1, 5, 2)
        return parts.reshape(-1, depth, rows * size, columns * size)

    return b.emit(shuffle, x)


def _space_to_depth(b: Build) -> Value:
    x, size = b.value(), int(b.node.get("blocksize", 0))
    if x.rank != 4 or size < 1 or x.shape[2] % size or x.shape[3] % size:
        raise Refused("does not fit its input")
    _, channels, rows, columns = x.shape

    def unshuffle(v: Tensor) -> Tensor:
        parts = v.reshape(-1, channels, rows // size, size, columns // size, size).permute(0, 3, 5, 1, 2, 4)
        return parts.reshape(-1, channels * size**2, rows // size, columns // size)

    return b.emit(unshuffle, x)


def _pad(b: Build) -> Value:
    x = b.value(plain=False)
    pads, value = b.ints("pads", 1), b.number(2) if len(b.node.inputs) > 2 else None
    axes = b.ints("axes", 3) or list(range(x.rank))
    if pads is None or len(pads) != 2 * len(axes):
        raise Refused("has not two paddings for each axis")
    sides = [(0, 0)] * x.rank
    for place, axis in enumerate(axes):
        sides[x.axes[b.axis(axis, x.rank)]] = pads[place], pads[place + len(axes)]
    if not any(map(any, sides)):
        return x
    if any(sides[0]):
        raise Refused("pads the batch")
    if prod(max(n + sum(s), 0) for n, s in zip(x.at[0].shape, sides, strict=True)) > 2**28:
        raise Refused("makes too large a value")
    mode, number = b.node.get("mode", "constant"), float(value or 0.0)
    first = next(axis for axis, side in enumerate(sides) if any(side))
    if mode == "constant":
        y = b.emit(layers.border(sides[first:], number), x, axes=x.axes)
        if number == 0 and first >= 2 and min(map(min, sides)) >= 0:
            b.pads[y.key] = x, sides[2:]
        return y
    name = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}.get(mode)
    if name is None or first < 2:
        raise Refused(f"pads by {mode} where constant, or over places reflect, edge and wrap, are read")
    flat = [n for side in reversed(sides[2:]) for n in side]
    return b.emit(lambda v: F.pad(v, flat, mode=name), x, axes=x.axes)


def _same(b: Build) -> Value:
    if len([name for name in b.node.outputs if name]) > 1 and b.file.readers.get(b.node.outputs[1], 0):
        raise Refused("its second output, the mask, is read")
    given = b.given(0)
    if not isinstance(given, Value):
        raise Refused("its input is a constant")
    return given


def _cast(b: Build) -> Value:
    if int(b.node.get("to", 1)) not in (1, 10, 11, 16):
        raise Refused("makes whole numbers of the network's values; only real ones are computed with")
    return _same(b)


OPERATORS: dict[str, Callable[[Build], Value | Sequence[Value]]] = {
    **dict.fromkeys(FUNCTIONS, _function),
    **dict.fromkeys((*_PAIRS, "Sum", "Mean"), _pair),
    **dict.fromkeys(_MEANS, _reduce),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _reshape),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
    **dict.fromkeys(("Identity", "Dropout"), _same),
    "AveragePool": pools.average,
    "BatchNormalization": layers.batch_norm,
    "Cast": _cast,
    "Concat": _concat,
    "Conv": layers.convolve,
    "ConvTranspose": layers.convolve_transposed,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Gather": _gather,
    "Gemm": layers.gemm,
    "GlobalAveragePool": pools.whole,
    "GlobalMaxPool": pools.whole,
    "GroupNormalization": layers.group_norm,
    "InstanceNormalization": layers.instance_norm,
    "LayerNormalization": layers.layer_norm,
    "MatMul": layers.product,
    "MaxPool": pools.largest,
    "PRelu": layers.prelu,
    "Pad": _pad,
    "Resize": resize.resize,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Tile": _tile,
    "Transpose": _transpose,
    "Upsample": resize.resize,
}
