"""Functions of one value, as tables, and the activations that other operators have in them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...integer.rescale import quantized_multiplier, scaled
from . import exponentials
from .file import Node
from .lowering import Lowering, Q, Refused

Whole = NDArray[np.int64]
Function = Callable[[Whole, tuple[np.float32, int], tuple[np.float32, int]], Whole]

# Of the schema's ActivationFunctionType: the reals that are let through.
_BOUNDS: dict[int, tuple[float | None, float | None]] = {0: (None, None), 1: (0, None), 2: (-1, 1), 3: (0, 6)}


def fused(node: Node, scale: np.float32, zero_point: int) -> tuple[int, int]:
    """The least and the largest output that the activation in an operator lets through."""
    kind = int(node.options.get("FusedActivationFunction", 0))
    if kind not in _BOUNDS:
        raise Refused(f"has the activation {kind} in it; only RELU, RELU_N1_TO_1 and RELU6 are read there")
    return _bounds(*_BOUNDS[kind], scale, zero_point)


def _bounds(least: float | None, most: float | None, scale: np.float32, zero_point: int) -> tuple[int, int]:
    low, high = -128, 127
    if least is not None:
        low = max(low, zero_point + _nearest(np.float32(least) / scale))
    if most is not None:
        high = min(high, zero_point + _nearest(np.float32(most) / scale))
    return min(low, 127), max(min(low, 127), high)


def _nearest(x: np.float32) -> int:
    """Halves away from zero."""
    return int(np.sign(x) * np.floor(np.abs(np.float64(x)) + 0.5))


def table_of(function: Function) -> Callable[[Lowering, Node], None]:
    """The kind of node that looks one value up."""

    def lower(lowering: Lowering, node: Node) -> None:
        x, y = lowering.input(node, 0), lowering.output(node)
        made = np.clip(function(Q, lowering.scale(x), lowering.scale(y)), -128, 127)
        lowering.look_up(node, y, x, made[None])

    return lower


def requantized(q: Whole, x: tuple[np.float32, int], y: tuple[np.float32, int]) -> Whole:
    """QUANTIZE of quantized numbers."""
    multiplier, shift = quantized_multiplier(np.float64(x[0]) / np.float64(y[0]))
    return scaled(q - x[1], multiplier, shift) + y[1]


def clamped(least: float | None, most: float | None) -> Function:
    """RELU and its kin."""

    def function(q: Whole, x: tuple[np.float32, int], y: tuple[np.float32, int]) -> Whole:
        low, high = _bounds(least, most, *y)
        multiplier, shift = quantized_multiplier(np.float64(x[0] / y[0]))
        return np.clip(scaled(q - x[1], multiplier, shift) + y[1], low, high)

    return function


def leaky_relu(lowering: Lowering, node: Node) -> None:
    """LEAKY_RELU: two factors, of which the sign takes one."""
    alpha = np.float32(node.options.get("Alpha", 0.0))
    table_of(lambda q, x, y: leaky(q, x, y, np.float64(x[0]) * np.float64(alpha) / np.float64(y[0])))(lowering, node)


def leaky(q: Whole, x: tuple[np.float32, int], y: tuple[np.float32, int], below: np.float64) -> Whole:
    """Values above the zero point by the ratio of the scales, others by `below`."""
    above_by = quantized_multiplier(np.float64(x[0]) / np.float64(y[0]))
    below_by = quantized_multiplier(below)
    moved = q - x[1]
    return np.where(moved >= 0, scaled(moved, *above_by), scaled(moved, *below_by)) + y[1]


logistic = table_of(exponentials.logistic)
tanh = table_of(exponentials.tanh)
hard_swish = table_of(exponentials.hard_swish)
