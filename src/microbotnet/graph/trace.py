"""From any `nn.Module` to a `Graph`, without running it on data.

The network runs once on a picture that has a shape but no values (torch's meta device), in inference mode, where every
ATen operator that it calls can be seen before it is taken apart: conv2d, batch_norm, hardswish, … Each becomes a node.
What does not depend on the picture (a quantizer computing its kernel) runs for real and is folded into a parameter.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ..errors import BadInput
from .graph import Graph, Node, Parameter, Shape
from .operators import IDENTITIES, KINDS, VALUES, VIEWS, describe
from .shapes import output_shape
from .steps import ALIASES

DTYPES = {"compare": torch.bool, "where": torch.get_default_dtype()}  # else that of the first tensor
TORCH = str(Path(torch.__file__).parent)


@dataclass(frozen=True)
class Call:
    """The ATen call behind a node. `named` are its arguments; `given`, those of them that depend on the picture."""

    func: Any
    named: dict[str, Any]
    given: tuple[Tensor, ...]

    def __call__(self, *values: Tensor) -> Any:
        """Call it with `values` in place of `given`."""
        stands = {id(tensor): value for tensor, value in zip(self.given, values, strict=True)}
        return self.func(**tree_map(lambda leaf: stands.get(id(leaf), leaf), self.named))


@dataclass(frozen=True)
class Calls:
    """What was called to make the nodes of a graph.

    behind: for each node, its ATen call. outer: in order, the name of every function of torch that the network's code
    called with tensors that depend on the picture, and the node that its result is; None where it is no one tensor.
    """

    behind: dict[str, Call] = field(default_factory=dict)
    outer: list[tuple[str, str | None]] = field(default_factory=list)


def trace(model: nn.Module, input_shape: Sequence[int] = (3, 32, 32)) -> Graph:
    """Record every operator that `model` runs on one picture, in evaluation mode; no data is needed.

    Args:
        model: any module that takes one (1, *input_shape) float32 tensor. It is left as it was.
        input_shape: (channels, height, width), without the batch.

    Returns:
        The graph. Its `warnings` name what the counts cannot cover.

    Raises:
        BadInput: the network cannot take such a picture, or decides by the picture's values which operators to run;
            the message has the file and line of the network's code.
    """
    return _trace(model, input_shape, None)


def trace_calls(model: nn.Module, input_shape: Sequence[int] = (3, 32, 32)) -> tuple[Graph, Calls]:
    """`trace`, with the calls that made the nodes."""
    calls = Calls()
    return _trace(model, input_shape, calls), calls


def _trace(model: nn.Module, input_shape: Sequence[int], calls: Calls | None) -> Graph:
    shape = tuple(int(size) for size in input_shape)
    if not shape or min(shape) < 1:
        raise BadInput(f"a picture of shape {shape} has no pixels; sizes must be at least 1")
    recorder = _Recorder(model, None if calls is None else calls.behind)
    picture = torch.empty((1, *shape), device="meta")
    recorder.bind(picture, recorder.add(Node("input", "input", (), shape)))
    with _evaluating(model), torch.inference_mode():
        try:
            with recorder, nullcontext() if calls is None else _OuterCalls(recorder, calls.outer):
                result = model(picture)
        except BadInput:
            raise
        except Exception as error:
            raise BadInput(recorder.explain(error, shape)) from error
    outputs = tuple(recorder.names[id(leaf)] for leaf in tree_leaves(result) if id(leaf) in recorder.names)
    if not outputs:
        raise BadInput(f"{type(model).__name__}: no output depends on the picture")
    nodes, outputs = _merge_views(list(recorder.nodes.values()), outputs)
    return Graph(
        nodes=tuple(nodes),
        inputs=("input",),
        outputs=outputs,
        parameters={name: p.numel() for name, p in model.named_parameters()},
        modules={path: _type_name(module) for path, module in model.named_modules()},
        warnings=tuple(dict.fromkeys(recorder.warnings)),
    )


class _OuterCalls(TorchFunctionMode):
    """Sees the functions that the network's code calls, each as one whatever it calls in turn."""

    def __init__(self, recorder: "_Recorder", outer: list[tuple[str, str | None]]) -> None:
        super().__init__()
        self.recorder, self.outer = recorder, outer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        names = self.recorder.names
        given = any(id(leaf) in names for leaf in tree_leaves((args, kwargs)))
        result = func(*args, **(kwargs or {}))
        if given and any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):
            self.outer.append((func.__name__, names.get(id(result))))
        return result


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every ATen call; knows which tensors depend on the picture and which nodes made them."""

    def __init__(self, model: nn.Module, calls: dict[str, Call] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = calls
        self.nodes: dict[str, Node] = {}
        self.names: dict[int, str] = {}  # id of a tensor that depends on the picture: the node that made it
        self.warnings: list[str] = []
        self._paths: dict[int, tuple[str, nn.Module]] = {}
        for path, module in model.named_modules():
            self._paths[id(module)] = path, module
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
        op = func.overloadpacket.__name__.removesuffix("_")
        if op in VALUES:
            raise _ValueNeeded
        if op not in KINDS and op not in IDENTITIES:
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
            result = torch.empty(shape, dtype=DTYPES.get(KINDS[op], tensors[0].dtype), device="meta")
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
        moves_nothing = KINDS.get(op) in VIEWS and len(made) == 1 and made[0].shape == given[0].shape
        if op in IDENTITIES or moves_nothing:
            for tensor in made:
                self.bind(tensor, self.names[id(given[0])])
            return
        path, module, source = self._locate(_outwards(sys._getframe(1)))
        if op not in KINDS:
            self.warnings.append(f"{source}: operator {op} is not known; its operations are not counted")
        inputs = tuple(self.names[id(tensor)] for tensor in given)
        for tensor in made:
            found = describe(op, named, given, tensor, self._learned)
            node = Node(
                name=path if path and _of_torch(module) else f"{path}.{found.kind}".lstrip("."),
                kind=found.kind,
                inputs=inputs,
                shape=_without_batch(tensor),
                module=path,
                module_type=_type_name(module) if module is not None else "",
                source=source,
                parameters=self._parameters(path, found.roles),
                known=op in KINDS,
                **found.fields,
            )
            if 0 in tensor.shape:
                size = "×".join(map(str, node.shape))
                raise BadInput(f"layer {node.name} ({node.kind}) has an empty output, {size}: the picture is too small")
            name = self.add(node)
            if self.calls is not None:
                self.calls[name] = Call(func, named, tuple(given))
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

    def _locate(self, frames: Iterator[tuple[FrameType, int]]) -> tuple[str, nn.Module | None, str]:
        """Path and module of the innermost module on the stack, and the innermost line that is not torch's."""
        found: tuple[str, nn.Module] | None = None
        source = ""
        for frame, line in frames:
            if frame.f_code is _trace.__code__:  # the rest is what called us, not the network
                break
            file = frame.f_code.co_filename
            if not source and not file.startswith((TORCH, "<")) and file != __file__:
                source = f"{file}:{line}"
            if found is None:
                found = self._paths.get(id(frame.f_locals.get("self")))
            if source and found:
                break
        return (*found, source) if found else ("", None, source)

    def explain(self, error: Exception, shape: Shape) -> str:
        """One line for what stopped the trace, with the place in the network's code."""
        frames = []
        step = error.__traceback__
        while step is not None:
            frames.append((step.tb_frame, step.tb_lineno))
            step = step.tb_next
        path, module, source = self._locate(iter(reversed(frames)))
        layer = f"layer {path} ({_type_name(module)})" if module is not None and path else "the network"
        place = f"{source}: " if source else ""
        size = "×".join(map(str, shape))
        if isinstance(error, _ValueNeeded):
            return (
                f"{place}{layer} decides by the values of the picture what to compute (.item(), bool(), if, …); "
                "such a network has no single graph"
            )
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"{place}{layer} cannot take what a {size} picture brings it: {reason}"


