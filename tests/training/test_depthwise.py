"""The fast gradient of depthwise convolutions equals autograd's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from microbotnet.nets import create_model
from microbotnet.training import depthwise
from microbotnet.training.depthwise import FastDepthwiseGradient


def _gradients(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: int) -> list[torch.Tensor]:
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = F.conv2d(x, weight, None, (stride, stride), (padding, padding), (1, 1), len(weight))
    return list(torch.autograd.grad((y * torch.linspace(-1, 1, y.numel()).reshape(y.shape)).sum(), [x, weight]))


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 5),
    channels=st.integers(2, 9),
    height=st.integers(1, 8),
    width=st.integers(1, 8),
    kernel=st.sampled_from([5, 7]),
    stride=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_equals_autograd_on_any_small_map(
    batch: int, channels: int, height: int, width: int, kernel: int, stride: int, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, channels, height, width, generator=random)
    weight = torch.randn(channels, 1, kernel, kernel, generator=random)
    expected = _gradients(x.double(), weight.double(), stride, kernel // 2)
    with FastDepthwiseGradient():
        got = _gradients(x, weight, stride, kernel // 2)
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-4)


def test_a_whole_network_gets_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = create_model("microbotnet", width=0.25).eval()  # eval: no dropout between the two passes
    x, y = torch.randn(4, 3, 32, 32), torch.arange(4)
    used = []
    apply = depthwise._DepthwiseConv2d.apply
    monkeypatch.setattr(depthwise._DepthwiseConv2d, "apply", lambda *args: used.append(1) or apply(*args))

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    expected = gradients()
    assert not used
    with FastDepthwiseGradient():
        got = gradients()
    assert len(used) == 9, "the nine 5×5 depthwise convolutions"
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
    ],
)
def test_other_convolutions_are_left_alone(conv: nn.Conv2d) -> None:
    x = torch.randn(2, 4, 6, 6)
    expected = torch.autograd.grad(conv(x).sum(), conv.weight)
    with FastDepthwiseGradient():
        got = torch.autograd.grad(conv(x).sum(), conv.weight)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)
