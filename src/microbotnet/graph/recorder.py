"""Every ATen call of a run on a picture without values, as nodes."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ..errors import BadInput
from .calls import Call
from .graph import Node, Parameter, Shape, times
from .kinds import OF_ATEN, Called, Kind, output_shape
from .places import PLACE, Places, ValueNeeded, outwards, type_name
from .written_out import written_out

DTYPES = {"bool": torch.bool, "real": torch.get_default_dtype()}  # else that of the first tensor
# In a trained network these hand on their input; they leave no node.
IDENTITIES = {"dropout", "feature_dropout", "alpha_dropout", "contiguous", "clone", "detach", "alias", "to", "_to_copy"}
IDENTITIES |= {"lift_fresh", "type_as", "float"}
OVERLOADS = {"aten.max.other": "maximum", "aten.min.other": "minimum"}  # that are other operators
# Constants of another tensor's shape.
SHAPES = {"zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full"}
# Ask for the values of a tensor.
VALUES = {"item", "_local_scalar_dense", "is_nonzero", "equal", "nonzero"}


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every ATen call; knows which tensors depend on the picture and which nodes made them."""

    def __init__(self, model: nn.Module, entry: CodeType, calls: dict[str, Call] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = calls
        self.nodes: dict[str, Node] = {}
        self.names: dict[int, str] = {}  # id of a tensor that depends on the picture: the node that made it
        self.warnings: list[str] = []
        self.places = Places(model, entry)
        state = [*model.named_parameters(), *model.named_buffers()]
        # Of a constant: the keys of what it was computed from.
        self._origins: dict[int, tuple[str, ...]] = {id(tensor): (name,) for name, tensor in state}
        self._own = {id(tensor): name for name, tensor in state}
        self._storages = {_storage(tensor) for _, tensor in state}
        self._twins: dict[int, Tensor] = {}
        self._sharing: dict[int, list[Tensor]] = {}  # storage: the tensors of the picture that lie in it
        self._alive: list[Any] = []  # so that no id is used twice

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler, which takes over a second

    def add(self, node: Node) -> str:
        """Add a node under a name of its own; the name."""
        name, count = node.name, 1
        while name in self.nodes:
            count += 1
            name = f"{node.name}#{count}"
        self.nodes[name] = node if count == 1 else replace(node, name=name)
        return name

    def bind(self, tensor: Tensor, name: str) -> None:
        """From here on `tensor` is what node `name` made."""
        self.names[id(tensor)] = name
        self._alive.append(tensor)
        sharing = self._sharing.setdefault(_storage(tensor), [])
        if not any(other is tensor for other in sharing):
            sharing.append(tensor)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if not any(id(tensor) in self.names for tensor in tensors):
            return self._constant(func, args, kwargs, tensors)
        op = OVERLOADS.get(str(func), "") or func.overloadpacket.__name__.removesuffix("_")
        if op in VALUES:
            raise ValueNeeded
        if op in SHAPES:
            return self._constant(func, tree_map(_as_large, args), tree_map(_as_large, kwargs), [])
        if op not in OF_ATEN and op not in IDENTITIES:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        named = _named(func, args, kwargs)
        shape = output_shape(op, args[0], named)
        if shape is None:
            result = func(*tree_map(self._without_values, args), **tree_map(self._without_values, kwargs))
        elif func._schema.is_mutable:
            result = args[0]
        else:
            result = torch.empty(shape, dtype=DTYPES.get(OF_ATEN[op].dtype, tensors[0].dtype), device="meta")
        self._record(func, op, named, tensors, result)
        return result

    def _constant(self, func: Any, args: Any, kwargs: Any, tensors: list[Tensor]) -> Any:
        """Run what does not depend on the picture, never writing into the network's own tensors."""
        if func._schema.is_mutable:
            copies = {id(t): t.clone() for t in tensors if _storage(t) in self._storages}
            args, kwargs = tree_map(lambda leaf: copies.get(id(leaf), leaf), (args, kwargs))
        result = func(*args, **kwargs)
        origins = tuple(dict.fromkeys(name for t in tensors for name in self._origins.get(id(t), ())))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and id(leaf) not in self._own:
                self._origins[id(leaf)] = origins
                self._alive.append(leaf)
        return result

    def _without_values(self, leaf: Any) -> Any:
        """A tensor of the same shape on the meta device, and that device in place of any other."""
        if isinstance(leaf, torch.device):
            return torch.device("meta")
        if not isinstance(leaf, Tensor) or leaf.is_meta:
            return leaf
        if id(leaf) not in self._twins:
            twin = torch.empty_strided(leaf.size(), leaf.stride(), dtype=leaf.dtype, device="meta")
            self._twins[id(leaf)] = twin
            self._alive.append(leaf)
        return self._twins[id(leaf)]

    def _record(self, func: Any, op: str, named: dict[str, Any], tensors: list[Tensor], result: Any) -> None:
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        given = [tensor for tensor in tensors if id(tensor) in self.names]
        kind = OF_ATEN.get(op) or Kind(op)
        given = given[:1] if kind.view else given  # of another tensor they read the shape
        moves_nothing = kind.view and len(made) == 1 and made[0].shape == given[0].shape
        if op in IDENTITIES or moves_nothing:
            for tensor in made:
                self.bind(tensor, self.names[id(given[0])])
            return
        path, module, source = self.places.locate(outwards(sys._getframe(1)))
        if op not in OF_ATEN:
            self.warnings.append(f"{source}: operator {op} is not known; its operations are not counted")
        inputs = tuple(self.names[id(tensor)] for tensor in given)
        for part, tensor in enumerate(made):
            found = kind.describe(Called(named, tuple(given), tensor, self._learned))
            word = found.kind or kind.name
            node = Node(
                name=path if path and _is_one(module) else f"{path}.{word}".lstrip("."),
                kind=word,
                inputs=inputs,
                shape=_without_batch(tensor),
                module=path,
                module_type=type_name(module) if module is not None else "",
                source=source,
                parameters=self._parameters(path, found.roles),
                known=op in OF_ATEN,
                **found.fields,
            )
            if 0 in tensor.shape:
                size = times(node.shape)
                raise BadInput(f"layer {node.name} ({node.kind}) has an empty output, {size}: the picture is too small")
            name = self.add(node)
            if self.calls is not None:
                self.calls[name] = Call(func, named, tuple(given), part if len(made) > 1 else None)
            self._rebind(func, tensor, name)

    def _rebind(self, func: Any, tensor: Tensor, name: str) -> None:
        """Bind `tensor`, and after a write in place everything else that lies in the same memory."""
        if func._schema.is_mutable:
            for other in self._sharing.get(_storage(tensor), []):
                if other.numel() != tensor.numel():
                    self.warnings.append(f"{self.nodes[name].source}: part of a tensor is written in place")
                self.names[id(other)] = name
        self.bind(tensor, name)

    def _learned(self, tensor: Tensor) -> bool:
        return id(tensor) not in self.names and bool(self._origins.get(id(tensor)))

    def _parameters(self, module: str, roles: dict[str, Tensor | None]) -> tuple[Parameter, ...]:
        found = []
        for role, tensor in roles.items():
            if tensor is None or id(tensor) in self.names:
                continue
            name = self._own.get(id(tensor), f"{module}.{role}".lstrip("."))
            sources = self._origins.get(id(tensor), ())
            nonzero = tensor.numel() if tensor.is_meta else int(torch.count_nonzero(tensor))
            ternary = role == "weight" and tensor.dim() > 1 and _is_ternary(tensor)
            found.append(Parameter(name, role, tuple(tensor.shape), sources, nonzero, ternary))
        return tuple(found)


class OuterCalls(TorchFunctionMode):
    """Sees the functions that the network's code calls, each as one whatever it calls in turn, or written out."""

    def __init__(self, recorder: Recorder, outer: list[tuple[str, str | None]] | None) -> None:
        super().__init__()
        self.recorder, self.outer = recorder, outer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        simpler = written_out(self, func, args, kwargs)
        if simpler is not NotImplemented:
            return simpler
        if self.outer is None:  # nobody asks
            return func(*args, **(kwargs or {}))
        names = self.recorder.names
        given = any(id(leaf) in names for leaf in tree_leaves((args, kwargs)))
        result = func(*args, **(kwargs or {}))
        if given and any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):
            self.outer.append((func.__name__, names.get(id(result))))
        return result


