"""The module that a .pt2 file becomes: its nodes in order, each under the name of the module that called it."""

import operator
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import BadInput
from ...graph.kinds import OF_ATEN
from ...graph.recorder import IDENTITIES
from .file import DTYPES, File, Node

_NAMES = """
    arange empty_like eye full full_like linspace new_empty new_full new_ones new_zeros ones ones_like scalar_tensor
    tril triu zeros zeros_like lift_fresh_copy roll flip index_select gather native_dropout
"""
_OTHERS = set(_NAMES.split())
"""What makes constants or moves values, and is no kind of the graph's."""
_SHAPED = {"view", "reshape", "_unsafe_view", "expand"}
_SKIPPED = {"_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size", "sym_constrain_range"}
_NUMBERS: dict[str, Callable[..., Any]] = {
    f"_operator.{name}": getattr(operator, name) for name in ("add", "sub", "mul", "floordiv", "neg", "getitem")
}


class _Operation(nn.Module):
    """One node: a function of torch. place: the line of the user's code that called it."""

    def __init__(self, function: Callable[..., Any], place: str) -> None:
        super().__init__()
        self.function, self.place = function, place

    def forward(self, named: dict[str, Any]) -> Any:
        return self.function(**named)


class Network(nn.Module):
    """A network from a .pt2 file: (N, *input_shape) float32 in; what the file puts out, a tuple where it is several.

    Its state dict has the names of the module that was exported. input_shape: of one input, without the batch.
    """

    def __init__(self, file: File) -> None:
        super().__init__()
        shape = [size for size in file.shape[1:] if size is not None]
        if len(shape) != len(file.shape) - 1 or not shape:
            what = "×".join("?" if size is None else str(size) for size in file.shape)
            raise BadInput(f"{file.path}: its input is {what}; only the first size, the batch, may be left open")
        self.input_shape = tuple(shape)
        nodes = [node for node in file.nodes if node.target.partition(".")[2].partition(".")[0] not in _SKIPPED]
        paths = Counter(node.path for node in nodes)
        above = {path.rsplit(".", n)[0] for path in paths for n in range(1, path.count(".") + 1)}
        self._steps: list[tuple[_Operation, Node]] = []
        for node in nodes:
            step = _Operation(_function(file, node), node.place or f"{file.path}:{node.outputs[0]}")
            alone = node.path and paths[node.path] == 1 and node.path not in above
            _put(self, node.path if alone else f"{node.path}.{node.outputs[0]}".lstrip("."), step)
            self._steps.append((step, node))
        for name, tensor in file.tensors.items():
            path, _, last = name.rpartition(".")
            home = _made(self, path)
            if name in file.learned:
                home.register_parameter(last, nn.Parameter(tensor, requires_grad=tensor.is_floating_point()))
            else:
                home.register_buffer(last, tensor)
        self._tensors = tuple(file.values.items())
        self._input, self._outputs = file.input, file.outputs

    def forward(self, x: Tensor) -> Any:
        values: dict[str, Any] = {name: _named(self, of) for name, of in self._tensors}
        values[self._input] = x
        for step, node in self._steps:
            made = step({name: _value(given, values) for name, given in node.arguments})
            several = isinstance(made, tuple | list)
            values.update(zip(node.outputs, made if several else [made], strict=False))
        found = tuple(values[name] for name in self._outputs)
        return found[0] if len(found) == 1 else found


def _named(root: nn.Module, name: str) -> Tensor:
    path, _, last = name.rpartition(".")
    found: Tensor = getattr(root.get_submodule(path), last)
    return found


def _made(root: nn.Module, path: str) -> nn.Module:
    """The module at `path`; where there is none, empty ones are put."""
    home = root
    for part in filter(None, path.split(".")):
        if part not in home._modules:
            home.add_module(part, nn.Module())
        home = home.get_submodule(part)
    return home


def _put(root: nn.Module, path: str, module: nn.Module) -> None:
    outer, _, last = path.rpartition(".")
    home, name, count = _made(root, outer), last, 1
    while hasattr(home, name):
        count += 1
        name = f"{last}_{count}"
    home.add_module(name, module)


