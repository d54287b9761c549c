"""Shapes against torch itself, on real tensors."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from microbotnet import BadInput, trace


class Call(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def same_as_torch(module: nn.Module, shape: tuple[int, ...]) -> None:
    try:
        with torch.no_grad():
            expected = tuple(module.eval()(torch.randn(1, *shape)).shape[1:])
    except RuntimeError:
        with pytest.raises(BadInput):
            trace(module, shape)
        return
    if 0 in expected:
        return
    graph = trace(module, shape)
    assert graph[graph.outputs[0]].shape == expected


small = st.integers(1, 5)


@settings(max_examples=60)
@given(st.integers(1, 9), st.integers(1, 9), small, st.integers(1, 3), st.integers(0, 3), st.integers(1, 2), small)
def test_conv2d(height: int, width: int, kernel: int, stride: int, padding: int, dilation: int, channels: int) -> None:
    same_as_torch(nn.Conv2d(2, channels, (kernel, 2), stride, padding, dilation), (2, height, width))


@settings(max_examples=60)
@given(st.integers(1, 12), small, st.integers(1, 3), st.integers(0, 2), st.booleans(), st.sampled_from("am"))
def test_pools(size: int, kernel: int, stride: int, padding: int, ceil: bool, which: str) -> None:
    pool = {"a": nn.AvgPool2d, "m": nn.MaxPool2d}[which]
    same_as_torch(pool(kernel, stride, padding, ceil_mode=ceil), (2, size, size + 1))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.pad(x, (1, 2, 0, 3)),
        lambda x: F.pad(x, (0, 0, 0, 0, 0, 2), value=1.0),
        lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
        lambda x: torch.cat([x, x[:, :2]], dim=1),
        lambda x: torch.cat([x, x], dim=-1),
        lambda x: x * torch.ones(3, 1, 1) + 2,
        lambda x: x[:, :, :1] + x[:, :, :, :1],
        lambda x: torch.where(x >= 0, 1.0, -1.0) * x,
        lambda x: F.adaptive_avg_pool2d(x, (2, 1)),
        lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True),
        lambda x: F.linear(x, torch.ones(7, 6)),
        lambda x: F.conv2d(x, torch.ones(4, 3, 3, 3), padding="same"),
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: torch.stack([x, x], 1).flatten(1, 2),
        lambda x: x.chunk(3, dim=1)[2],
        lambda x: x.permute(0, 2, 3, 1).softmax(-1),
    ],
)
def test_other_operators(function) -> None:
    same_as_torch(Call(function), (3, 5, 6))


def test_what_torch_refuses_is_refused() -> None:
    for module in (nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.Linear(5, 2), Call(lambda x: x + torch.ones(4, 1, 1))):
        same_as_torch(module, (3, 6, 6))
        with pytest.raises(BadInput):
            trace(module, (3, 6, 6))
