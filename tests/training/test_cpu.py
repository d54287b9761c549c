"""The fast ways of a training step on a CPU give what the library gives, values and gradients."""

import copy
from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from microbotnet.nets import create_model
from microbotnet.training import cpu, native
from microbotnet.training.cpu import faster_on_cpu

LIBRARY = F.conv2d, F.adaptive_avg_pool2d, F.batch_norm, nn.Sequential.forward


@pytest.fixture
def without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library", lambda: None)


def _with_gradients(function: Callable[..., torch.Tensor], *inputs: torch.Tensor) -> list[torch.Tensor]:
    """What `function` returns for the inputs, and the gradients of a weighted sum of it."""
    inputs = tuple(x.detach().clone().requires_grad_() for x in inputs)
    y = function(*inputs)
    weighted = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).reshape(y.shape)).sum()
    return [y.detach(), *torch.autograd.grad(weighted, inputs)]


def _check(function: Callable[..., torch.Tensor], *inputs: torch.Tensor) -> None:
    expected = _with_gradients(function, *(x.double() for x in inputs))
    with faster_on_cpu():
        got = _with_gradients(function, *inputs)
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-4)


batches, channels, layouts = (
    st.integers(1, 5),
    st.integers(2, 9),
    st.sampled_from(["channels_last", "contiguous_format"]),
)


def _random(*shape: int, layout: str = "contiguous_format") -> torch.Tensor:
    return torch.randn(shape).to(memory_format=getattr(torch, layout))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batches, channels, st.integers(1, 8), st.integers(1, 8), st.sampled_from([5, 7]), st.integers(1, 3), layouts)
@pytest.mark.usefixtures("without_compiler")
def test_depthwise_convolutions_on_any_small_map(
    batch: int, channels: int, height: int, width: int, kernel: int, stride: int, layout: str
) -> None:
    x, weight = _random(batch, channels, height, width, layout=layout), _random(channels, 1, kernel, kernel)
    _check(lambda x, weight: F.conv2d(x, weight, None, stride, kernel // 2, 1, channels), x, weight)


@settings(max_examples=40)
@given(batches, channels, channels, st.integers(1, 5), st.integers(1, 5), st.integers(1, 2), st.booleans(), layouts)
def test_1x1_convolutions_on_any_small_map(
    batch: int, inputs: int, outputs: int, height: int, width: int, stride: int, bias: bool, layout: str
) -> None:
    x, weight = _random(batch, inputs, height, width, layout=layout), _random(outputs, inputs, 1, 1)
    _check(
        lambda x, weight, *bias: F.hardswish(F.conv2d(x, weight, *bias, stride=stride), inplace=True),
        *(x, weight, _random(outputs)) if bias else (x, weight),
    )


@settings(max_examples=20)
@given(batches, channels, st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, (1, 1), (1, 2), (None, 1)]))
def test_averages(batch: int, channels: int, height: int, width: int, size: int | tuple[int | None, int]) -> None:
    _check(lambda x: F.adaptive_avg_pool2d(x, size) * x.mean(), _random(batch, channels, height, width))


def test_a_whole_network_gets_the_same_gradients_without_a_compiler(
    without_compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = create_model("microbotnet", width=0.25).to(memory_format=torch.channels_last).eval()  # eval: no dropout
    x, y = _random(4, 3, 32, 32, layout="channels_last"), torch.arange(4)
    used = []
    depthwise, linear = cpu._DepthwiseConv2d.apply, F.linear
    monkeypatch.setattr(cpu._DepthwiseConv2d, "apply", lambda *args: used.append(5) or depthwise(*args))
    monkeypatch.setattr(F, "linear", lambda x, *args: used.append(x.ndim) or linear(x, *args))

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    expected = gradients()
    assert set(used) == {2}, "the classifier and squeeze-and-excite only"
    used.clear()
    with faster_on_cpu():
        got = gradients()
    assert used.count(5) == 9, "the nine 5×5 depthwise convolutions"
    assert used.count(4) == 11, "the 1×1 convolutions from the sixth block's last on"
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 8, 5, padding=2, groups=4, bias=False),  # two filters a channel
        nn.Conv2d(4, 4, 5, padding=2, groups=4),  # bias
        nn.Conv2d(4, 4, 5, padding=4, dilation=2, groups=4, bias=False),
        nn.Conv2d(4, 4, (5, 3), padding=(2, 1), groups=4, bias=False),
        nn.Conv2d(4, 4, 5, padding="same", groups=4, bias=False),
        nn.Conv2d(4, 4, 1, groups=2),
        nn.Conv2d(4, 4, 1, padding=1),
        nn.Conv2d(4, 4, 1, stride=(1, 2)),
        nn.Conv2d(4, 4, 3),
    ],
)
def test_other_convolutions_are_left_alone(conv: nn.Conv2d) -> None:
    x = torch.randn(2, 4, 4, 4)
    expected = torch.autograd.grad(conv(x).sum(), conv.weight)
    with faster_on_cpu():
        got = torch.autograd.grad(conv(x).sum(), conv.weight)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


