"""Grows an integer program, a node of a quantized file at a time."""

from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from ....integer.operators import Lookup, Operator, View
from ....integer.program import Shape, Tensor
from ...imported import Layer
from ...places import strided
from ..constants import evaluate
from ..file import Array, File, Node, Refused
from .arithmetic import Q, Whole, dequantized, quantized
from .values import Held, Operand, Pending, Real, Target, in_order, program_shape

Value = Held | Real | Pending


class Lowering:
    """The program so far, and where in it the file's values are."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.constants: dict[str, Array] = file.constants
        self.values: dict[str, Value] = {}
        self.dequantized: dict[str, tuple[Array, Array, Array | None]] = {}  # constants: integers, scales, zero points
        self.tensors: dict[str, Tensor] = {}
        self.operators: list[Operator] = []
        self.layers: list[Layer] = []
        self.skipped: set[int] = set()  # numbers of nodes that need nothing more
        self.node = file.nodes[0]

    # What the file says.

    def has(self, place: int) -> bool:
        """Whether the node's input at `place` is there."""
        return place < len(self.node.inputs) and bool(self.node.inputs[place])

    def constant(self, place: int) -> Array:
        """A constant input."""
        name = self.node.inputs[place] if self.has(place) else ""
        if name not in self.constants:
            raise Refused(f"its input {name or place} is computed or missing where a constant is needed")
        return self.constants[name]

    def number(self, place: int) -> float:
        """A constant of one number."""
        found = self.constant(place)
        if found.size != 1:
            raise Refused(f"its input {self.node.inputs[place]} has {found.size} numbers where one is needed")
        return float(found.reshape(()))

    def given(self, place: int = 0) -> Value:
        """An input that depends on the network's."""
        name = self.node.inputs[place] if self.has(place) else ""
        if name not in self.values:
            raise Refused(f"its input {name or place} is a constant or missing")
        return self.values[name]

    def quantization(self, place: int) -> tuple[np.float32, int, bool]:
        """Scale, zero point as int8, and whether the file's integers are unsigned: of the inputs from `place` on."""
        scale = np.float32(self.number(place))
        zero = self.constant(place + 1) if self.has(place + 1) else np.zeros((), np.uint8)
        if zero.dtype not in (np.uint8, np.int8) or zero.size != 1:
            raise Refused(f"is quantized to {zero.dtype}, or with {zero.size} zero points; 8 bits and one are read")
        if not (np.isfinite(scale) and scale > 0):
            raise Refused(f"has the scale {scale}")
        unsigned = zero.dtype == np.uint8
        return scale, int(zero.reshape(())) - (128 if unsigned else 0), unsigned

    def operand(self, place: int) -> Operand:
        """Integers followed by their scale and zero point, as the QLinear operators have them; or dequantized ones."""
        value = self.given(place)
        if isinstance(value, Real) and value.of is not None:
            return value.of
        if isinstance(value, Real) and value.grid is not None:
            return self.on_grid(value)
        if not isinstance(value, Held):
            raise Refused(
                f"its input {self.node.inputs[place]} is in real numbers; quantize what makes it too, "
                "so that all between input and output is int8"
            )
        scale, zero_point, _ = self.quantization(place + 1)
        return Operand(value, scale, zero_point)

    def real_constant(self, name: str) -> Array | None:
        """A constant, or a dequantized one, as real numbers; None for what is computed or left out."""
        found = self.dequantized.get(name)
        if found is None:
            return self.constants.get(name)
        values, scale, zero = found
        if scale.size != 1:
            raise Refused(f"its constant {name} has {scale.size} scales")
        shift = 0 if zero is None else int(zero.reshape(()))
        return dequantized(values.astype(np.int64), np.float32(scale.reshape(())), shift)

    # What the program has.

    def name(self, what: str = "") -> str:
        """Of an operator and the tensor that it makes; new."""
        base = f"{self.node.name.strip('/')}{what}"
        chosen, count = base, 1
        while chosen in self.tensors:
            count += 1
            chosen = f"{base}_{count}"
        return chosen

    def ordered(self, held: Held, shape: Shape | None = None) -> Tensor:
        """The tensor with a value's elements in order, in the shape that `program_shape` says or another."""
        tensor = self.tensors[held.tensor]
        wanted = shape or program_shape(held.shape)
        places = held.at.reshape(-1)
        if tensor.shape == wanted and np.array_equal(places, np.arange(prod(tensor.shape))):
            return tensor
        how = strided(places)
        if how is None:
            raise Refused("its elements would have to be moved in more than one step; simplify the reshapes before it")
        if tensor.dtype != "int8":
            raise Refused("moves the input's pixels; give the network the picture as it is")
        name = self.name(".order")
        self.operators.append(View(name, held.tensor, name, *how))
        self.tensors[name] = replace(tensor, name=name, shape=wanted)
        return self.tensors[name]

    def append(
        self, operator: Operator, shape: Shape, span: tuple[int, int], target: Target, dtype: str = "int8"
    ) -> None:
        """Append an operator."""
        self.operators.append(operator)
        tensor = Tensor(operator.output, shape, dtype, float(target.scale), target.zero_point, *span)
        self.tensors[operator.output] = tensor

    def tell(self, name: str, worst: int = 0, *, exact: bool = True) -> None:
        """Say how near an operator is."""
        self.layers.append(Layer(name, exact and worst == 0, worst if exact or worst else 1))

    def look_up(self, held: Held, codes: Whole, target: Target, *, tell: bool = True) -> Held:
        """The integers that a table makes of a value. codes: (1 or channels, 256)."""
        x = self.tensors[held.tensor]
        first = 0 if x.dtype == "uint8" else -128
        codes = np.clip(codes, *target.limits)
        if x.dtype == "int8" and len(codes) == 1 and np.array_equal(codes[0], Q):
            return replace(held, unsigned=target.unsigned)  # the same integers
        name = self.name()
        reached = codes[:, x.low - first : x.high - first + 1]
        operator = Lookup(name, held.tensor, name, codes.astype(np.int8))
        self.append(operator, x.shape, (int(reached.min()), int(reached.max())), target)
        if tell:
            self.tell(name)
        return Held(name, held.at, target.unsigned)

    def hold(self, tensor: str, shape: tuple[int, ...], target: Target) -> Held:
        """A value that lies in order in a tensor."""
        return Held(tensor, in_order(shape), target.unsigned)

    def base(self, held: Held) -> tuple[str, Whole]:
        """The tensor that a table made this one of, and the table; itself if none did. tables of one row only."""
        maker = next((o for o in self.operators if o.output == held.tensor), None)
        if isinstance(maker, Lookup) and len(maker.tables) == 1 and self.tensors[maker.input].dtype == "int8":
            return maker.input, maker.tables[0].astype(np.int64)
        return held.tensor, Q

    def real(self, operand: Operand) -> Real:
        """What an operand stands for."""
        table = dequantized(Q, operand.scale, operand.zero_point)[None]
        return Real(operand.held, table, operand, (operand.scale, operand.zero_point))

    def on_grid(self, value: Real) -> Operand:
        """A function whose values are all ones that the integers it is of stand for, as a ReLU's are."""
        assert value.grid is not None
        codes = quantized(value.table, *value.grid)
        if codes.min() < -128 or codes.max() > 127 or not np.array_equal(dequantized(codes, *value.grid), value.table):
            raise Refused("reads real numbers; quantize what makes them")
        held = self.look_up(value.held, codes, Target(*value.grid, value.held.unsigned), tell=False)
        return Operand(held, *value.grid)

    def quantize(self, value: Value, target: Target) -> Held:
        """A value as integers."""
        if isinstance(value, Pending):
            node = self.node
            made = value.finish(replace(target, least=value.least, most=value.most))
            self.node = node
            return made
        if isinstance(value, Held):
            raise Refused("quantizes what is quantized")
        of = value.of
        if of is not None and (of.scale, of.zero_point, of.held.unsigned) == (
            target.scale, target.zero_point, target.unsigned
        ):  # fmt: skip
            return of.held
        return self.look_up(value.held, quantized(value.table, target.scale, target.zero_point), target)

    def by_places(self, node: Node, held: Held) -> list[Held]:
        """What a node that only moves elements makes, by doing it to their places."""
        values: dict[str, NDArray[np.int64] | Array | None] = {node.inputs[0]: held.at[None]}
        values |= {name: self.constants[name] for name in node.inputs[1:] if name in self.constants}
        found = evaluate([node], self.file.opset, values, node.outputs)
        if any(len(at) != 1 for at in found):
            raise Refused("moves elements of the batch")
        return [held.moved(at[0].astype(np.int64)) for at in found]
