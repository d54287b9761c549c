"""State dicts as others save them: wrappers, prefixes, averages, other names; and values that no network can have."""

import argparse
import os
import re
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from microbotnet import BadInput, create_model
from microbotnet.compress.file import write_compressed
from microbotnet.training.checkpoint import load_checkpoint

State = dict[str, torch.Tensor]


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return create_model("microbotnet", width=0.25).eval()


def same(first: nn.Module, second: nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def prefixed(prefix: str) -> Callable[[State], State]:
    return lambda state: {prefix + key: value for key, value in state.items()}


@pytest.mark.parametrize(
    "dress",
    [
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model": s, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
        lambda s: {"model_state_dict": s, "args": argparse.Namespace(lr=0.1), "best": np.float64(0.8)},
        lambda s: {"state_dict": prefixed("model.")(s), "callbacks": {}, "hyper_parameters": {"width": 0.25}},
        lambda s: {"state_dict": prefixed("net.")(s) | {"loss.weight": torch.ones(10)}},
        prefixed("_orig_mod."),
        prefixed("_orig_mod.module."),
        prefixed("module._orig_mod."),
        lambda s: {"state_dict": prefixed("model._orig_mod.")(s)},
        lambda s: {re.sub(r"^features\.", "features._orig_mod.", key): value for key, value in s.items()},
    ],
    ids=["state_dict", "model", "model_state_dict", "lightning", "with-loss", "compiled", "both", "ddp", "all", "part"],
)
def test_every_common_dress_loads_without_a_word(
    tmp_path: Path, model: nn.Module, dress: Callable[[State], Any]
) -> None:
    torch.save(dress(model.state_dict()), tmp_path / "theirs.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(load_checkpoint(tmp_path / "theirs.pth").model, model)


def test_a_compiled_module_as_torch_saves_it(tmp_path: Path, model: nn.Module) -> None:
    torch.save(torch.compile(model).state_dict(), tmp_path / "compiled.pth")
    assert same(load_checkpoint(tmp_path / "compiled.pth").model, model)


def test_an_average_is_taken_and_said(tmp_path: Path, model: nn.Module) -> None:
    older = {key: value + 1 if value.is_floating_point() else value for key, value in model.state_dict().items()}
    state = model.state_dict()
    for content, name in [
        ({"state_dict": older, "state_dict_ema": state}, "state_dict_ema"),
        ({"model": older, "ema": {"decay": 0.999, "module": prefixed("module.")(state)}}, "ema"),
        ({"state_dict": prefixed("model.")(older) | prefixed("model_ema.")(state)}, "model_ema."),
    ]:
        torch.save(content, tmp_path / "average.pth")
        with pytest.warns(UserWarning, match=f"moving average \\({name}\\); the average is taken"):
            assert same(load_checkpoint(tmp_path / "average.pth").model, model)
    averaged = AveragedModel(model)
    torch.save(averaged.state_dict(), tmp_path / "swa.pth")
    assert same(load_checkpoint(tmp_path / "swa.pth").model, model)


def test_two_networks_in_a_file_are_not_chosen_from(tmp_path: Path, model: nn.Module) -> None:
    state = model.state_dict()
    torch.save(prefixed("student.")(state) | prefixed("teacher.")(state), tmp_path / "pair.pth")
    with pytest.raises(BadInput, match=r"several networks, under student\., teacher\."):
        load_checkpoint(tmp_path / "pair.pth")


def test_safetensors_without_a_card_loads_with_its_network_said(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = create_model("resnet8", num_classes=7).eval()
    save_file(net.state_dict(), tmp_path / "plain.safetensors")
    loaded = load_checkpoint(tmp_path / "plain.safetensors", {"name": "resnet8"})
    assert same(loaded.model, net)
    assert loaded.card["architecture"]["num_classes"] == 7
    assert loaded.card["data"]["classes"] == [str(i) for i in range(7)]


@pytest.mark.parametrize("name", ["resnet8", "ds-cnn", "deep-autoencoder", "mobilenet-v2"])
def test_a_network_of_the_zoo_is_recognised(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    net = create_model(name).eval()
    torch.save({"state_dict": prefixed("model.")(net.state_dict())}, tmp_path / "theirs.pth")
    loaded = load_checkpoint(tmp_path / "theirs.pth")
    assert loaded.card["architecture"]["name"] == name
    assert same(loaded.model, net)


def notes_names(state: State) -> State:
    """SqueezeNet as the notes name it: features.4.squeeze_bn, features.4.squeeze."""
    found = {}
    for key, value in state.items():
        key = re.sub(r"(squeeze|expand\dx\d)\.0\.", r"\1_bn.", key)
        found[re.sub(r"(squeeze|expand\dx\d)\.2\.", r"\1.", key)] = value
    return found


@pytest.mark.parametrize("order", ["as built", "convolutions first", "reversed"])
@pytest.mark.parametrize("said", [False, True])
def test_the_notes_squeezenet_loads_by_its_layers_names(tmp_path: Path, order: str, said: bool) -> None:
    torch.manual_seed(0)
    net = create_model("squeezenet-cifar").eval()
    state = notes_names(net.state_dict())
    assert "features.4.squeeze_bn.running_var" in state
    assert "features.13.expand3x3.weight" in state
    if order == "convolutions first":
        state = dict(sorted(state.items(), key=lambda item: "_bn" in item[0]))
    elif order == "reversed":
        state = dict(reversed(state.items()))
    torch.save({"net": state, "acc": 87.46, "epoch": 3}, tmp_path / "theirs.pth")
    with pytest.warns(UserWarning, match=r"48 layers have other names .* features\.4\.squeeze"):
        loaded = load_checkpoint(tmp_path / "theirs.pth", {"name": "squeezenet-cifar"} if said else None)
    assert loaded.card["architecture"]["name"] == "squeezenet-cifar"
    assert same(loaded.model, net)


def test_other_names_in_the_networks_order_are_matched_by_order(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = create_model("resnet8").eval()
    layers: dict[str, str] = {}
    state = {}
    for key, value in net.state_dict().items():
        layer, _, last = key.rpartition(".")
        state[f"{layers.setdefault(layer, f'layer{len(layers)}')}.{last}"] = value
    torch.save(state, tmp_path / "theirs.pth")
    with pytest.warns(UserWarning, match="matched by shape, name and order; layer0 is features.0"):
        assert same(load_checkpoint(tmp_path / "theirs.pth", {"name": "resnet8"}).model, net)
    torch.save(dict(reversed(state.items())), tmp_path / "theirs.pth")
    with pytest.raises(BadInput, match=r"have equal shapes and names that are not the network's .* cannot be told"):
        load_checkpoint(tmp_path / "theirs.pth", {"name": "resnet8"})


def test_names_that_contradict_the_order_are_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = notes_names(create_model("squeezenet-cifar").state_dict())
    swapped = {"expand1x1_bn": "expand3x3_bn", "expand3x3_bn": "expand1x1_bn"}
    state = {re.sub("expand.x._bn", lambda found: swapped[found[0]], key): value for key, value in state.items()}
    torch.save(state, tmp_path / "theirs.pth")
    with pytest.raises(BadInput, match=r"by its order .* by its name .* rename the layers"):
        load_checkpoint(tmp_path / "theirs.pth", {"name": "squeezenet-cifar"})


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("features.4.conv.7.weight", float("nan"), "'features.4.conv.7.weight' is NaN in 1 of"),
        ("features.4.conv.7.weight", float("inf"), "'features.4.conv.7.weight' is infinite in 1 of"),
        ("classifier.1.bias", float("-inf"), "'classifier.1.bias' is infinite"),
        ("features.0.1.running_var", -0.5, "'features.0.1.running_var' is a variance and has 1 negative"),
    ],
)
@pytest.mark.parametrize("form", ["pth", "safetensors", "mbz"])
def test_values_that_no_network_can_have_are_refused_by_name(
    tmp_path: Path, model: nn.Module, key: str, value: float, says: str, form: str
) -> None:
    state = deepcopy(model.state_dict())
    state[key].view(-1)[0] = value
    file = tmp_path / f"bad.{form}"
    architecture = {"name": "microbotnet", "width": 0.25, "num_classes": 10, "input_size": 32}
    if form == "pth":
        torch.save(state, file)
    elif form == "safetensors":
        save_file(state, file)
    else:
        card = {"architecture": architecture, "data": {"classes": ["a"] * 10, "mean": [0.5] * 3, "std": [0.2] * 3}}
        write_compressed(file, {k: v.numpy() for k, v in state.items()}, card)
    with pytest.raises(BadInput, match=r"bad\.\w+: " + re.escape(says)):
        load_checkpoint(file, None if form == "mbz" else architecture)


class _Bomb:
    def __reduce__(self) -> object:
        return os.mkdir, (os.environ["BOMB"],)


def test_code_beside_the_weights_is_named_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOMB", str(tmp_path / "trap"))
    for scalar in (_Bomb(), argparse.Namespace(inner=_Bomb())):
        torch.save({"state_dict": {}, "args": scalar}, tmp_path / "evil.ckpt")
        says = r"refused: the file carries code.*\(it would call posix\.mkdir\).*weights alone"
        with pytest.raises(BadInput, match=says):
            load_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "trap").exists()
