"""Quantizers on whole networks; the published one-negative-one network."""

import copy
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from microbotnet import trace
from microbotnet.cost.memory import kernels_of
from microbotnet.data.source import open_source
from microbotnet.errors import BadInput
from microbotnet.nets import create_model
from microbotnet.quant import bake, quantize
from microbotnet.quant.parametrize import QUANTIZERS, computed_once, make_quantizer, quantized_layers
from microbotnet.quant.policy import Policy
from microbotnet.quant.ternary import OneNegativeOne
from microbotnet.quant.ttq import TTQ
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.training.session import evaluate_on

ONE_NEGATIVE_ONE = "checkpoints/micro_one_neg_one_x0_32.pytorch_state"


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 4),
    )  # fmt: skip


@pytest.mark.parametrize("name", QUANTIZERS)
def test_bake_keeps_keys_and_outputs(name: str) -> None:
    model = small().eval()
    keys, shape = set(model.state_dict()), (2, 3, 8, 8)
    pictures = torch.randn(shape)
    plain = model(pictures)
    layers = quantize(model, "all", name)
    assert [layer.name for layer in layers] == ["3", "6"]
    quantized = model(pictures)
    assert not torch.allclose(plain, quantized)
    assert bake(model) is model
    assert set(model.state_dict()) == keys
    assert torch.equal(model(pictures), quantized)
    assert not any(parametrize.is_parametrized(module) for module in model.modules())
    for layer in layers:
        assert len(model.state_dict()[f"{layer.name}.weight"].unique()) <= (2 if name == "binary" else 3)
    stem = model.state_dict()["0.weight"]
    assert all(3 < len(channel.unique()) <= 27 for channel in stem)  # 8 bits
    assert sum(parameter.requires_grad for parameter in model.parameters()) == len(list(model.parameters()))


def test_what_is_not_chosen_stays_as_it_is() -> None:
    model = create_model("microbotnet", width=0.32)
    before = copy.deepcopy(model.state_dict())
    names = {layer.name for layer in quantize(model, "notes", "twn")}
    bake(model)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]) == (key.removesuffix(".weight") not in names)


def test_training_reaches_full_precision_kernels_and_scales() -> None:
    model = small()
    quantize(model, "all", partial(TTQ, 0.3))
    parameters = dict(model.named_parameters())
    for name in ("3", "6"):
        assert parameters[f"{name}.parametrizations.weight.original"].ndim > 1
        assert parameters[f"{name}.parametrizations.weight.0.positive"].ndim == 0
        assert parameters[f"{name}.parametrizations.weight.0.negative"].ndim == 0
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    pictures, labels = torch.randn(16, 3, 8, 8), torch.arange(16) % 4
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_state_goes_through_a_copy_and_a_state_dict() -> None:
    model, other = small(), small()
    for network in model, other:
        quantize(network, "all", partial(TTQ, start="mean"))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    pictures = torch.randn(2, 3, 8, 8)
    other.load_state_dict(model.state_dict())
    twin = copy.deepcopy(model)
    assert torch.equal(model.eval()(pictures), other.eval()(pictures))
    assert torch.equal(model(pictures), twin.eval()(pictures))
    bake(twin)  # and the copy is one: the first is as it was
    assert parametrize.is_parametrized(model[3])  # type: ignore[index]


def test_float64_and_bfloat16_keep_their_dtype() -> None:
    for dtype in torch.float64, torch.bfloat16:
        model = small().to(dtype)
        quantize(model, "with-stem", "ttq")
        assert {parameter.dtype for parameter in model.parameters()} == {dtype}
        assert model(torch.randn(2, 3, 8, 8, dtype=dtype)).dtype == dtype


def test_the_graph_reads_quantized_kernels() -> None:
    model = create_model("microbotnet", width=0.32)
    names = {layer.name for layer in quantize(model, "notes", "one-negative-one")}
    ternary = {
        kernel.name.removesuffix(".weight") for kernel in kernels_of(trace(model, (3, 32, 32))) if kernel.ternary
    }
    assert ternary == names


def test_layers_before_a_batch_norm_have_no_scale_the_others_one() -> None:
    model = create_model("microbotnet", width=0.32)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    layers = quantize(model, "pointwise", "one-negative-one")
    bake(model)
    scaled = set()
    for layer in layers:
        values = model.state_dict()[f"{layer.name}.weight"].unique().tolist()
        if values != [-1, 0, 1]:
            scaled.add(layer.name)
            latent = before[f"{layer.name}.weight"]
            alpha = latent.abs()[latent.abs() > 0.05 * latent.abs().max()].mean().item()
            assert values == pytest.approx([-alpha, 0, alpha])
    gates = {layer.name for layer in layers if layer.kind == "se"}
    assert len(gates) == 18
    assert scaled == gates | {"features.13", "classifier.1"}


