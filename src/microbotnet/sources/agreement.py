"""How near a lowered program is to the rounded network that it came from, layer by layer."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..cost.memory import kernels_of
from ..data.augment import Batches
from ..graph.trace import trace
from ..importers.imported import Layer
from ..integer.program import Program
from ..quant.activations import NAME, ActivationQuantizer, ActivationQuantizers
from ..quant.uniform import uniform


def agreement(
    program: Program, model: nn.Module, inputs: NDArray[Any], mean: Sequence[float], std: Sequence[float]
) -> tuple[Layer, ...]:
    """Each operator on the inputs that the rounded network has there, against what the rounded network makes of them.

    Args:
        program: of `model`, which has `quant.activations.quantize_activations`.
        inputs: pictures, (N, C, H, W) uint8, or features, (N, *shape) float32; a few.
        mean, std: of the pictures' channels.

    Returns:
        A layer for each operator whose output is rounded: exact if all are equal, else by how many units of its output
        the worst is off. What is between roundings (a maximum, a sign, a part of a concatenation) is exact.
    """
    rounded = deepcopy(model)
    own = dict(rounded.named_parameters())
    graph = trace(model, inputs.shape[1:])
    spread = {node.weight.name: node.groups for node in graph if node.kind == "conv_transpose" and node.weight}
    for kernel in kernels_of(graph):
        if kernel.name in own and not kernel.ternary:  # as lowering rounds them
            weight = own[kernel.name]
            weight.data = (
                _by_output(weight.data, spread[kernel.name]) if kernel.name in spread else uniform(weight.data)
            )
    if inputs.dtype == np.uint8:
        x = Batches(torch.from_numpy(inputs), mean, std).take(torch.arange(len(inputs)))
    else:
        x = torch.from_numpy(inputs)
    points = rounded_integers(rounded, x)
    entry = program.tensors[program.input]
    values: dict[str, NDArray[np.int32]] = {}
    if inputs.dtype == np.uint8:
        values[program.input] = inputs.astype(np.int32).reshape(-1, *entry.shape)
    else:
        # Its point may stand behind moves that the program does elsewhere, such as a border.
        quantizers = getattr(rounded, NAME)
        values[program.input] = _integers(quantizers.at(program.input), x).reshape(-1, *entry.shape)
    layers = []
    for operator in program.operators:
        made = operator.compute([values[name] for name in operator.inputs], *program.of(operator))
        expected = points.get(operator.output)
        worst = 0
        if expected is not None and expected.size == made.size:
            expected = expected.reshape(made.shape)
            worst = int(np.abs(made - expected).max())
            made = expected
        values[operator.output] = made
        layers.append(Layer(operator.name, worst == 0, worst))
    return tuple(layers)


def _by_output(weight: Tensor, groups: int) -> Tensor:
    """A transposed convolution's kernel (inputs, outputs / groups, …), rounded with a scale for each output."""
    grouped = weight.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2)  # groups, outputs, inputs, …
    return uniform(grouped.flatten(0, 1)).view_as(grouped).transpose(1, 2).flatten(0, 1)


def rounded_integers(model: nn.Module, x: Tensor) -> dict[str, NDArray[np.int32]]:
    """The integers that a rounded network has behind its quantizers, by node.

    Args:
        model: has `quant.activations.quantize_activations`.
        x: its input, (N, *shape) float32.
    """
    found: dict[str, NDArray[np.int32]] = {}

    def keep(key: str, module: nn.Module, _: Any, made: Tensor) -> None:
        assert isinstance(module, ActivationQuantizer)
        found[key.replace("/", ".")] = _whole(module, made)

    quantizers = getattr(model, NAME)
    assert isinstance(quantizers, ActivationQuantizers)
    hooks = [module.register_forward_hook(partial(keep, key)) for key, module in quantizers.items()]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return found


def _integers(quantizer: ActivationQuantizer, x: Tensor) -> NDArray[np.int32]:
    """What the quantizer makes of `x`, as integers."""
    with torch.no_grad():
        return _whole(quantizer, quantizer(x))


def _whole(quantizer: ActivationQuantizer, rounded: Tensor) -> NDArray[np.int32]:
    scale, zero_point = quantizer.scale_and_zero_point()
    found: NDArray[np.int32] = (rounded.double() / scale).round().int().numpy() + zero_point
    return found
