"""Chains of convolutions and batch norms give what autograd gives in doubles, whatever their layers."""

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from microbotnet.errors import Failed
from microbotnet.nets.layers import SqueezeExcite
from microbotnet.nets.microbotnet import Bottleneck, Row
from microbotnet.quant.activations import quantize_activations
from microbotnet.training.chain import Chain
from microbotnet.training.cpu import faster_on_cpu


def _trained(model: nn.Module, x: torch.Tensor, *, fast: bool) -> list[torch.Tensor]:
    """Result, gradients and buffers after a step with a copy of the model in x's type of number."""
    model = copy.deepcopy(model).to(x.dtype)
    x = x.clone().to(memory_format=torch.channels_last).requires_grad_()
    if fast:
        with faster_on_cpu():
            y = model(x)
    else:
        y = model(x)
    y.backward((torch.arange(y.numel()) % 7 - 2.5).reshape(y.shape).to(y.dtype))
    assert x.grad is not None
    found = [y.detach(), x.grad, *(p.grad for p in model.parameters() if p.grad is not None)]
    return [*found, *(b.to(x.dtype) for b in model.buffers())]


def _check(model: nn.Module, x: torch.Tensor) -> None:
    """Each tensor as a whole is as near to that of doubles as 4 digits, or nearly as the library's; and the same again.

    A batch norm of few values may divide by next to nothing, and a kernel of one weight before a batch norm has a
    gradient of zero, the difference of large sums: then no floats are near. The library sums in doubles there, floats
    lose up to 21 times as much (7,000 networks made to be so), and its own loss depends on the last bits of the input.
    """
    got, again, exact = (
        _trained(model, x, fast=True),
        _trained(model, x, fast=True),
        _trained(model, x.double(), fast=False),
    )
    assert all(map(torch.equal, got, again))
    if max(_distances(got, exact)) > 1e-4:
        assert max(_distances(got, exact)) <= 32 * max(_library_loses(model, x, seed) for seed in range(8))


def _library_loses(model: nn.Module, x: torch.Tensor, seed: int) -> float:
    """The library's distance from doubles for an input that differs in its last bits."""
    x = x * (1 + 2**-22 * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)))
    return max(_distances(_trained(model, x, fast=False), _trained(model, x.double(), fast=False)))


def _distances(got: list[torch.Tensor], exact: list[torch.Tensor]) -> list[float]:
    return [float((ours - wanted).norm() / (wanted.norm() + 1)) for ours, wanted in zip(got, exact, strict=True)]


def _random(layers: nn.Module) -> nn.Module:
    for module in layers.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias)
    return layers


stages = st.tuples(
    st.sampled_from(["pointwise", "depthwise", "convolution"]), st.integers(1, 37), st.sampled_from([2, 3, 4, 5, 7]),
    st.integers(1, 3), st.integers(0, 3), st.booleans(), st.sampled_from([nn.ReLU, nn.ReLU6, nn.Hardswish, None]),
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.integers(0, 2**31), st.integers(3, 9), st.integers(1, 37), st.integers(2, 9), st.integers(2, 9),
    st.lists(stages, min_size=1, max_size=4),
)  # fmt: skip
def test_any_stages(
    called: list[str], seed: int, batch: int, channels: int, height: int, width: int, drawn: list[Any]
) -> None:
    called.clear()
    torch.manual_seed(seed)
    x, layers, size = torch.randn(batch, channels, height, width) + torch.randn(channels, 1, 1), [], (height, width)
    expected = []
    for kind, outputs, kernel, stride, padding, excite, activation in drawn:
        if kind != "pointwise":
            padding = min(padding, kernel - 1)
            if min(size) + 2 * padding < kernel or (channels == 1 if kind == "depthwise" else channels > 4):
                continue
            groups, outputs = (channels, channels) if kind == "depthwise" else (1, outputs)
            layers.append(nn.Conv2d(channels, outputs, kernel, stride, padding, groups=groups, bias=False))
            channels = outputs
            size = tuple((n + 2 * padding - kernel) // stride + 1 for n in size)  # type: ignore[assignment]
        else:
            layers.append(nn.Conv2d(channels, outputs, 1, bias=False))
            channels = outputs
        expected.append(kind)
        layers.append(nn.BatchNorm2d(channels, momentum=0.3))
        layers += [SqueezeExcite(channels, bias=bool(kernel % 2))] if excite else [nn.Identity()]
        layers += [activation(inplace=True)] if activation else []
    if not layers:
        return
    _check(_random(nn.Sequential(*layers)), x)
    ran = [name for name in called if name in ("depthwise", "pointwise", "convolution")]
    assert ran[: len(expected)] == expected


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.integers(0, 2**31),
    st.lists(st.tuples(st.integers(3, 20), st.integers(1, 2), st.booleans()), min_size=1, max_size=3),
)
def test_bottlenecks_one_after_the_other(called: list[str], seed: int, drawn: list[tuple[int, int, bool]]) -> None:
    called.clear()
    torch.manual_seed(seed)
    blocks, channels = [], 6
    for outputs, stride, excite in drawn:
        outputs = channels if outputs % 2 else outputs  # a shortcut, where the stride lets it
        blocks.append(Bottleneck(channels, 2 * channels, outputs, Row(3, 0, 0, excite, nn.Hardswish, stride)))
        channels = outputs
    _check(_random(nn.Sequential(*blocks)), torch.randn(4, 6, 8, 7))
    assert called.count("pointwise") == 4 * len(blocks), "both, in two runs"