def test_frozen_kernels_and_other_types_of_number() -> None:
    x = _random(2, 4, 4, 4, layout="channels_last")
    for conv in (nn.Conv2d(4, 4, 5, padding=2, groups=4, bias=False), nn.Conv2d(4, 4, 1)):
        conv.requires_grad_(False)
        _check(conv.double(), x.double())
        _check(lambda x, conv=conv: conv.to(x.dtype)(x), x)
        with faster_on_cpu(), torch.autocast("cpu", torch.bfloat16):
            assert conv.float()(x).dtype == torch.bfloat16


def test_the_library_is_put_back() -> None:
    def fail() -> None:
        assert F.conv2d is not LIBRARY[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), faster_on_cpu():
        fail()
    assert (F.conv2d, F.adaptive_avg_pool2d, F.batch_norm, nn.Sequential.forward) == LIBRARY


ACTIVATIONS = st.sampled_from([nn.Hardswish, nn.ReLU, nn.ReLU6, None])
_fixture_ok = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)  # the fixture keeps nothing from one example to the next


@_fixture_ok
@given(batches, st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), ACTIVATIONS, st.booleans())
def test_batch_norms_with_what_follows_them(
    called: list[str], batch: int, eights: int, height: int, width: int, kind: type[nn.Module] | None, inplace: bool
) -> None:
    called.clear()
    channels, pixels = 8 * eights, batch * height * width
    layers = [nn.BatchNorm2d(channels, momentum=0.3), nn.Identity(), *([kind(inplace=inplace)] if kind else [])]
    ours = nn.Sequential(*layers)
    nn.init.normal_(ours[0].weight)
    nn.init.normal_(ours[0].bias)
    library = copy.deepcopy(ours).double()
    x = 3 * _random(batch, channels, height, width, layout="channels_last") + torch.randn(channels, 1, 1) * 30
    if pixels == 1:
        with pytest.raises(ValueError, match="more than 1 value"), faster_on_cpu():
            ours(x)
        return
    found = []
    for model, seen in ((ours, x), (library, x.double())):
        seen = seen.clone().requires_grad_()
        with faster_on_cpu():
            y = model(seen)
        y.backward((torch.arange(y.numel()) % 7 - 3.5).reshape(y.shape).to(y.dtype))
        found.append([y, seen.grad, *(p.grad for p in model.parameters()), *(b.double() for b in model.buffers())])
    assert called == ([] if eights % 2 and pixels % 2 else ["norm_forward", "norm_backward"])
    deviation = (
        x.double().var((0, 2, 3), correction=0).sqrt().min()
    )  # rounding grows with what small ones are divided by
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got.double(), wanted, rtol=1e-3, atol=1e-3 / min(1, float(deviation)) ** 3)


@pytest.mark.parametrize("name", ["grain-m", "microbotnet"])
def test_a_whole_network_gets_the_same_gradients_from_compiled_functions(called: list[str], name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, **({"width": 0.25} if name == "microbotnet" else {}))
    model = model.to(memory_format=torch.channels_last).train()
    x, y = _random(16, 3, 32, 32, layout="channels_last"), torch.arange(16) % 10

    def trained() -> list[torch.Tensor]:
        one = copy.deepcopy(model)
        torch.manual_seed(1)
        F.cross_entropy(one(x), y).backward()
        return [*(p.grad for p in one.parameters() if p.grad is not None), *one.buffers()]

    expected = trained()
    with faster_on_cpu():
        got, again = trained(), trained()
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    depthwise = sum(isinstance(module, nn.Conv2d) and module.groups > 1 for module in model.modules())
    for way in "", "_backward":
        assert called.count("depthwise" + way) == 2 * depthwise
        assert called.count("pointwise" + way) == 2 * (norms - depthwise - 1)
        assert called.count("convolution" + way) == 2, "the first"
    for ours, theirs, once_more in zip(got, expected, again, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
        assert torch.equal(ours, once_more)


def test_hooks_see_what_they_saw(called: list[str]) -> None:
    layers = nn.Sequential(nn.BatchNorm2d(16), nn.Hardswish()).to(memory_format=torch.channels_last)
    x = _random(4, 16, 4, 4, layout="channels_last")
    seen = []
    layers[0].register_forward_hook(lambda module, args, result: seen.append(result))
    with faster_on_cpu():
        y = layers(x)
    torch.testing.assert_close(F.hardswish(seen[0]), y, rtol=0, atol=0)
    assert seen[0].min() < -1


def test_where_no_compiler_works_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.Library, "load", lambda self: None)
    native.library.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="no C compiler works here") as said:
            assert not any(native.in_use() for _ in range(3))
        assert len(said) == 1
    finally:
        native.library.cache_clear()


def test_with_several_threads_the_library_computes(called: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            assert native.in_use() == (count == 1)
    finally:
        torch.set_num_threads(threads)