def _as_large(leaf: Any) -> Any:
    """A tensor of the same shape with room for values, and no device but that."""
    if isinstance(leaf, torch.device):
        return None
    return torch.empty(leaf.shape, dtype=leaf.dtype) if isinstance(leaf, Tensor) and leaf.is_meta else leaf


def _named(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an ATen call by name, defaults included."""
    schema = func._schema.arguments
    values = {argument.name: argument.default_value for argument in schema if argument.has_default_value()}
    return values | {argument.name: value for argument, value in zip(schema, args, strict=False)} | kwargs


def _without_batch(tensor: Tensor) -> Shape:
    shape = tuple(tensor.shape)
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


def _storage(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # sparse and other tensors without one memory
        return id(tensor)


def _is_one(module: nn.Module | None) -> bool:
    """Whether a module is a layer of torch, or stands for one operator of a file."""
    return module is not None and (
        type_before_parametrizations(module).__module__.startswith("torch.nn.") or hasattr(module, PLACE)
    )


def _is_ternary(tensor: Tensor) -> bool:
    """Every value is one of lowest, 0 and highest. Cheap for ordinary kernels: a few values tell."""
    if tensor.is_meta or len(set(tensor[0].reshape(-1)[:64].tolist())) > 3:
        return False
    low, high = tensor.aminmax()
    if low > 0 or high < 0:
        return bool(low == high)
    return bool(((tensor == low) | (tensor == high) | (tensor == 0)).all())
