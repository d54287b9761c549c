"""Sums, products and extremes of two values, or of a value and constants."""

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Add, Extreme, Gate
from ...integer.pairs import sum_of
from ...integer.program import Requantize, Tensor
from ...integer.ranges import Range
from ...integer.rescale import quantized_multiplier, scaled
from ...integer.steps import rounding_of
from .activations import fused
from .file import Node, Value
from .layout import Held, shape_in_order
from .lowering import Lowering, Q, Refused

Whole = NDArray[np.int64]
Quantized = tuple[np.float32, int]
Pairwise = Callable[[Whole, Whole], Whole]

_LEFT = 20  # bits by which sums are finer than their inputs


def add(lowering: Lowering, node: Node) -> None:
    """ADD."""
    _sum(lowering, node, 1)


def sub(lowering: Lowering, node: Node) -> None:
    """SUB."""
    _sum(lowering, node, -1)


def mul(lowering: Lowering, node: Node) -> None:
    """MUL."""
    a, b, y = lowering.input(node, 0), lowering.input(node, 1), lowering.output(node)
    of_a, of_b, of_y = lowering.scale(a), lowering.scale(b), lowering.scale(y)
    low, high = fused(node, *of_y)
    factor = np.float64(of_a[0]) * np.float64(of_b[0]) / np.float64(of_y[0])
    multiplier, shift = quantized_multiplier(factor)

    def rounded(acc: Whole) -> Whole:
        return np.clip(scaled(acc, multiplier, shift) + of_y[1], low, high)

    if _with_constant(lowering, node, lambda p, q: rounded((p - of_a[1]) * (q - of_b[1]))):
        return
    x, g = _ordered(lowering, a, b, y)
    if prod(x.shape) < prod(g.shape):
        x, g = g, x
    if any(n not in (1, m) for n, m in zip(g.shape, x.shape, strict=True)) or x.shape != shape_in_order(y.shape):
        raise Refused(f"multiplies {list(a.shape)} by {list(b.shape)}; only one of them may be repeated")
    ends = [(t.low - t.zero_point, t.high - t.zero_point) for t in (x, g)]
    corners = [p * q for p in ends[0] for q in ends[1]]
    found = Range(np.array([min(corners)]), np.array([max(corners)]))
    slope = np.array([factor])

    def rounding(least: int, most: int) -> tuple[Requantize, int]:
        made = rounding_of(rounded, found, slope, low=least, high=most, name=node.kind)
        return made.how, int(made.worst.max())

    def gate(name: str, how: Requantize) -> Gate:
        return Gate(name, (x.name, g.name), name, how)

    how, worst = rounding(low, high)
    middle = min(max(of_y[1], low), high)
    if worst and low < middle < high:
        # The two roundings make a jump where the sign changes: each side is then a product of its own.
        (upper, above), (lower, below) = rounding(middle, high), rounding(low, middle)
        if max(above, below) < worst:
            parts = []
            for which, side in (("upper", upper), ("lower", lower)):
                made = gate(lowering.name(f".{which}"), side)
                parts.append(lowering.append(made, x.shape, side.span, float(of_y[0]), of_y[1]).name)
            name = lowering.name()
            joined = Requantize(np.ones(1, np.int32), np.array([-middle], np.int32), 0, 0, low, high)
            operator = Add(name, (parts[0], parts[1]), name, (1, 1), joined)
            lowering.make(y, operator, x.shape, (low, high), worst=max(above, below))
            return
    lowering.make(y, gate(lowering.name(), how), x.shape, (low, high), worst=worst)


def maximum(lowering: Lowering, node: Node) -> None:
    """MAXIMUM."""
    _extreme(lowering, node, largest=True)


def minimum(lowering: Lowering, node: Node) -> None:
    """MINIMUM."""
    _extreme(lowering, node, largest=False)


def prelu(lowering: Lowering, node: Node) -> None:
    """PRELU, whose factors below 0 are constants, one for each channel."""
    x, slopes, y = lowering.input(node, 0), lowering.input(node, 1), lowering.output(node)
    of_x, of_slopes, of_y = lowering.scale(x), lowering.scale(slopes), lowering.scale(y)
    below = np.float64(of_x[0]) * np.float64(of_slopes[0]) / np.float64(of_y[0])
    above = np.float64(of_x[0]) / np.float64(of_y[0])

    def function(p: Whole, q: Whole) -> Whole:
        moved = p - of_x[1]
        positive = scaled(moved, *quantized_multiplier(above))
        negative = scaled(moved * (q - of_slopes[1]), *quantized_multiplier(below))
        made: Whole = np.clip(np.where(moved >= 0, positive, negative) + of_y[1], -128, 127)
        return made

    if not _with_constant(lowering, node, function):
        raise Refused(f"its factors {slopes} are computed; only constants are read")