def _value(given: Any, values: dict[str, Any]) -> Any:
    """An argument as the file has it, {kind: value}, as torch takes it."""
    ((kind, found),) = given.items()
    match kind:
        case "as_none":
            return None
        case "as_tensor":
            return values[found["name"]]
        case "as_tensors":
            return [values[one["name"]] for one in found]
        case "as_optional_tensors" | "as_nested_tensors":
            return [_value(one, values) for one in found]
        case "as_sym_int" | "as_sym_float" | "as_sym_bool":
            return _number(found, values)
        case "as_sym_ints" | "as_sym_floats":
            return [_number(one, values) for one in found]
        case "as_scalar_type":
            return DTYPES.get(found)
        case "as_float":
            return float(found)
        case "as_int" | "as_ints" | "as_bool" | "as_bools" | "as_string" | "as_strings" | "as_floats":
            return found
        case "as_device" | "as_layout" | "as_memory_format":  # everything is a plain tensor on the CPU
            return None
    raise BadInput(f"an argument of the kind {kind!r} is not read")


def _number(found: Any, values: dict[str, Any]) -> Any:
    """A number that was computed from shapes, or is known."""
    ((kind, value),) = found.items()
    return values[value] if kind == "as_name" else value


def _function(file: File, node: Node) -> Callable[..., Any]:
    """What computes a node, taking its arguments by name."""
    space, _, rest = node.target.partition(".")
    name, _, overload = rest.partition(".")
    where = f"{node.place or file.path}: operator {node.target}"
    arguments = dict(node.arguments)
    if node.target in _NUMBERS:
        number = _NUMBERS[node.target]
        return lambda **named: number(*named.values())
    if any(arguments.get(word) == {"as_bool": True} for word in ("training", "train")):
        raise BadInput(f"{where} is in training mode; export the network after model.eval()")
    plain = name.removesuffix("_")
    if space != "aten" or name.startswith("__"):
        quantized = "quantized" in node.target
        what = "is int8 already; export the float network, which is calibrated here" if quantized else "is not read"
        raise BadInput(f"{where} {what}")
    if node.target in _REWRITTEN:
        return _REWRITTEN[node.target]
    if plain == "sym_size":
        return lambda self, dim: self.shape[dim]
    if plain not in OF_ATEN and plain not in IDENTITIES and name not in _OTHERS | _SHAPED:
        raise BadInput(f"{where} is not read; write the network with layers of torch.nn that classify pictures")
    try:
        called = getattr(getattr(torch.ops.aten, name), overload)
    except AttributeError:
        raise BadInput(f"{where} is not one of this torch's ({torch.__version__})") from None
    if name in _SHAPED:
        return _batched(file, node, called)
    return called  # type: ignore[no-any-return]


def _batched(file: File, node: Node, called: Callable[..., Any]) -> Callable[..., Any]:
    """A view of a file that was exported for one batch size, for any: its first size is the batch's."""
    ((first, given), (last, sizes), *_) = node.arguments
    before = file.sizes.get(given.get("as_tensor", {}).get("name", ""))
    fixed = file.shape[0]
    wanted = sizes.get("as_ints")
    if fixed is None or not before or before[0] != fixed or not wanted or wanted[0] != fixed:
        return called

    def view(**named: Any) -> Any:
        return called(**named | {last: [named[first].shape[0], *named[last][1:]]})

    return view


def _convolution(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], padding: list[int], dilation: list[int],
    transposed: bool, output_padding: list[int], groups: int,
) -> Tensor:  # fmt: skip
    axes = weight.dim() - 2
    if transposed:
        transpose = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[axes]
        return transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)
    convolve: Callable[..., Tensor] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[axes]
    return convolve(input, weight, bias, stride, padding, dilation, groups)


def _norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor, running_var: Tensor,
    momentum: float, eps: float,
) -> tuple[Tensor]:  # fmt: skip
    return (F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps),)


def _max_pool(
    self: Tensor, kernel_size: list[int], stride: list[int] | None = None, padding: list[int] | int = 0,
    dilation: list[int] | int = 1, ceil_mode: bool = False,
) -> tuple[Tensor]:  # fmt: skip
    return (F.max_pool2d(self, kernel_size, stride or None, padding, dilation, ceil_mode),)


# What a decomposed file calls in place of layers.
_REWRITTEN: dict[str, Callable[..., Any]] = {
    "aten.convolution.default": _convolution,
    "aten._native_batch_norm_legit_no_training.default": _norm,
    "aten.max_pool2d_with_indices.default": _max_pool,
}
