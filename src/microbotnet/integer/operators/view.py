"""What only moves bytes: slices, transposes, shuffles, flips, nearest upsampling."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..program import Array, Shape, Tensor
from ..validation import demand
from .operator import OfOne, Over

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph

AXES = 6


@dataclass(frozen=True)
class View(OfOne):
    """y, flat, is x, flat, read at start + Σ i·strides over all indices i of `sizes`, the last running fastest.

    A slice has another start; a transpose, a channel shuffle and a pixel shuffle exchange strides; a flip has a
    negative one; nearest upsampling reads with stride 0.

    sizes, strides: at most AXES of each, in elements of x.
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    start: int

    copies = True

    @property
    def index(self) -> NDArray[np.int64]:
        """Which element of x each element of y is, flat."""
        at = np.array(self.start, np.int64)
        for size, stride in zip(self.sizes, self.strides, strict=True):
            at = at[..., None] + stride * np.arange(size, dtype=np.int64)
        return at.reshape(-1)

    @property
    def is_slice(self) -> bool:
        """Whether y is a piece of x as it lies."""
        steps = [prod(self.sizes[i + 1 :]) for i in range(len(self.sizes))]
        return all(n == 1 or s == step for n, s, step in zip(self.sizes, self.strides, steps, strict=True))

    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        count = len(x[0])
        return x[0].reshape(count, prod(inputs[0].shape))[:, self.index].reshape(count, *output.shape)

    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        (x,) = inputs
        demand(1 <= len(self.sizes) == len(self.strides) <= AXES, "has not one stride for each axis")
        demand(min(self.sizes) >= 1 and prod(self.sizes) == prod(output.shape), f"makes {prod(self.sizes)} elements")
        far = [(n - 1) * s for n, s in zip(self.sizes, self.strides, strict=True)]
        least, most = (self.start + sum(sign * max(sign * step, 0) for step in far) for sign in (-1, 1))
        demand(0 <= least <= most < prod(x.shape), "reads outside its input")
        return output.shape, x.low, x.high

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        return ((inputs[0].name, -self.start),) if self.is_slice else ()

    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        flat = graph.add("Reshape", self.input, graph.constant(np.array([0, -1], np.int64)))
        read = graph.add("Gather", flat, graph.constant(self.index), axis=1)
        graph.add("Reshape", read, graph.constant(np.array([0, *output.shape], np.int64)), output=output.name)
