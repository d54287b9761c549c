"""Full-precision kernels stay in their range."""

import pytest
import torch
from torch import nn

from microbotnet.quant import quantize
from microbotnet.quant.latent import clip_latent
from microbotnet.training.loop import make_optimizer
from microbotnet.training.recipe import Recipe


def _network(quantizer: str) -> tuple[nn.Sequential, nn.Parameter]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4))
    with torch.no_grad():
        model[0].weight.mul_(20)  # type: ignore[operator]
    quantize(model, "with-stem", quantizer)
    return model, model[0].parametrizations.weight.original  # type: ignore[union-attr, return-value]


def test_binary_kernels_are_clipped_and_no_others() -> None:
    model, latent = _network("binary")
    before = latent.detach().clone()
    scale = model[1].weight.detach().clone().mul_(3)  # type: ignore[operator]
    model[1].weight.data.copy_(scale)  # type: ignore[union-attr]
    clip_latent(model)
    assert before.abs().max() > 1
    assert torch.equal(latent, before.clamp(-1, 1))
    assert torch.equal(model[1].weight, scale)
    model, latent = _network("one-negative-one")
    before = latent.detach().clone()
    clip_latent(model)
    assert torch.equal(latent, before)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_every_step_of_the_optimizer_clips(name: str) -> None:
    model, latent = _network("binary")
    clip_latent(model)
    optimizer = make_optimizer(model, Recipe(optimizer=name, learning_rate=5.0, weight_decay=0.0))
    (1e6 * model(torch.randn(8, 3, 9, 9)).square().sum()).backward()
    optimizer.step()
    assert latent.abs().max() == 1