def _rounded(
    seed: int, kind: type[nn.Module], *, excite: bool, outputs: int, look: bool = False, learned: bool = False
) -> Callable[..., list[torch.Tensor]]:
    """What gives gradients and buffers of a small network with 8-bit activations.

    look: in its first step, when ranges are looked at, or in its second.
    """

    def step(*, fast: bool) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        block = Bottleneck(8, 24, outputs, Row(3, 0, 0, excite, kind, 1))
        model = _random(nn.Sequential(block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(outputs, 3)))
        quantize_activations(model, 8, (8, 5, 5), learned=learned)
        x = torch.randn(6, 8, 5, 5).to(memory_format=torch.channels_last)
        if not look:
            model(x)  # the first step: ranges are looked at
            x = 0.8 * x + 0.2 * torch.randn_like(x)  # some of it lies outside
        with faster_on_cpu() if fast else contextlib.nullcontext():
            y = model(x.requires_grad_())
        (y * torch.randn(y.shape)).sum().backward()
        assert x.grad is not None
        found = [y.detach(), x.grad, *(p.grad for p in model.parameters() if p.grad is not None)]
        return [*found, *(b for b in model.buffers() if b.is_floating_point())]

    return step


@pytest.mark.parametrize("kind", [nn.Hardswish, nn.ReLU, nn.ReLU6])
@pytest.mark.parametrize("excite", [True, False])
@pytest.mark.parametrize("outputs", [8, 12])  # with a shortcut, and without
@pytest.mark.parametrize("look", [True, False])
def test_rounded_activations(called: list[str], kind: type[nn.Module], excite: bool, outputs: int, look: bool) -> None:
    apart = []
    for seed in range(9):
        step = _rounded(seed, kind, excite=excite, outputs=outputs, look=look)
        called.clear()
        wanted, got = step(fast=False), step(fast=True)
        assert called.count("pointwise") == called.count("pointwise_backward") == 2
        apart.append(max(float((a - b).norm() / (b.norm() + 1)) for a, b in zip(got, wanted, strict=True)))
    assert sorted(apart)[4] < 1e-5, apart
    # A value that lies on the edge of two steps is rounded to the other one; the ends of a new range are such.
    assert sorted(apart)[-2 if look else -1] < 0.05, apart


def test_ranges_are_looked_at_within_a_chain_and_learned_ones_left_to_the_library(called: list[str]) -> None:
    _rounded(0, nn.ReLU, excite=False, outputs=8, learned=True)(fast=True)
    assert "pointwise" not in called
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 3, 1, bias=False), nn.BatchNorm2d(3), nn.ReLU6())  # less than a vector
    nn.init.constant_(model[1].bias, 4)  # so that nothing is 0, which is in every range
    quantize_activations(model, 8, (4, 1, 1))
    plain = copy.deepcopy(model)
    for number in range(10):
        called.clear()
        x = (1 + number) * torch.randn(2, 4, 1, 1).to(memory_format=torch.channels_last)
        with faster_on_cpu():
            model(x)
        plain(x)
        assert called.count("pointwise") == 1
        assert called.count("look") == (number % 8 == 0)
        for ours, theirs in zip(model.buffers(), plain.buffers(), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_network_that_runs_otherwise_than_it_was_traced_is_refused_as_ever(called: list[str]) -> None:
    layers = [nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(36, 2))
    quantize_activations(model, 8, (4, 3, 3))
    x = torch.randn(2, 4, 3, 3).to(memory_format=torch.channels_last)
    model(x)
    model[2] = nn.Hardswish()
    with pytest.raises(Failed, match="calls hardswish where it called relu"), faster_on_cpu():
        model(x)


def test_groups_and_other_layers_between_are_left_to_the_library(called: list[str]) -> None:
    torch.manual_seed(0)
    row = Row(3, 0, 0, False, nn.ReLU, 1)
    blocks = Bottleneck(8, 16, 8, row, groups=2), Bottleneck(8, 16, 8, row, average=True), nn.Flatten(), nn.Linear(8, 3)
    _check(_random(nn.Sequential(*blocks)), torch.randn(4, 8, 4, 4))
    assert called.count("pointwise") == 2 * 2, "those of the second block, in two runs"
    assert called.count("depthwise") == 2 * 2, "in two runs"


@pytest.mark.parametrize(
    "change",
    [
        lambda conv, norm: norm.eval(),
        lambda conv, norm: setattr(norm, "momentum", None),
        lambda conv, norm: norm.double(),
        lambda conv, norm: norm.register_forward_hook(lambda *_: None),
        lambda conv, norm: conv.register_forward_pre_hook(lambda *_: None),
        lambda conv, norm: setattr(conv, "padding_mode", "reflect"),
        lambda conv, norm: setattr(conv, "dilation", (1, 2)),
        lambda conv, norm: setattr(conv, "bias", nn.Parameter(torch.zeros(12))),
    ],
)
def test_what_a_chain_does_not_do(called: list[str], change: Callable[[Any, Any], object]) -> None:
    conv, norm = nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False), nn.BatchNorm2d(12)
    change(conv, norm)
    layers, x = nn.Sequential(conv, norm), torch.randn(2, 12, 5, 5).to(memory_format=torch.channels_last)
    with contextlib.suppress(RuntimeError), faster_on_cpu():  # the library refuses two types of number
        layers(x)
    assert "depthwise" not in called


