"""Sums and products with constants for each channel or element, where no convolution takes them into its rounding."""

from math import prod

import numpy as np

from ...quant.stages import Stage, varies
from .constants import Real, constants
from .convolve import finish_convolution
from .lowering import AFFINE, Lowering, lowers
from .value import Value, canonical


@lowers(AFFINE)
def by_constants(lowering: Lowering, stage: Stage) -> None:
    """A 1×1 depthwise convolution whose channels are the places along which the constants vary."""
    head = stage.head
    a, b = constants(head, lowering.calls[head.name])
    value, axes = lowering.value(head.inputs[0]), varies(head)
    index = np.broadcast_to(value.index, head.shape)
    others = tuple(axis for axis in range(len(head.shape)) if axis not in axes)
    first = index.transpose(*axes, *others)
    count = prod(head.shape[axis] for axis in axes)
    shape = (count, *canonical((count, *(head.shape[axis] for axis in others)))[1:])
    x = lowering.materialize(Value(value.tensor, first.reshape(shape), value.fill), shape, f"{head.inputs[0]}.turned")
    places = np.arange(prod(shape), dtype=np.int64).reshape([head.shape[axis] for axis in (*axes, *others)])
    like = Value(stage.name, places.transpose(np.argsort((*axes, *others))))
    factor, constant = (_along(values, axes, head.shape) for values in (a, b))
    weight = np.ones((count, 1, 1, 1))
    finish_convolution(
        lowering, stage, x, weight, np.zeros(count), (1, 1), (0, 0), count, shape, like, (factor, constant)
    )


def _along(values: Real, axes: tuple[int, ...], shape: tuple[int, ...]) -> Real:
    full = np.broadcast_to(values, shape)
    keep = tuple(slice(None) if axis in axes else slice(0, 1) for axis in range(len(shape)))
    return full[keep].reshape(-1)
