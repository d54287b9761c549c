"""Quantizers put on a network from outside, and baked into plain weights again."""

import difflib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from ..errors import BadInput
from ..graph.trace import trace
from .binary import Binary
from .policy import Kernel, Policy, choose, load_policy
from .scales import absorbed
from .ternary import TWN, Absmean, OneNegativeOne
from .ttq import TTQ
from .uniform import Uniform

# Each has `bits`, what a weight is stored in.
QUANTIZERS: dict[str, Any] = {
    "ttq": TTQ,
    "one-negative-one": OneNegativeOne,
    "twn": TWN,
    "absmean": Absmean,
    "binary": Binary,
}

_LATENT = ".parametrizations.weight.original"  # behind a quantized layer's name, in a state dict


def make_quantizer(name: str, **options: Any) -> Callable[[], nn.Module]:
    """What makes the quantizer of that name, for `quantize`; options of None are left at their defaults.

    Raises:
        BadInput: an unknown name (the nearest is suggested), an option that it does not have or out of range.
    """
    if name not in QUANTIZERS:
        close = difflib.get_close_matches(name.lower(), QUANTIZERS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(QUANTIZERS)}"
        raise BadInput(f"no quantizer is named {name!r}; {hint}")
    kind = QUANTIZERS[name]
    options = {key: value for key, value in options.items() if value is not None}
    for key in options:
        if key not in inspect.signature(kind).parameters:
            raise BadInput(f"the quantizer {name} has no {key}; leave it out")
    kind(**options)  # refuses values out of range here, not at the first kernel
    return partial(kind, **options)


def quantize(
    model: nn.Module,
    policy: Policy | str,
    quantizer: Callable[[], nn.Module] | str,
    input_shape: Sequence[int] = (3, 32, 32),
) -> list[Kernel]:
    """Put a quantizer on every kernel that `policy` chooses; 8 bits on the others where the policy says so.

    The model is changed in place: `weight` becomes the quantized value, computed at each use, and the full-precision
    kernel is the parameter `parametrizations.weight.original` (see `torch.nn.utils.parametrize`).

    Args:
        model: any network of convolutions and linears.
        policy: or its name or file.
        quantizer: a name of `QUANTIZERS`, or what makes a module from a weight to one of the same shape, such as
            `partial(TTQ, threshold=0.1)`; called once for each kernel. One whose `scaled` is None is told: True
            where the policy has scales and no batch norm absorbs this one (`scales.absorbed`).
        input_shape: of one picture that the network takes; only to find what follows each kernel.

    Returns:
        The kernels chosen.

    Raises:
        BadInput: see `choose`, `make_quantizer` and `graph.trace.trace`; a kernel that has a parametrization already
            or holds values that are no numbers (it is named).
    """
    make = make_quantizer(quantizer) if isinstance(quantizer, str) else quantizer
    choice = choose(model, load_policy(policy) if isinstance(policy, str) else policy)
    changed = (*choice.chosen, *choice.rounded)
    for kernel in changed:  # all are looked at before the first is changed
        layer = model.get_submodule(kernel.name)
        if parametrize.is_parametrized(layer, "weight"):
            raise BadInput(f"layer {kernel.name}: its weight has a parametrization already; bake the network first")
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        if not weight.is_meta and not torch.isfinite(weight).all():
            raise BadInput(f"layer {kernel.name}: its weight holds NaN or infinity; nothing was quantized")
    made: dict[str, Any] = {kernel.name: make() for kernel in choice.chosen}
    undecided = [name for name, module in made.items() if getattr(module, "scaled", False) is None]
    undecided = undecided if choice.policy.scales else []
    without = absorbed(trace(model, input_shape)) if undecided else set()
    for name in undecided:
        made[name].scaled = name not in without
    for kernel in changed:
        parametrization = made.get(kernel.name) or Uniform(choice.policy.others)
        parametrize.register_parametrization(model.get_submodule(kernel.name), "weight", parametrization)
    return list(choice.chosen)


def quantized_layers(model: nn.Module) -> list[nn.Module]:
    """The layers whose weight has a quantizer."""
    return [module for module in model.modules() if parametrize.is_parametrized(module, "weight")]


@contextmanager
def computed_once(layers: Sequence[nn.Module]) -> Iterator[None]:
    """Compute the quantized kernels of `layers` now, and use them for every call within the context.

    One after the other they take a third of the time that they take scattered over a network's forward pass, where
    each finds the processor's caches filled with pictures.
    """
    with parametrize.cached():
        for layer in layers:
            layer.weight  # noqa: B018, reading it computes it
        yield


def latent_kernels(model: nn.Module) -> dict[str, torch.Tensor]:
    """The full-precision values of the quantized kernels, by their keys in the state dict of the network `bake` leaves.

    Scales that were learned are not among them.
    """
    state = model.state_dict()
    return {key.removesuffix(_LATENT) + ".weight": state[key].clone() for key in state if key.endswith(_LATENT)}


def bake(model: nn.Module) -> nn.Module:
    """Make every quantized kernel a plain parameter with its quantized values, in place; the same model is returned.

    The result has the same keys as the network before `quantize`, so a checkpoint of it is read like any other.
    """
    for layer in list(model.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
    return model