def _sum(lowering: Lowering, node: Node, sign: int) -> None:
    a, b, y = lowering.input(node, 0), lowering.input(node, 1), lowering.output(node)
    of_a, of_b, of_y = lowering.scale(a), lowering.scale(b), lowering.scale(y)
    low, high = fused(node, *of_y)
    twice = 2 * np.float64(max(of_a[0], of_b[0]))
    by_a, by_b = (quantized_multiplier(np.float64(scale) / twice) for scale in (of_a[0], of_b[0]))
    by = quantized_multiplier(twice / ((1 << _LEFT) * np.float64(of_y[0])))

    def function(p: Whole, q: Whole) -> Whole:
        raw = scaled((p - of_a[1]) << _LEFT, *by_a) + sign * scaled((q - of_b[1]) << _LEFT, *by_b)
        return np.clip(scaled(raw, *by) + of_y[1], low, high)

    if _with_constant(lowering, node, function):
        return
    held, tensors = _alike(lowering, a, b, y)
    slopes = float(of_a[0] / of_y[0]), sign * float(of_b[0] / of_y[0])
    made = sum_of(function(Q[:, None], Q[None]), slopes, low=low, high=high, name=node.kind)
    how = Requantize(np.ones(1, np.int32), np.array([made.offset], np.int32), 0, made.shift, low, high)
    name = lowering.name()
    operator = Add(name, (tensors[0].name, tensors[1].name), name, made.multipliers, how)
    lowering.make(y, operator, tensors[0].shape, (low, high), worst=made.worst, held=_as(held, name, y))


def _extreme(lowering: Lowering, node: Node, *, largest: bool) -> None:
    a, b, y = lowering.input(node, 0), lowering.input(node, 1), lowering.output(node)
    if not lowering.scale(a) == lowering.scale(b) == lowering.scale(y):
        raise Refused("its inputs and its output have several scales")
    pick = max if largest else min
    if _with_constant(lowering, node, np.maximum if largest else np.minimum):
        return
    held, (p, q) = _alike(lowering, a, b, y)
    name = lowering.name()
    span = pick(p.low, q.low), pick(p.high, q.high)
    lowering.make(y, Extreme(name, (p.name, q.name), name, largest), p.shape, span, held=_as(held, name, y))


def _with_constant(lowering: Lowering, node: Node, function: Pairwise) -> bool:
    """Look the value up if one of the inputs is constant: one table, or one for each channel."""
    a, b, y = lowering.input(node, 0), lowering.input(node, 1), lowering.output(node)
    if (a.data is None) == (b.data is None):
        if a.data is not None:
            raise Refused("both of its inputs are constant; convert the network with constants folded")
        return False
    x, data = (a, b.data) if b.data is not None else (b, a.data)
    assert data is not None
    if x.shape != y.shape:
        raise Refused(f"repeats {x} of {list(x.shape)} to {list(y.shape)}")
    try:
        repeated = np.broadcast_to(data.astype(np.int64), x.shape)
    except ValueError:
        raise Refused(f"its constant of {list(data.shape)} does not fit {list(x.shape)}") from None
    by_channel = repeated.reshape(-1, x.shape[-1] if x.shape else 1)
    if (by_channel != by_channel[:1]).any():
        raise Refused(
            f"its constant of {list(data.shape)} is another for each place; only one for each channel is read"
        )
    numbers = by_channel[0]
    if (numbers == numbers[0]).all():
        numbers = numbers[:1]
    p, q = (Q[None], numbers[:, None]) if b.data is not None else (numbers[:, None], Q[None])
    lowering.look_up(node, y, x, function(p, q))
    return True


def _alike(lowering: Lowering, a: Value, b: Value, y: Value) -> tuple[Held | None, list[Tensor]]:
    """Two values, one repeated where it must be, as tensors of one shape; how their elements lie, if not in order."""
    one, other = lowering.read(a), lowering.read(b)
    tensors = [lowering.tensors[held.tensor] for held in (one, other)]
    alike = one.shape == other.shape == y.shape and tensors[0].shape == tensors[1].shape
    if alike and np.array_equal(one.places, other.places) and prod(one.shape) == prod(tensors[0].shape):
        return one, tensors
    return None, _ordered(lowering, a, b, y, repeat=True)


def _ordered(lowering: Lowering, a: Value, b: Value, y: Value, *, repeat: bool = False) -> list[Tensor]:
    found = []
    for value in (a, b):
        held = lowering.read(value)
        try:
            places = np.broadcast_to(held.places, y.shape)
        except ValueError:
            raise Refused(f"{value} of {list(value.shape)} cannot be repeated to {list(y.shape)}") from None
        if repeat:
            held = held.moved(places)
        elif len(held.shape) < len(y.shape):
            held = held.moved(held.places.reshape((1,) * (len(y.shape) - len(held.shape)) + held.shape))
        found.append(lowering.ordered(held))
    return found


def _as(held: Held | None, name: str, y: Value) -> Held | None:
    return None if held is None else Held(name, y.shape, held.at)