@pytest.mark.parametrize(("policy", "scaled"), [("notes", False), ("notes-scaled", True)])
def test_the_notes_had_no_scales(policy: str, scaled: bool) -> None:
    model = create_model("microbotnet", width=0.32)
    layers = quantize(model, policy, "one-negative-one")
    bake(model)
    assert len(layers) == 31
    for layer in layers:
        values = model.state_dict()[f"{layer.name}.weight"].unique().tolist()
        assert (values == [-1, 0, 1]) == (layer.kind != "se" or not scaled), layer.name


@pytest.mark.parametrize("scaled", [True, False])
def test_a_quantizer_that_says_so_is_left_alone(scaled: bool) -> None:
    model = small()
    quantize(model, "with-stem", partial(OneNegativeOne, scaled=scaled), (1, 1, 1))  # a shape that cannot be traced
    assert [model[i].parametrizations.weight[0].scaled for i in (0, 3, 6)] == [scaled] * 3  # type: ignore[index, union-attr]


def test_a_picture_that_does_not_fit_is_bad_input() -> None:
    model = small()
    with pytest.raises(BadInput, match="cannot take what a 1×9×9 picture"):
        quantize(model, "all", "one-negative-one", (1, 9, 9))
    assert not any(parametrize.is_parametrized(module) for module in model.modules())


def test_refusals_change_nothing() -> None:
    model = small()
    quantize(model, Policy("conv", kinds=("conv",)), "twn")
    with pytest.raises(BadInput, match="layer 0: its weight has a parametrization already"):
        quantize(model, "with-stem", "twn")
    assert not parametrize.is_parametrized(model[6])  # type: ignore[index]
    model = small()
    with torch.no_grad():
        model[6].weight[0, 0] = float("nan")  # type: ignore[index, union-attr, operator]
    with pytest.raises(BadInput, match="layer 6: its weight holds NaN"):
        quantize(model, "all", "twn")
    assert not parametrize.is_parametrized(model[3])  # type: ignore[index]
    with pytest.raises(BadInput, match="did you mean 'absmean'"):
        make_quantizer("abs-mean")


def test_quantizers_take_only_their_own_options() -> None:
    module = make_quantizer("ttq", threshold=0.1, start=None)()
    assert isinstance(module, TTQ)
    assert (module.threshold, module.start) == (0.1, "mean")
    with pytest.raises(BadInput, match="absmean has no threshold"):
        make_quantizer("absmean", threshold=0.1)
    with pytest.raises(BadInput, match="under 1, not 2"):
        make_quantizer("twn", threshold=2.0)


def test_the_published_one_negative_one_network(shared: Path) -> None:
    model = load_checkpoint(shared / ONE_NEGATIVE_ONE).model
    layers = quantize(model, "notes", partial(OneNegativeOne, 0.0))  # Δ = 0: the signs
    bake(model)
    state = model.state_dict()
    values = torch.cat([state[f"{layer.name}.weight"].flatten() for layer in layers])
    assert len(layers) == 31
    assert [int((values == value).sum()) for value in (1, 0, -1)] == [12_222, 134_124, 7_446]
    assert sum(parameter.numel() for parameter in model.parameters()) - len(values) == 82_866


def test_the_published_one_negative_one_network_scores_as_measured(shared: Path, cifar10_folder: Path) -> None:
    checkpoint = load_checkpoint(shared / ONE_NEGATIVE_ONE)
    quantize(checkpoint.model, "notes", "one-negative-one")
    bake(checkpoint.model)
    assert evaluate_on(checkpoint, open_source(cifar10_folder))["top1"] == pytest.approx(72.30, abs=0.02)


def test_kernels_computed_once_give_the_same_and_hear_of_every_use() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 8, 1, bias=False)
    model = nn.Sequential(layer, nn.BatchNorm2d(8), layer, nn.BatchNorm2d(8))  # one kernel, used twice
    quantize(model, "with-stem", "ttq")
    pictures = torch.randn(4, 8, 6, 6)
    found = []
    for layers in [], quantized_layers(model):
        calls: list[int] = []
        hook = layer.parametrizations.weight[0].register_forward_hook(lambda *_: calls.append(1))  # type: ignore[index, union-attr]  # noqa: B023
        with computed_once(layers):
            value = layer.weight
            model(pictures).square().mean().backward()
        hook.remove()
        assert len(calls) == 1
        found.append(
            [value, *(parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None)]
        )
        model.zero_grad()
    assert len(found[0]) == 8
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)
    assert layer.weight is not layer.weight  # computed anew outside
