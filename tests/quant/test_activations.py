"""Activations rounded in training: which ones, to what values, with which gradient, and that nothing else changes."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from microbotnet.errors import BadInput, Failed
from microbotnet.graph.trace import trace
from microbotnet.nets import SqueezeExcite, create_model
from microbotnet.quant import bake, quantize
from microbotnet.quant.activations import (
    ActivationQuantizer,
    ActivationQuantizers,
    affine,
    quantize_activations,
)
from microbotnet.quant.calibration import calibrate
from microbotnet.quant.stages import cut
from microbotnet.training.checkpoint import load_checkpoint, save_checkpoint
from microbotnet.training.loop import TrainingSet, train
from microbotnet.training.recipe import Recipe


def conv_bn(inputs: int, outputs: int, kernel: int = 1, *, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


class Everything(nn.Module):
    """A bit of all: fused ReLU, a table, squeeze-and-excite, a sum, a concatenation, pools, a function in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.block = nn.Sequential(*conv_bn(8, 8, 3, groups=8), SqueezeExcite(8, 4), nn.Hardswish(inplace=True))
        self.left, self.right = nn.Conv2d(8, 4, 1), nn.Sequential(*conv_bn(8, 4))
        self.drop, self.head = nn.Dropout(0.1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.block(x)
        x = torch.cat([F.relu(self.left(x)), self.right(x)], 1)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.head(self.drop(x))  # type: ignore[no-any-return]


def pictures(count: int = 4, seed: int = 0, size: int = 8) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def quantized(bits: int = 8, *, learned: bool = False) -> tuple[Everything, ActivationQuantizers]:
    torch.manual_seed(1)
    model = Everything()
    with torch.no_grad():
        for _ in range(3):  # statistics of batch norms
            model.train()(pictures(16))
    quantizers = quantize_activations(model.eval(), bits, (3, 8, 8), learned=learned)
    return model, quantizers


def test_the_points_of_a_network() -> None:
    found = {name: point.bits for name, point in cut(trace(Everything(), (3, 8, 8)), 4).points.items()}
    assert found == {
        "input": 8,
        "stem.2": 4,  # after the ReLU; neither the convolution nor the batch norm before it
        "block.1": 4,
        "block.2.pool": 4,
        "block.2.fc.1": 4,
        "block.2.fc.2": 8,  # where the table of the h-sigmoid is read
        "block.2.fc.3": 4,
        "block.2.mul": 8,  # where the table of the h-swish is read
        "block.3": 4,
        "add": 4,
        "concat": 4,  # its two inputs are made for it and have its range
        "avg_pool": 4,
        "head": 16,
    }


_SIZES = st.just(0.0) | st.floats(2**-10, 50, width=32)  # a range of 1e-38 is none


@given(_SIZES.map(lambda size: -size), _SIZES, st.sampled_from([2, 4, 8]))
def test_zero_is_a_value_and_the_range_is_covered(low: float, high: float, bits: int) -> None:
    quantizer = ActivationQuantizer(bits, -torch.inf, torch.inf)
    quantizer.set(torch.tensor(low), torch.tensor(high))
    scale, zero_point = quantizer.scale_and_zero_point()
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    assert least <= zero_point <= most
    assert quantizer(torch.zeros(1)).item() == 0
    made = quantizer(torch.tensor([low, high, low * 2, high * 2]))
    assert (made - torch.tensor([low, high, low, high])).abs().max() <= scale * 0.5001 + 1e-28
    assert made.min() >= scale * (least - zero_point) * 1.0001
    assert made.max() <= scale * (most - zero_point) * 1.0001


def test_values_by_hand() -> None:
    quantizer = ActivationQuantizer(4, -torch.inf, torch.inf)
    quantizer.set(torch.tensor(-1.0), torch.tensor(2.0))  # scale 3/15 = 0.2, zero point −8 + 5 = −3
    assert quantizer.scale_and_zero_point() == (pytest.approx(0.2), -3)
    x = torch.tensor([-9.0, -1.0, -0.29, 0.09, 0.11, 1.0, 2.0, 9.0])
    assert_close(quantizer(x), torch.tensor([-1.0, -1.0, -0.2, 0.0, 0.2, 1.0, 2.0, 2.0]))
    assert affine(-3.0, 1.0, 16) == (6 / 32767, 0)  # symmetric, twice the room
    assert affine(0.0, 0.0, 8) == (1.0, -128)


def definition(x: Tensor, low: Tensor, high: Tensor, bits: int) -> Tensor:
    """x̂ with round(·) passed straight through, for autograd."""
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def straight(v: Tensor) -> Tensor:
        return v + (v.round() - v).detach()

    scale = (high - low) / (most - least)
    zero_point = straight(least - low / scale)
    return scale * (
        (straight(x / scale + zero_point.detach()) - zero_point.detach() + zero_point).clamp(least, most) - zero_point
    )


@pytest.mark.parametrize("bits", [4, 8])
def test_the_gradient_is_the_definitions(bits: int) -> None:
    x = (torch.randn(500, generator=torch.Generator().manual_seed(0)) * 2).double().float()
    upstream = torch.randn(500, generator=torch.Generator().manual_seed(1))
    inside = (x > -1) & (x < 2.5)
    fixed = ActivationQuantizer(bits, -torch.inf, torch.inf)
    fixed.set(torch.tensor(-1.0), torch.tensor(2.5))
    leaf = x.clone().requires_grad_()
    fixed(leaf).backward(upstream)
    step = 3.5 / (2**bits - 1)
    sure = ((x + 1).abs() > step) & ((x - 2.5).abs() > step)  # rounding decides at the border itself
    assert leaf.grad is not None
    assert_close(leaf.grad[sure], (upstream * inside)[sure])

    learned = ActivationQuantizer(bits, -torch.inf, torch.inf, learned=True)
    learned.set(torch.tensor(-1.0), torch.tensor(2.5))
    leaf = x.clone().requires_grad_()
    made = learned(leaf)
    made.backward(upstream)
    assert_close(made, fixed(x))
    assert leaf.grad is not None
    assert_close(leaf.grad[sure], (upstream * inside)[sure])
    below, above = x < -1, x > 2.5
    error = torch.where(inside, (made.detach() - x) / 3.5, 0.0)
    share = len(x) ** -0.5
    # the border's own rounding (the zero point is whole) leaves a part of a step in the sums
    slack = 2 * step * float(upstream.abs().sum()) * share / 3.5
    for parameter, beyond, sign in ((learned.low, below, -1), (learned.high, above, 1)):
        assert parameter.grad is not None
        expected = (upstream * (beyond.float() + sign * error)).sum() * share
        assert_close(parameter.grad, expected, atol=slack, rtol=0)
    # against autograd of the definition, at a range whose zero point is whole: no slack
    low, high = (torch.tensor(v, requires_grad=True) for v in (-1.0, -1.0 + (2**bits - 1) / 8))
    learned.set(low.detach(), high.detach())
    learned.zero_grad()
    learned(x).backward(upstream)
    definition(x, low, high, bits).backward(upstream)
    for parameter, other in ((learned.low, low), (learned.high, high)):
        assert parameter.grad is not None
        assert other.grad is not None
        assert_close(parameter.grad, other.grad * share, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("bits", [8, 4])
def test_activations_have_at_most_their_levels(bits: int) -> None:
    model, _ = quantized(bits)
    calibrate(model, [pictures(8)])
    seen: dict[str, Tensor] = {}
    for name in ("stem.3", "block.0", "left", "head"):  # which are given what was rounded
        model.get_submodule(name).register_forward_pre_hook(lambda _, args, name=name: seen.update({name: args[0]}))
    model(pictures(8, seed=3))
    for name, x in seen.items():
        assert 2 < len(x.unique()) <= 2**bits, name
    assert_close(seen["block.0"], F.max_pool2d(seen["stem.3"], 2))  # a maximum of rounded values is one


def test_the_network_looks_the_same_to_the_tracer() -> None:
    model = Everything()
    before = trace(model, (3, 8, 8))
    quantize_activations(model, 8, (3, 8, 8))
    after = trace(model, (3, 8, 8))
    assert after.nodes == before.nodes
    assert after.parameters == before.parameters


def test_ranges_follow_training_and_rest_in_evaluation() -> None:
    model, quantizers = quantized()
    point = quantizers.at("stem.2")
    assert (point.low, point.high) == (0, 0)
    model.train()(pictures(8))
    first = float(point.high)
    assert first > 0
    assert point.low == 0
    for seed in range(8):
        assert float(point.high) == first  # one look in eight steps
        model(pictures(8, 20 + seed))
    assert float(point.high) != first
    kept = copy.deepcopy(quantizers.state_dict())
    model.eval()(9 * pictures(8))
    for name, value in quantizers.state_dict().items():
        assert_close(value, kept[name], rtol=0, atol=0)


def test_copies_and_state_dicts_are_whole() -> None:
    model, _ = quantized()
    model.train()(pictures(8))
    twin = copy.deepcopy(model).eval()
    expected = model.eval()(pictures(4))
    model.train()(5 * pictures(8))  # the copy has quantizers of its own
    assert_close(twin(pictures(4)), expected, rtol=0, atol=0)
    other, _ = quantized()
    other.load_state_dict(twin.state_dict())
    assert_close(other.eval()(pictures(4)), expected, rtol=0, atol=0)


def test_eight_bits_are_near_the_float_network() -> None:
    model, _ = quantized()
    plain = copy.deepcopy(model)
    calibrate(model, [pictures(64)])
    torch.manual_seed(1)
    rounded = model(pictures(16, 5))
    quantizers = plain.activation_quantizers
    assert isinstance(quantizers, ActivationQuantizers)
    quantizers.watch = lambda key, x: None  # shows the values instead of rounding them
    exact = plain(pictures(16, 5))
    assert (rounded - exact).abs().max() < 0.05 * exact.abs().max()


class Fickle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.training:
            x = torch.tanh(x)
        return x.relu().mean((2, 3))


def test_a_network_with_other_operators_in_training_is_refused() -> None:
    model = Fickle()
    quantize_activations(model, 8, (3, 8, 8))
    with pytest.raises(Failed, match="calls tanh where it called relu"):
        model.train()(pictures())
    model.eval()(pictures())  # the failure left nothing behind


@pytest.mark.parametrize(
    ("make", "bits", "reason"),
    [
        (Everything, 3, "8, 4 or 1 bits, not 3"),
        (Everything, 1, "binarynet has"),
        (lambda: quantized()[0], 8, "quantized already"),
    ],
)
def test_bad_wishes_are_refused(make: Callable[[], nn.Module], bits: int, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        quantize_activations(make(), bits, (3, 8, 8))


RECIPE = Recipe(epochs=2, batch=32, learning_rate=0.05, warmup=0.2, average=0.9, nesterov=True, decay_norms=False)


def learn(folder: Path, **stop: Any) -> nn.Module:
    labels = torch.arange(128) % 5
    images = torch.randint(0, 120, (128, 3, 8, 8), generator=torch.Generator().manual_seed(7))
    images = (images + 25 * labels[:, None, None, None]).to(torch.uint8)
    data = TrainingSet("made up", images, labels, (0.5,) * 3, (0.25,) * 3)
    torch.manual_seed(2)
    model = Everything()
    quantize_activations(model, 8, (3, 8, 8))
    kept, _ = train(model, data, RECIPE, folder, seed=3, **stop)
    return kept


def test_a_stopped_training_ends_with_the_same_weights_and_ranges(tmp_path: Path) -> None:
    whole = learn(tmp_path / "whole")

    def stop(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "parts", on_epoch=stop)
    resumed = learn(tmp_path / "parts")
    assert resumed.state_dict().keys() == whole.state_dict().keys()
    for key, value in whole.state_dict().items():
        assert_close(resumed.state_dict()[key], value, rtol=0, atol=0)
    ranges = [value for key, value in whole.state_dict().items() if key.endswith(".high")]
    assert all(float(value) > 0 for value in ranges)


def test_a_checkpoint_keeps_them(tmp_path: Path) -> None:
    model = create_model("microbotnet", width=0.25)
    quantize(model, "pointwise", "one-negative-one")
    quantize_activations(model)
    x = pictures(8, size=32)
    calibrate(model, [x])
    expected = bake(model).eval()(x)
    card = {
        "architecture": {"name": "microbotnet", "width": 0.25, "num_classes": 10, "input_size": 32},
        "quantization": {"policy": "pointwise", "quantizer": "one-negative-one", "activations": {"bits": 8}},
        "data": {"classes": list("abcdefghij"), "mean": [0.5] * 3, "std": [0.25] * 3},
    }
    save_checkpoint(tmp_path / "model.safetensors", model, card)
    loaded = load_checkpoint(tmp_path / "model.safetensors").model
    assert_close(loaded(x), expected, rtol=0, atol=0)
    assert "activation_quantizers.features/0/2.high" in loaded.state_dict()


def test_signs_need_no_quantizer() -> None:
    model = create_model("binarynet")
    points = cut(trace(model)).points
    assert not any(name.endswith("sign") for name in points)
    assert points["norm"].bits == 16
