"""Kernels that stand still at the end of a training: which, from when on, and with what values."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from microbotnet import BadInput, create_model
from microbotnet.quant.parametrize import quantize, quantized_layers
from microbotnet.training import loop
from microbotnet.training.loop import TrainingSet, train
from microbotnet.training.recipe import Recipe, load_recipe
from microbotnet.training.settle import settles

RECIPE = Recipe(epochs=4, batch=32, learning_rate=0.1, momentum=0.9, average=0.9, settle=0.5)


def _net() -> nn.Module:
    torch.manual_seed(0)
    model = create_model("microbotnet", width=0.25)
    quantize(model, "pointwise", "one-negative-one")
    return model


def _states(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, dict[str, Tensor]]]:
    """What every snapshot holds, in a list that fills while a network is trained."""
    kept: list[dict[str, dict[str, Tensor]]] = []
    save = loop.save_snapshot

    def save_and_keep(*args: Any) -> None:
        save(*args)
        kept.append({which: {key: value.clone() for key, value in state.items()} for which, state in args[3].items()})

    monkeypatch.setattr(loop, "save_snapshot", save_and_keep)
    return kept


def _latent(model: nn.Module) -> tuple[set[str], set[str]]:
    """The keys of the ternary kernels' full-precision values, and of those rounded to 8 bits."""
    found: tuple[set[str], set[str]] = (set(), set())
    names = {module: name for name, module in model.named_modules()}
    for layer in quantized_layers(model):
        bits = layer.parametrizations.weight[0].bits  # type: ignore[union-attr, index]
        found[bits == 8].add(f"{names[layer]}.parametrizations.weight.original")
    return found


def test_ternary_kernels_take_the_mean_at_half_and_stay(
    tmp_path: Path, noise: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = _states(monkeypatch)
    kept, _ = train(_net(), noise, RECIPE, tmp_path)
    ternary, rounded = _latent(kept)
    assert len(ternary) > 10
    assert rounded
    mean, last = states[1]["averaged"], kept.state_dict()
    for key in ternary:
        assert not torch.equal(states[0]["model"][key], states[1]["model"][key])
        for state in (states[2]["model"], states[3]["model"], last):
            assert torch.equal(state[key], mean[key])
    others = {key for key, value in last.items() if value.is_floating_point()} - ternary
    assert not {key for key in others & rounded if torch.equal(states[1]["model"][key], states[3]["model"][key])}


def test_it_goes_on_bit_for_bit(
    tmp_path: Path, noise: TrainingSet, dies_after: Callable[[int], AbstractContextManager[None]]
) -> None:
    whole, history = train(_net(), noise, RECIPE, tmp_path / "whole")
    for stop in (2, 3):
        with dies_after(stop), pytest.raises(KeyboardInterrupt):
            train(_net(), noise, RECIPE, tmp_path / f"{stop}")
        rest, again = train(_net(), noise, RECIPE, tmp_path / f"{stop}")
        expected = whole.state_dict()
        assert all(torch.equal(value, expected[key]) for key, value in rest.state_dict().items())
        assert [record["loss"] for record in again] == [record["loss"] for record in history]


def test_the_recipe_settles_and_a_contradiction_is_refused() -> None:
    assert load_recipe("settle").settle == 0.5
    with pytest.raises(BadInput, match="leave one out"):
        load_recipe("settle", {"restart_from_best": True, "holdout": 100})


def test_ternary_kernels_settle_in_one_process_and_float_ones_may_be_trained_in_several(
    tmp_path: Path, noise: TrainingSet
) -> None:
    two: Any = SimpleNamespace(world_size=2)
    with pytest.raises(BadInput, match="one process"):
        train(_net(), noise, RECIPE, tmp_path, fabric=two)
    assert settles(_net())
    assert not settles(create_model("microbotnet", width=0.25))
    assert load_recipe("transfer").settle > 0
