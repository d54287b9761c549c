"""From the nodes of an ONNX file to modules of torch.

Every node is run once for a batch of 2 and once for a batch of 3, on zeros. What a file computes from shapes is then
known for both, and a dimension is the batch's where the two differ.

A transposition is put off: a value is kept as torch has it, with the order in which the file sees its axes, until an
operator needs them so. Files that put channels last become networks that put them first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import BadInput
from ...graph.places import PLACE
from .file import Array, File, Node, Refused
from .names import node_paths, weight_path
from .network import Network, Operation, Step

BATCHES = (2, 3)


@dataclass(frozen=True)
class Value:
    """What a node makes.

    key: its name when the network runs. at: it for both batches, as torch has it. axes: the file's axis i is torch's
    axes[i]. rows: of a flattened value, where torch has the file's element i; None if there too.
    maker: the module that made it.
    """

    key: str
    at: tuple[Tensor, ...]
    axes: tuple[int, ...]
    rows: Array | None = None
    maker: nn.Module | None = None

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.axes)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """For both batches, as the file sees it."""
        return [tuple(tensor.shape[axis] for axis in self.axes) for tensor in self.at]

    @property
    def shape(self) -> tuple[int, ...]:
        """For the first batch."""
        return self.shapes[0]

    @property
    def plain(self) -> bool:
        """Whether torch has it as the file sees it."""
        return self.rows is None and self.axes == tuple(range(len(self.axes)))


@dataclass(frozen=True)
class Known:
    """A constant, for both batches."""

    at: tuple[Array, Array]

    @property
    def fixed(self) -> bool:
        """Whether the batch does not matter."""
        return self.at[0] is self.at[1] or np.array_equal(*self.at)


class Build:
    """Grows a network, a node at a time; what an operator's form uses to say what it wants."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.values: dict[str, Value | Known] = {}
        self.steps: list[Step] = []
        self.paths: list[str] = []
        self.node: Node = file.nodes[0]
        self.batches = BATCHES
        self.pads: dict[str, tuple[Value, list[tuple[int, int]]]] = {}  # of a value that is another with zeros around
        self.tiles: dict[
            str, tuple[Value, int, int]
        ] = {}  # of a value that repeats another: which, torch's axis, times
        self._made = 0
        self._paths = node_paths(file.nodes)
        self._shared: dict[tuple[Any, ...], nn.Parameter] = {}

    def network(self, start: Value) -> Network:
        """The network, when all nodes are there."""
        outputs = []
        for name in self.file.outputs:
            value = self.values[name]
            if not isinstance(value, Value):
                raise BadInput(f"{self.file.path}: its output {name} does not depend on the input")
            back = value.axes == (0, 2, 3, 1) == start.axes  # channels first at both ends
            outputs.append(value.key if back and value.rows is None else self.materialized(value).key)
        needed, steps, paths = set(outputs), list[Step](), list[str]()
        for step, path in zip(reversed(self.steps), reversed(self.paths), strict=True):
            if needed & set(step.outputs):
                needed |= set(step.inputs)
                steps.insert(0, step)
                paths.insert(0, path)
        shape = tuple(start.at[0].shape[1:])
        return Network(steps, outputs, paths, shape, self.file.path.name).eval()

    @property
    def path(self) -> str:
        """Where the node's module stands."""
        return self._paths[self.node.number]

    # What a node is given.

    def has(self, place: int) -> bool:
        """Whether the node's input at `place` is there."""
        return place < len(self.node.inputs) and bool(self.node.inputs[place])

    def given(self, place: int) -> Value | Known:
        """The node's input at `place`."""
        if not self.has(place):
            raise Refused(f"has no input {place}")
        return self.values[self.node.inputs[place]]

    def value(self, place: int = 0, *, plain: bool = True) -> Value:
        """An input that depends on the network's; plain: with its axes in the file's order."""
        value = self.given(place)
        if not isinstance(value, Value):
            raise Refused(f"its input {self.node.inputs[place]} is a constant where the network's values are expected")
        return self.materialized(value) if plain or value.rows is not None else value

    def constant(self, place: int) -> Array | None:
        """A constant input; None if it is not given."""
        if not self.has(place):
            return None
        known = self.given(place)
        if not isinstance(known, Known):
            raise Refused(f"its input {self.node.inputs[place]} is computed from the network's; a constant is expected")
        if not known.fixed:
            raise Refused(f"its input {self.node.inputs[place]} changes with the batch")
        return known.at[0]

    def ints(self, name: str, place: int | None = None) -> list[int] | None:
        """A list of whole numbers: an attribute, or in later opsets an input."""
        if name in self.node.attributes:
            found = self.node.attributes[name]
            return [int(n) for n in (found if isinstance(found, list) else [found])]
        values = None if place is None else self.constant(place)
        return None if values is None else [int(n) for n in values.reshape(-1)]

    def number(self, place: int) -> float | None:
        """A constant of one number; None if it is not given."""
        values = self.constant(place)
        if values is None:
            return None
        if values.size != 1:
            raise Refused(f"its input {self.node.inputs[place]} is no single number")
        return float(values.reshape(()))

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front."""
        if not -rank <= axis < rank:
            raise Refused(f"names axis {axis} of a value with {rank}")
        return axis % rank

    def readers(self, maker: nn.Module | None) -> int:
        """How many nodes read what a module made, by whatever name."""
        names = [name for name, value in self.values.items() if isinstance(value, Value) and value.maker is maker]
        return max(self.file.readers.get(name, 0) for name in names)

    # What it makes.

    def emit(
        self,
        module: nn.Module | Callable[..., Any],
        *values: Value,
        axes: tuple[int, ...] | None = None,
        path: str = "",
    ) -> Value:
        """The one value that a module, or a function, makes of `values`."""
        return self.emit_all(module, values, 1, axes, path)[0]

    def emit_all(
        self,
        module: nn.Module | Callable[..., Any],
        values: Sequence[Value],
        count: int,
        axes: tuple[int, ...] | None = None,
        path: str = "",
    ) -> list[Value]:
        """`emit`, of several values."""
        if not isinstance(module, nn.Module):
            module = Operation(module)
        module.eval()
        results = [module(*[value.at[which] for value in values]) for which in (0, 1)]
        made = [[tensors] if isinstance(tensors, Tensor) else list(tensors) for tensors in results]
        keys = [f"{self._made}.{which}" for which in range(count)]
        self._made += 1
        setattr(module, PLACE, self.node.place)
        self.steps.append(Step(module, tuple(value.key for value in values), tuple(keys)))
        self.paths.append(path or self.path)
        found = []
        for which, key in enumerate(keys):
            at = made[0][which], made[1][which]
            found.append(Value(key, at, axes or tuple(range(at[0].dim())), None, module))
        return found

    def layer(self, module: nn.Module, value: Value, weight: int = 1, axes: tuple[int, ...] | None = None) -> Value:
        """What a module with learned weights makes; weight: the place of its weight among the node's inputs."""
        path = weight_path(self.node.inputs[weight]) or self.path
        for name, array in module.named_parameters():
            if not torch.isfinite(array).all():
                raise Refused(f"its {name} is NaN or infinite")
        return self.emit(module, value, axes=axes, path=path)

    def parameter(self, place: int, array: Array) -> nn.Parameter:
        """A parameter; two nodes that read one weight of the file in one way share it."""
        key = (self.node.inputs[place], array.shape, self.node.kind)
        if key not in self._shared:
            self._shared[key] = nn.Parameter(to_tensor(array))
        return self._shared[key]

    def materialized(self, value: Value) -> Value:
        """The value with its axes, and elements, in the file's order."""
        if value.plain:
            return value
        path = f"{self.path}.order"
        if value.rows is not None:
            rows = torch.from_numpy(value.rows)
            return self.emit(lambda x: x.index_select(1, rows.to(x.device)), value, path=path)
        if self.moves_only_units(value):
            return self.reshaped(value, value.shapes)
        axes = value.axes
        return self.emit(lambda x: x.permute(axes), value, path=path)

    def moves_only_units(self, value: Value) -> bool:
        """Whether the file's order of axes differs only by axes of one element."""
        long = [axis for axis in value.axes if any(tensor.shape[axis] != 1 for tensor in value.at)]
        return long == sorted(long)

    def reshaped(self, value: Value, shapes: Sequence[tuple[int, ...]]) -> Value:
        """A value whose elements are read as `shapes`, one for each batch; it must be plain, but for axes of one."""
        if all(tuple(tensor.shape) == shape for tensor, shape in zip(value.at, shapes, strict=True)):
            return replace(value, axes=tuple(range(len(shapes[0]))))
        free = [axis for axis, (a, b) in enumerate(zip(*shapes, strict=True)) if a != b]
        if len(free) > 1:
            raise Refused("makes a shape with the batch in two axes")
        sizes = tuple(-1 if axis in free else size for axis, size in enumerate(shapes[0]))
        if sizes[0] == -1 and len(sizes) == 2 and value.at[0].shape[0] == shapes[0][0]:
            return replace(self.emit(lambda x: x.flatten(1), value), maker=value.maker)
        return self.emit(lambda x: x.reshape(sizes), value)

    def like(self, value: Value, other: Value) -> Value:
        """`value` with its axes where torch has those of `other`."""
        if value.axes == other.axes and value.rows is None:
            return value
        value = self.materialized(value)
        if value.rank != other.rank or other.plain:
            return value
        back = tuple(int(axis) for axis in np.argsort(other.axes))
        return replace(self.materialized(replace(value, axes=back)), axes=other.axes)


def to_tensor(array: Array) -> Tensor:
    """A constant as torch computes with it: real numbers in 32 bits."""
    array = np.ascontiguousarray(array)
    real = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    return torch.from_numpy(array.astype(np.float32) if real else array.copy())
