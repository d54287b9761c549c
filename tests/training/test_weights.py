"""Kernels quantized together in C are those that PyTorch makes one by one, and so are their gradients."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize

from microbotnet.quant.binary import Binary
from microbotnet.quant.parametrize import quantized_layers
from microbotnet.quant.ternary import TWN, Absmean, OneNegativeOne
from microbotnet.quant.ttq import TTQ
from microbotnet.quant.uniform import Uniform
from microbotnet.training import native
from microbotnet.training.weights import QuantizedWeights

QUANTIZERS: dict[str, Callable[[], nn.Module]] = {
    "signs": OneNegativeOne,
    "signs by the mean": partial(OneNegativeOne, 0.7, "mean"),
    "scaled signs": partial(OneNegativeOne, 0.1, scaled=True),
    "twn": TWN,
    "absmean": Absmean,
    "8 bits": Uniform,
    "3 bits": partial(Uniform, 3),
    "ttq": TTQ,
    "ttq of the notes": partial(TTQ, 0.2, measure="mean", negative_gradient="notes", start="one"),
}
EXACT = "signs", "8 bits", "3 bits"  # where nothing is summed


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    if native.library() is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr(native, "in_use", lambda: True)


def _used(model: nn.Module, layers: list[nn.Module], used: list[bool]) -> list[torch.Tensor | None]:
    """Every kernel, and the gradients of a sum of those that are used."""
    model.zero_grad()
    with QuantizedWeights(layers).computed():
        weights: list[torch.Tensor] = [layer.weight for layer in model.children()]  # type: ignore[misc]
    sums = [
        (weight * torch.linspace(-1, 2, weight.numel()).reshape(weight.shape)).sum()
        for weight, use in zip(weights, used, strict=True)
        if use and weight.requires_grad
    ]
    if sums:
        sum(sums).backward()  # type: ignore[union-attr, no-untyped-call]
    return [*weights, *(p.grad for p in model.parameters())]


kinds = st.tuples(
    st.sampled_from([*QUANTIZERS]), st.integers(1, 40), st.integers(1, 9), st.sampled_from([1, 2, 3]),
    st.sampled_from(["plain", "channels last", "frozen", "unused", "zeros", "small scales"]),
)  # fmt: skip


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.lists(kinds, min_size=1, max_size=5))
def test_any_kernels(seed: int, drawn: list[tuple[str, int, int, int, str]]) -> None:
    if native.library() is None:
        pytest.skip("no C compiler")
    torch.manual_seed(seed)
    layers: list[Any] = []
    for name, outputs, inputs, side, how in drawn:
        layer: Any = nn.Conv2d(inputs, outputs, side) if side > 1 else nn.Linear(inputs, outputs)
        if how == "channels last":
            layer = layer.to(memory_format=torch.channels_last)
        if how == "zeros":
            nn.init.zeros_(layer.weight)
        parametrize.register_parametrization(layer, "weight", QUANTIZERS[name]())
        if how == "small scales" and (scales := [*layer.parametrizations.weight[0].parameters()]):
            nn.init.constant_(scales[seed % 2], -0.01)
        if how == "frozen":
            layer.parametrizations.weight.original.requires_grad_(False)
        layers.append(layer)
    model, used = nn.Sequential(*layers), [how != "unused" for *_, how in drawn]
    wanted = _used(copy.deepcopy(model), [], used)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(native, "in_use", lambda: True)
        got = _used(model, quantized_layers(model), used)
    for ours, theirs in zip(got, wanted, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.requires_grad == theirs.requires_grad
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    for (name, *_), ours, theirs in zip(drawn, got, wanted, strict=False):
        assert name not in EXACT or (theirs is not None and torch.equal(ours, theirs))  # type: ignore[arg-type]


@pytest.mark.usefixtures("compiled")
def test_other_quantizers_and_hooks_are_left_to_the_library() -> None:
    layers: list[Any] = [nn.Linear(4, 3) for _ in range(4)]
    for layer, kind in zip(layers, (Binary, TTQ, TTQ, TTQ), strict=True):
        parametrize.register_parametrization(layer, "weight", kind())
    parametrize.register_parametrization(layers[2], "weight", nn.Identity())
    seen: list[int] = []
    layers[3].parametrizations.weight[0].register_forward_hook(lambda *_: seen.append(1))
    with QuantizedWeights(layers).computed():
        names = [layer.weight.grad_fn.name() for layer in layers]
    assert [name == "_QuantizedBackward" for name in names] == [False, True, False, False], names
    assert seen == [1]
    assert layers[1].weight is not layers[1].weight, "computed anew outside"


@pytest.mark.usefixtures("compiled")
def test_a_kernel_that_was_changed_since_is_refused_as_ever() -> None:
    layer: Any = nn.Linear(4, 3)
    parametrize.register_parametrization(layer, "weight", TTQ())
    with QuantizedWeights([layer]).computed():
        y = layer(torch.randn(2, 4)).sum()
    with torch.no_grad():
        layer.parametrizations.weight.original.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
