"""What a training may change: blocks thaw from the head down; what is frozen stays to the bit."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from torch import nn

from microbotnet import BadInput, create_model
from microbotnet.quant.parametrize import quantize
from microbotnet.training.loop import TrainingSet, train
from microbotnet.training.recipe import Recipe
from microbotnet.training.tune import check_tune, freeze

RECIPE = Recipe(epochs=4, batch=32, learning_rate=0.1, momentum=0.9, average=0.5, zoom=0.5, jitter=0.2)


def _net() -> nn.Module:
    torch.manual_seed(0)
    return create_model("microbotnet", width=0.25)


def _thawed(model: nn.Module) -> set[str]:
    """The first two names of every parameter that may change."""
    return {".".join(name.split(".")[:2]) for name, value in model.named_parameters() if value.requires_grad}


def test_gradual_thaws_one_block_after_another_from_the_head_down() -> None:
    model, epochs = _net(), 28
    blocks = ["classifier.1", "features.13", *(f"features.{i}" for i in range(11, -1, -1))]
    for epoch in range(epochs):
        freeze(model, "gradual", epoch, epochs)
        # 13 blocks below the head thaw over 14 epochs, half of the run
        assert _thawed(model) == set(blocks[: 1 + min(13, 13 * epoch // 14)])
        modes = {name: module.training for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
        assert {".".join(name.split(".")[:2]) for name, on in modes.items() if on} == _thawed(model) - {
            "classifier.1",
            "features.13",
        }
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("name", ["microbotnet", "squeezenet-cifar", "resnet8", "mobilenet-v2", "mobilenet-v3-small"])
def test_head_is_the_last_layer_of_any_network_and_gradual_ends_with_all(name: str) -> None:
    model = create_model(name, num_classes=7, input_size=32)
    freeze(model, "head", 3, 10)
    free = [value for value in model.parameters() if value.requires_grad]
    assert {value.shape[0] for value in free} == {7}
    assert len(free) in (1, 2)
    assert not any(module.training for module in model.modules() if isinstance(module, nn.BatchNorm2d))
    freeze(model, "gradual", 5, 10)
    assert all(value.requires_grad for value in model.parameters())
    assert all(module.training for module in model.modules() if isinstance(module, nn.BatchNorm2d))


def test_head_leaves_everything_else_to_the_bit(tmp_path: Path, noise: TrainingSet) -> None:
    model = _net()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    kept, _ = train(model, noise, RECIPE, tmp_path, tune="head")
    changed = {key for key, value in kept.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"classifier.1.weight", "classifier.1.bias"}


def test_head_with_ternary_kernels(tmp_path: Path, noise: TrainingSet) -> None:
    model = _net()
    quantize(model, "notes", "one-negative-one", (3, 32, 32))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    kept, _ = train(model, noise, RECIPE, tmp_path, tune="head")
    changed = {key for key, value in kept.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"classifier.1.weight", "classifier.1.bias"}


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_gradual_unfreezing_goes_on_bit_for_bit(
    tmp_path: Path, noise: TrainingSet, dies_after: Callable[[int], AbstractContextManager[None]], stop: int
) -> None:
    """With zoomed views too."""
    whole, history = train(_net(), noise, RECIPE, tmp_path / "whole", tune="gradual")
    with dies_after(stop), pytest.raises(KeyboardInterrupt):
        train(_net(), noise, RECIPE, tmp_path / "cut", tune="gradual")
    rest, again = train(_net(), noise, RECIPE, tmp_path / "cut", tune="gradual")
    expected = whole.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in rest.state_dict().items())
    assert [record["loss"] for record in again] == [record["loss"] for record in history]


def test_another_word_is_refused() -> None:
    with pytest.raises(BadInput, match="all, gradual, head, not 'tail'"):
        check_tune("tail")