class _ValueNeeded(Exception):
    """The network asked for a value that depends on the picture."""


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards every flag, buffer and parameter of the model is what it was."""
    modules = [(module, module.training, dict(module._buffers.items())) for module in model.modules()]
    values = [(tensor, tensor.data) for tensor in [*model.parameters(), *model.buffers()]]
    try:
        model.eval()
        yield
    finally:
        for module, training, buffers in modules:
            module.training = training
            if isinstance(module._buffers, dict):  # not so in a scripted module, which cannot replace them
                module._buffers.clear()
                module._buffers.update(buffers)
        for tensor, data in values:
            if tensor.data_ptr() != data.data_ptr():
                tensor.data = data


def _merge_views(nodes: list[Node], outputs: tuple[str, ...]) -> tuple[list[Node], tuple[str, ...]]:
    """Let each run of reshapes that nobody else reads be one node."""
    reads = Counter(name for node in nodes for name in node.inputs) + Counter(outputs)
    merged: dict[str, Node] = {}
    renamed: dict[str, str] = {}
    for node in nodes:
        node = replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        before = merged.get(node.inputs[0]) if node.inputs else None
        if before and node.kind in ALIASES and before.kind in ALIASES and reads[before.name] == 1:
            last = node.name
            renamed[last] = before.name
            node = replace(before, shape=node.shape, kind="flatten" if len(node.shape) == 1 else "reshape")
            reads[before.name] = reads[last]
        merged[node.name] = node
    return list(merged.values()), tuple(renamed.get(name, name) for name in outputs)


def _named(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an ATen call by name, defaults included."""
    schema = func._schema.arguments
    values = {argument.name: argument.default_value for argument in schema if argument.has_default_value()}
    return values | {argument.name: value for argument, value in zip(schema, args, strict=False)} | kwargs


def _outwards(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _without_batch(tensor: Tensor) -> Shape:
    shape = tuple(tensor.shape)
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


def _storage(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # sparse and other tensors without one memory
        return id(tensor)


def _of_torch(module: nn.Module | None) -> bool:
    return module is not None and type_before_parametrizations(module).__module__.startswith("torch.nn.")


def _type_name(module: nn.Module) -> str:
    """The class, as written; a class that only shares its name with one of torch's is told apart by its home."""
    kind = type_before_parametrizations(module)
    own = hasattr(nn, kind.__name__) and getattr(nn, kind.__name__) is not kind
    return f"{kind.__module__}.{kind.__name__}" if own else kind.__name__


def _is_ternary(tensor: Tensor) -> bool:
    """Every value is one of lowest, 0 and highest. Cheap for ordinary kernels: a few values tell."""
    if tensor.is_meta or len(set(tensor[0].reshape(-1)[:64].tolist())) > 3:
        return False
    low, high = tensor.aminmax()
    if low > 0 or high < 0:
        return bool(low == high)
    return bool(((tensor == low) | (tensor == high) | (tensor == 0)).all())
