"""Rounding no longer shifts the mean of a channel."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from microbotnet import correct_biases, quantize_activations
from microbotnet.quant.activations import NAME


def pictures(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def loud(seed: int) -> nn.Module:
    """As networks are that 8 bits ruin: behind an expansion one channel is thirty times as large as the others."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 12, 1, bias=False), nn.BatchNorm2d(12), nn.Hardswish(),
        nn.Conv2d(12, 12, 3, groups=12, bias=False), nn.BatchNorm2d(12), nn.Hardswish(),
        nn.Conv2d(12, 8, 1, bias=False), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    with torch.no_grad():
        for module in model:
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-1, 1)
        model[1].weight[0] = 40
        model.train()
        for batch in range(30):
            model(pictures(64, 100 + batch))
    return model.eval()


def rounded(model: nn.Module, bits: int = 8) -> nn.Module:
    """With ranges as wide as the largest channel, so that there is something to mend."""
    copy = deepcopy(model)
    quantizers: Any = quantize_activations(copy, bits, (3, 8, 8))
    quantizers.watch = lambda key, x: quantizers[key].observe(x)
    copy(pictures(200))
    quantizers.watch = None
    return copy


@pytest.mark.parametrize("seed", range(4))
def test_other_pictures_come_nearer_to_the_unrounded_network(seed: int) -> None:
    model = loud(seed)
    copy = rounded(model)
    x = pictures(500, 1)
    with torch.no_grad():
        before = (copy(x) - model(x)).square().mean()
        correct_biases(copy, [pictures(100), pictures(100, 2)])
        after = (copy(x) - model(x)).square().mean()
    assert after < 0.7 * before


def test_the_outputs_have_their_means_again() -> None:
    model, x = loud(0), pictures(200)
    copy = rounded(model)
    with torch.no_grad():
        real, before = model(x).mean(0), copy(x).mean(0)
        correct_biases(copy, [x])
        after = copy(x).mean(0)
    assert (after - real).abs().max() < 0.1 * (before - real).abs().max()


def test_a_small_batch_counts_as_much_as_its_pictures() -> None:
    model, x = loud(0), pictures(200)
    odd, even = rounded(model), rounded(model)
    correct_biases(odd, [x[:190], x[190:]])
    correct_biases(even, [x])
    with torch.no_grad():
        assert (odd(x).mean(0) - even(x).mean(0)).abs().max() < 0.01 * even(x).std()


def test_a_shared_bias_and_one_that_is_not_there_stay() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 3, 3, padding=1)
    model = nn.Sequential(
        layer, nn.ReLU(), layer, nn.Conv2d(3, 4, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    copy = rounded(model, 4)
    before = {key: value.clone() for key, value in copy.state_dict().items()}
    correct_biases(copy, [pictures(200)])
    assert all(torch.equal(value, before[key]) for key, value in copy.state_dict().items())


@pytest.mark.parametrize("seed", range(10))
def test_it_never_takes_the_outputs_farther_away(seed: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Flatten(2),
        nn.Linear(36, 5),
        nn.Flatten(),
        nn.Linear(30, 4),
    ).eval()
    copy = rounded(model, 4)
    x = pictures(200)
    with torch.no_grad():
        before = (copy(x) - model(x)).square().sum()
        correct_biases(copy.train(), [x])
        assert copy.training
        after = (copy.eval()(x) - model(x)).square().sum()
    assert after <= before
    assert getattr(copy, NAME).watch is None
    assert getattr(copy, NAME).between is None
