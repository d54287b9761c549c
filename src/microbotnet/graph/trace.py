"""From any `nn.Module` to a `Graph`, without running it on data.

The network runs once on a picture that has a shape but no values (torch's meta device), in inference mode, where every
ATen operator that it calls can be seen before it is taken apart: conv2d, batch_norm, hardswish, … Each becomes a node.
What does not depend on the picture (a quantizer computing its kernel) runs for real and is folded into a parameter.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from ..errors import BadInput
from .calls import Calls
from .graph import Graph, Node
from .kinds import kind_of
from .places import type_name
from .recorder import OuterCalls, Recorder


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
    recorder = Recorder(model, _trace.__code__, None if calls is None else calls.behind)
    picture = torch.empty((1, *shape), device="meta")
    recorder.bind(picture, recorder.add(Node("input", "input", (), shape)))
    with _evaluating(model), torch.inference_mode():
        try:
            with recorder, OuterCalls(recorder, None if calls is None else calls.outer):
                result = model(picture)
        except BadInput:
            raise
        except Exception as error:
            raise BadInput(recorder.places.explain(error, shape)) from error
    outputs = tuple(recorder.names[id(leaf)] for leaf in tree_leaves(result) if id(leaf) in recorder.names)
    if not outputs:
        raise BadInput(f"{type(model).__name__}: no output depends on the picture")
    nodes, renamed = _merge_views(list(recorder.nodes.values()), outputs)
    outputs = tuple(renamed.get(name, name) for name in outputs)
    if calls is not None:
        calls.outer[:] = [(function, name and renamed.get(name, name)) for function, name in calls.outer]
    return Graph(
        nodes=tuple(nodes),
        inputs=("input",),
        outputs=outputs,
        parameters={name: p.numel() for name, p in model.named_parameters()},
        modules={path: type_name(module) for path, module in model.named_modules()},
        warnings=tuple(dict.fromkeys(recorder.warnings)),
    )


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards every flag, buffer and parameter of the model is what it was.

    Deterministic algorithms, which every training asks for, are off meanwhile: with them torch takes bilinear resizing
    apart.
    """
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    modules = [(module, module.training, dict(module._buffers.items())) for module in model.modules()]
    values = [(tensor, tensor.data) for tensor in [*model.parameters(), *model.buffers()]]
    try:
        model.eval()
        if deterministic:  # the call imports torch's compiler
            torch.use_deterministic_algorithms(False)
        yield
    finally:
        if deterministic:
            torch.use_deterministic_algorithms(True, warn_only=warn_only)
        for module, training, buffers in modules:
            module.training = training
            if isinstance(module._buffers, dict):  # not so in a scripted module, which cannot replace them
                module._buffers.clear()
                module._buffers.update(buffers)
        for tensor, data in values:
            if tensor.data_ptr() != data.data_ptr():
                tensor.data = data


def _merge_views(nodes: list[Node], outputs: tuple[str, ...]) -> tuple[list[Node], dict[str, str]]:
    """Let each run of reshapes that nobody else reads be one node; and the new names of those that are gone."""
    reads = Counter(name for node in nodes for name in node.inputs) + Counter(outputs)
    merged: dict[str, Node] = {}
    renamed: dict[str, str] = {}
    for node in nodes:
        node = replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        before = merged.get(node.inputs[0]) if node.inputs else None
        if before and _reshapes(node, merged) and _reshapes(before, merged) and reads[before.name] == 1:
            last = node.name
            renamed[last] = before.name
            node = replace(before, shape=node.shape, kind="flatten" if len(node.shape) == 1 else "reshape")
            reads[before.name] = reads[last]
        merged[node.name] = node
    return list(merged.values()), renamed


def _reshapes(node: Node, nodes: dict[str, Node]) -> bool:
    return kind_of(node.kind).reshapes and node.numel == nodes[node.inputs[0]].numel
