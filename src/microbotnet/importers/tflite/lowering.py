"""Grows an integer program, an operator of a file at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Lookup, Operator, Pad, View
from ...integer.program import Pair, Program, Shape, Tensor
from ..imported import Layer
from ..places import strided
from .file import File, Node, Value
from .layout import Held, Places, as_program, shape_in_order

Whole = NDArray[np.int64]
Around = tuple[Pair, Pair]  # rows, and columns, before and behind a map
Kind = Callable[["Lowering", Node], None]

Q = np.arange(-128, 128, dtype=np.int64)  # every int8


class Refused(Exception):
    """Why an operator has no integer form, and what to do."""


@dataclass(frozen=True)
class _Border:
    """of: what it is around. around: elements before and behind each axis."""

    of: Value
    around: tuple[Pair, ...]
    fill: int


class Lowering:
    """The program so far, and where in it the file's values are."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.values = list(file.values)  # shapes that the file leaves open are filled in
        self.known: dict[int, Whole] = {}  # whole numbers that nodes make before the network runs
        self.tensors: dict[str, Tensor] = {}
        self.operators: list[Operator] = []
        self.held: dict[int, Held] = {}
        self.borders: dict[int, _Border] = {}  # that nobody has needed yet
        self.batched: dict[int, Any] = {}  # blocks of a dilated convolution; see `convolutions`
        self.layers: list[Layer] = []
        self.done: set[int] = set()  # nodes that need nothing more
        self.node = Node(0, "", (), (), {})  # that is being lowered

    # What the file says.

    def input(self, node: Node, place: int) -> Value:
        """An input that must be there."""
        found = self.maybe(node, place)
        if found is None:
            raise Refused(f"has no input {place}")
        return found

    def maybe(self, node: Node, place: int) -> Value | None:
        """An input that may be missing."""
        if place >= len(node.inputs) or node.inputs[place] < 0:
            return None
        return self.values[node.inputs[place]]

    def output(self, node: Node, place: int = 0) -> Value:
        """An output that must be there."""
        if place >= len(node.outputs):
            raise Refused(f"has no output {place}")
        return self.values[node.outputs[place]]

    def constant(self, node: Node, place: int) -> NDArray[Any]:
        """The numbers of an input that must be constant."""
        value = self.input(node, place)
        if value.index in self.known:
            return self.known[value.index]
        if value.data is None:
            raise Refused(f"its input {value} is computed or missing where a constant is needed")
        return value.data

    def whole(self, node: Node, place: int) -> list[int]:
        """The whole numbers of a constant."""
        found = self.constant(node, place)
        if found.dtype not in (np.int32, np.int64):
            raise Refused(f"its input {self.input(node, place)} holds no whole numbers")
        return [int(n) for n in found.reshape(-1)]

    def scale(self, value: Value) -> tuple[np.float32, int]:
        """Scale and zero point of an int8 value."""
        if value.dtype != "int8":
            raise Refused(
                f"{value} is {value.dtype}; only int8 networks are read: quantize it in full, inputs and outputs too"
            )
        if len(value.scales) != 1 or not -128 <= int(value.zero_points[0]) <= 127:
            raise Refused(f"{value} has {len(value.scales)} scales, or a zero point that int8 does not hold")
        return value.scales[0], int(value.zero_points[0])

    # What the program has.

    def name(self, what: str = "") -> str:
        """Of an operator and the tensor that it makes; new."""
        base = f"{self.node.kind.lower()}_{self.node.index}{what}"
        numbers = (f"{base}_{n}" for n in range(2, len(self.tensors) + 3))
        return base if base not in self.tensors else next(name for name in numbers if name not in self.tensors)

    def read(self, value: Value) -> Held:
        """A value that is computed, however its elements lie."""
        if value.index in self.borders:
            self.held[value.index] = self._bordered(value)
            del self.borders[value.index]
        if value.index not in self.held:
            raise Refused(
                f"its input {value} is made by no operator before it, or is a constant, which is not read here"
            )
        if not prod(value.shape):
            raise Refused(f"its input {value} is empty: {list(value.shape)}")
        return self.held[value.index]

    def ordered(self, held: Held) -> Tensor:
        """The tensor with a value's elements in order."""
        shape = shape_in_order(held.shape)
        tensor = self.tensors[held.tensor]
        places = as_program(held.places)
        if tensor.shape == shape and np.array_equal(places, np.arange(prod(shape))):
            return tensor
        how = strided(places)
        if how is None:
            raise Refused("its elements would have to be moved in more than one step; simplify the reshapes before it")
        if tensor.dtype != "int8":
            raise Refused("moves the input's pixels; give the network the picture as it is")
        name = self.name(".moved")
        sizes, strides, start = how
        self.operators.append(View(name, held.tensor, name, sizes, strides, start))
        self.tensors[name] = replace(tensor, name=name, shape=shape)
        return self.tensors[name]

    def tensor(self, value: Value) -> Tensor:
        """`ordered` of a value."""
        return self.ordered(self.read(value))

    def make(
        self,
        value: Value,
        operator: Operator,
        shape: Shape,
        span: tuple[int, int],
        *,
        worst: int = 0,
        held: Held | None = None,
    ) -> None:
        """Append the operator that makes a value, and say how near it is.

        held: how the value's elements lie in the tensor; None for in order.
        """
        scale, zero_point = self.scale(value)
        self.append(operator, shape, span, float(scale), zero_point)
        self.hold(value, held or Held(operator.output, value.shape))
        self.layers.append(Layer(operator.name, worst == 0, worst))

    def append(self, operator: Operator, shape: Shape, span: tuple[int, int], scale: float, zero_point: int) -> Tensor:
        """Append an operator; the tensor it makes."""
        self.operators.append(operator)
        self.tensors[operator.output] = Tensor(operator.output, shape, "int8", scale, zero_point, *span)
        return self.tensors[operator.output]

    def hold(self, value: Value, held: Held) -> None:
        """Say where a value is."""
        if not value.fixed and prod(held.shape) > 0:
            self.values[value.index] = replace(value, shape=held.shape, fixed=True)
        elif held.shape != value.shape:
            raise Refused(f"makes the shape {list(held.shape)}; the file says {list(value.shape)} of {value}")
        self.held[value.index] = held

    def shaped(self, places: Places, value: Value) -> Places:
        """Places in the shape of a value."""
        if places.size != prod(value.shape):
            raise Refused(f"makes {places.size} values; the file says {list(value.shape)} of {value}")
        return places.reshape(value.shape)

    def look_up(self, node: Node, value: Value, of: Value, tables: Whole) -> None:
        """Append a table for all channels, wherever the elements lie, or one for each.

        tables: (1 or channels, 256), of every int8.
        """
        held = self.read(of)
        if len(tables) > 1:
            held = Held(self.ordered(held).name, held.shape)
        x = self.tensors[held.tensor]
        name = self.name()
        reached = tables[:, x.low + 128 : x.high + 129]
        operator = Lookup(name, held.tensor, name, tables.astype(np.int8))
        made = Held(name, value.shape, None if held.at is None else self.shaped(held.at, value))
        self.make(value, operator, x.shape, (int(reached.min()), int(reached.max())), held=made)

    def border(self, value: Value, of: Value, around: Sequence[Pair], fill: int) -> None:
        """Put a border off until somebody needs it; a convolution may have it in its padding."""
        self.borders[value.index] = _Border(of, tuple(around), fill)

    def without_border(self, value: Value, most: Pair) -> tuple[Value, Around]:
        """A map without its border, if that is of its zero point and of at most so many rows and columns before it."""
        border = self.borders.get(value.index)
        if border is None or len(border.around) != 4 or border.fill != self.scale(value)[1]:
            return value, ((0, 0), (0, 0))
        batch, rows, columns, channels = border.around
        if any(batch) or any(channels) or rows[0] > most[0] or columns[0] > most[1]:
            return value, ((0, 0), (0, 0))
        return border.of, (rows, columns)

    def _bordered(self, value: Value) -> Held:
        border = self.borders[value.index]
        x = self.tensor(border.of)
        if x.dtype != "int8":
            raise Refused("pads the input's pixels; give the network the picture as it is")
        *_, rows, columns, channels = ((0, 0), (0, 0), (0, 0), *border.around)
        if any(any(side) for side in border.around[:-3]):
            raise Refused("pads the batch")
        shape = shape_in_order(value.shape)
        if shape != tuple(n + sum(side) for n, side in zip(x.shape, (channels, rows, columns), strict=True)):
            raise Refused(f"makes {list(value.shape)}, which is no map of rows and columns")
        name = self.name(".border")
        before = channels[0], rows[0], columns[0]
        span = min(x.low, border.fill), max(x.high, border.fill)
        self.append(Pad(name, x.name, name, before, border.fill), shape, span, x.scale, x.zero_point)
        return Held(name, value.shape)

    def program(self, source: dict[str, str], labels: Sequence[str], given: str) -> Program:
        """The finished program.

        Raises:
            Refused: an output is missing.
        """
        outputs: list[str] = []
        for index in self.file.outputs:
            tensor = self.tensor(self.values[index])
            if tensor.name in outputs or tensor.name == given:
                name = self.name(".output")
                operator = Lookup(name, tensor.name, name, Q[None].astype(np.int8))
                tensor = self.append(operator, tensor.shape, (tensor.low, tensor.high), tensor.scale, tensor.zero_point)
            outputs.append(tensor.name)
        return Program(self.tensors, tuple(self.operators), given, tuple(outputs), tuple(labels), source)
