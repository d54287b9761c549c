"""What every operator of a program says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ..program import Array, Pair, Requantize, Shape, Tensor
from ..ranges import Range
from ..rescale import Rescale
from ..validation import demand

if TYPE_CHECKING:
    from ...backends.onnx import OnnxGraph

Over = tuple[str, int]  # an input, and the byte of the output at which it begins


@dataclass(frozen=True)
class Operator(ABC):
    """A step of a program. A kind is a dataclass whose fields are integers, arrays of integers, and roundings.

    reads: the dtypes of its inputs. makes: those of its output. copies: whether its output may lie in an input that
    is still read, because it is a piece of it.
    """

    name: str

    reads: ClassVar[tuple[str, ...]] = ("int8",)
    makes: ClassVar[tuple[str, ...]] = ("int8",)
    copies: ClassVar[bool] = False

    if TYPE_CHECKING:

        @property
        def inputs(self) -> tuple[str, ...]:
            """The tensors it reads."""

        @property
        def output(self) -> str:
            """The tensor it makes."""

    def reading(self, names: Mapping[str, str]) -> Self:
        """The same, reading other tensors in place of those named."""
        others = tuple(names.get(name, name) for name in self.inputs)
        changed: dict[str, Any] = {"input": others[0]} if hasattr(self, "input") else {"inputs": others}
        return replace(self, **changed)

    @property
    def rounding(self) -> tuple[Requantize | Rescale, ...]:
        """How its sums are rounded, as many as `sums` has ranges."""
        return ()

    @abstractmethod
    def compute(self, x: list[Array], inputs: tuple[Tensor, ...], output: Tensor) -> Array:
        """Its meaning: the output (N, *shape) int32 of the inputs' values, each (N, *shape) int32."""

    def sums(self, inputs: tuple[Tensor, ...]) -> tuple[Range, ...]:
        """Bounds of its sums, one for each rounding that it has."""
        return ()

    @abstractmethod
    def made(self, inputs: tuple[Tensor, ...], output: Tensor) -> tuple[Shape, int, int]:
        """Shape of what it makes, its least and its largest possible element; `demand`s that its fields fit."""

    def over(self, inputs: tuple[Tensor, ...], first: bool) -> tuple[Over, ...]:
        """The inputs that it may be written over, if nothing reads them later.

        Where they begin at different bytes of the output they are parts of it, and all of them may.

        first: its kernel has read what it overwrites, so that the first input may be.
        """
        return ((inputs[0].name, 0),) if first else ()

    @abstractmethod
    def onnx(self, graph: "OnnxGraph", inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Add its nodes to an ONNX graph, in which an integer q is held as q + 128; see `backends.onnx`."""


@dataclass(frozen=True)
class OfOne(Operator):
    """An operator with one input."""

    input: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tensor it reads."""
        return (self.input,)


class Rounded(Operator):
    """An operator whose sums are all rounded by one field `requantize`."""

    if TYPE_CHECKING:

        @property
        def requantize(self) -> Requantize:
            """How."""

    def reading(self, names: Mapping[str, str]) -> Self:
        """The same, reading other tensors in place of those named."""
        others = tuple(names.get(name, name) for name in self.inputs)
        changed: dict[str, Any] = {"input": others[0]} if hasattr(self, "input") else {"inputs": others}
        return replace(self, **changed)

    @property
    def rounding(self) -> tuple[Requantize, ...]:
        """The one."""
        return (self.requantize,)


def check_rounding(how: Requantize | Rescale, count: int) -> Pair:
    """The span of `how`'s results; it has one multiplier for all, or `count`."""
    others = (how.bias, how.shift) if isinstance(how, Rescale) else (how.offset,)
    check_array(how.multiplier, np.int32, ((1,), (count,)))
    for values in others:
        check_array(values, np.int32, (how.multiplier.shape,))
    if how.table is not None:
        check_array(how.table, np.int8, ((256,),))
        demand(how.low >= -128 and how.high <= 127, "looks up beyond its table")
    demand(how.low <= how.high, f"clamps to {how.low}…{how.high}")
    return how.span


def check_array(values: object, dtype: type, shapes: tuple[tuple[int, ...], ...]) -> None:
    """`values` is an array of the dtype and of one of the shapes."""
    demand(
        isinstance(values, np.ndarray) and values.dtype == dtype and values.shape in shapes,
        f"has an array of {getattr(values, 'shape', values)}; {' or '.join(map(str, dict.fromkeys(shapes)))} "
        f"{dtype.__name__} is expected",
    )


def one_range(low: int, high: int) -> Range:
    """The range of all channels."""
    return Range(np.array([low], np.int64), np.array([high], np.int64))


def windows(x: Array, kernel: Pair, stride: Pair) -> Array:
    """(N, channels, height, width, *kernel): a view."""
    found: Array = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    return found[:, :, :: stride[0], :: stride[1]]


def reached(x: Tensor, shape: Shape, kernel: Pair, stride: Pair, padding: Pair) -> tuple[Pair, Pair]:
    """Rows and columns before and behind the map that windows reach, so many that `shape` has place for them all.

    The last window may stand over the far edge, or stop before it.
    """
    rows, columns = (
        (p, max(0, (count - 1) * s + k - p - n))
        for n, count, k, s, p in zip(x.shape[1:], shape[1:], kernel, stride, padding, strict=True)
    )
    return rows, columns


def more_fit(x: Tensor, shape: Shape, kernel: Pair, stride: Pair, around: tuple[Pair, Pair]) -> bool:
    """Whether the map with what is around it holds more windows than `shape` has place for."""
    sides = zip(x.shape[1:], shape[1:], kernel, stride, around, strict=True)
    return any((n + sum(side) - k) // s + 1 > count for n, count, k, s, side in sides)


def check_windows(x: Tensor, shape: Shape, kernel: Pair, stride: Pair, padding: Pair) -> None:
    """Windows are not empty, and every one has a place on the map."""
    demand(min(*kernel, *stride) >= 1, "has an empty window or stride")
    demand(min(padding) >= 0, "has a negative padding")
    demand(max(*kernel, *stride, *padding) < 2**15, "has a window, stride or padding that is too large")
    for n, count, k, s, p in zip(x.shape[1:], shape[1:], kernel, stride, padding, strict=True):
        demand(p <= k and (count - 1) * s <= n + p, f"has no {count} windows along {n}")
