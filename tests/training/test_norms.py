"""Batch-norm statistics taken anew: by hand, and at the end of a training of quantized kernels."""

from pathlib import Path

import pytest
import torch
from torch import nn

from microbotnet.quant import quantize
from microbotnet.training.loop import TrainingSet, train
from microbotnet.training.norms import reestimate_norms
from microbotnet.training.recipe import Recipe


def test_by_hand() -> None:
    norm = nn.BatchNorm2d(1)
    norm.running_mean.fill_(7)  # type: ignore[union-attr]
    batches = [torch.tensor([[[[0.0]]], [[[2.0]]]]), torch.tensor([[[[4.0]]], [[[10.0]]]])]
    reestimate_norms(norm.eval(), batches)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.running_mean.item() == 4  # of 1 and 7
    assert norm.running_var.item() == 10  # of 2 and 18
    assert norm.momentum == 0.1
    assert not norm.training


def test_a_network_without_norms_stays_as_it_is() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 1))
    before = model[0].weight.clone()
    reestimate_norms(model, [torch.randn(2, 3, 4, 4)])
    assert torch.equal(model[0].weight, before)


@pytest.mark.parametrize("average", [0.0, 0.99])
@pytest.mark.parametrize("holdout", [0, 64])
def test_a_training_ends_with_the_statistics_of_its_weights(tmp_path: Path, average: float, holdout: int) -> None:
    images = torch.randint(0, 256, (320, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pictures = TrainingSet("noise", images, torch.arange(320) % 4, (0.5,) * 3, (0.2,) * 3)
    apart = {}
    for again in False, True:
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, 4),
        )  # fmt: skip
        quantize(model, "with-stem", "one-negative-one")
        recipe = Recipe(
            epochs=2, batch=32, learning_rate=0.1, average=average, reestimate_norms=again, holdout=holdout, crop=0,
            flip=False,
        )  # fmt: skip
        kept, _ = train(model, pictures, recipe, tmp_path / str(again))
        assert not kept.training
        seen = (images[: 320 - holdout] / 255 - 0.5) / 0.2
        with torch.no_grad():
            true = kept[0](seen).mean((0, 2, 3))  # type: ignore[index, operator]
        apart[again] = (kept[1].running_mean - true).abs().max().item()  # type: ignore[index, union-attr, operator]
    assert apart[True] < 1e-4 < apart[False]