def test_frozen_kernels_have_no_gradient_and_the_others_have(called: list[str]) -> None:
    torch.manual_seed(0)
    block = Bottleneck(8, 24, 8, Row(3, 0, 0, True, nn.ReLU, 1))
    block.conv[0].requires_grad_(False)
    model, x = _random(nn.Sequential(block)), torch.randn(4, 8, 4, 4)
    _check(model, x)
    with faster_on_cpu():
        model(x.to(memory_format=torch.channels_last)).sum().backward()
    assert block.conv[0].weight.grad is None
    assert all(p.grad is not None for p in block.parameters() if p.requires_grad)
    assert "pointwise_backward" in called


def test_a_chain_that_is_kept_follows_its_layers(called: list[str]) -> None:
    torch.manual_seed(0)
    block = Bottleneck(8, 24, 8, Row(3, 0, 0, True, nn.ReLU, 1))
    model, x = _random(nn.Sequential(block)), torch.randn(4, 8, 4, 4).to(memory_format=torch.channels_last)
    layers: Any = block.conv
    changes: list[tuple[Callable[[], object], int]] = [  # and how many of the convolutions are done in chains then
        (lambda: None, 3),
        (lambda: setattr(layers[0], "weight", nn.Parameter(torch.randn(24, 8, 1, 1))), 3),
        (lambda: setattr(layers[1], "momentum", 0.7), 3),
        (lambda: layers.__setitem__(2, nn.Hardswish()), 3),
        (lambda: layers[4].eval(), 2),
        (lambda: layers[4].train(), 3),
        (lambda: layers[7].register_forward_hook(lambda *_: None), 2),
        (model.eval, 0),
    ]
    faster = faster_on_cpu()
    for change, convolutions in changes:
        change()
        called.clear()
        plain = copy.deepcopy(model)
        with faster:
            got = model(x)
        torch.testing.assert_close(got, plain(x), rtol=1e-4, atol=1e-4)
        for ours, theirs in zip(model.buffers(), plain.buffers(), strict=True):
            torch.testing.assert_close(ours, theirs)
        assert called.count("pointwise") + called.count("depthwise") == convolutions


def test_two_runs_of_a_chain_have_each_its_gradients(called: list[str]) -> None:
    torch.manual_seed(0)
    model = _random(nn.Sequential(Bottleneck(8, 24, 8, Row(3, 0, 0, True, nn.ReLU, 1))))
    first, second = (torch.randn(4, 8, 4, 4).to(memory_format=torch.channels_last) for _ in range(2))
    with faster_on_cpu():
        losses = [model(x).square().sum() for x in (first, second)]
    got = [torch.autograd.grad(loss, model.parameters()) for loss in reversed(losses)]
    wanted = [torch.autograd.grad(model(x).square().sum(), model.parameters()) for x in (second, first)]
    for ours, theirs in zip(sum(got, ()), sum(wanted, ()), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def test_a_step_frees_what_it_kept_and_can_be_asked_to_keep_it(called: list[str]) -> None:
    layers = nn.Sequential(nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8))
    x = torch.randn(2, 4, 3, 3).to(memory_format=torch.channels_last)
    with faster_on_cpu():
        y = layers(x).square().sum()
    first = torch.autograd.grad(y, layers.parameters(), retain_graph=True)
    second = torch.autograd.grad(y, layers.parameters())
    assert all(map(torch.equal, first, second))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(y, layers.parameters())


def test_one_value_a_channel_is_refused_as_the_library_does(called: list[str]) -> None:
    layers = nn.Sequential(nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8))
    with pytest.raises(ValueError, match="more than 1 value"), faster_on_cpu():
        layers(torch.randn(1, 4, 1, 1))
    assert not Chain((1, 4, 1, 1)).takes(*layers)
