"""Every network of the zoo runs forwards and backwards, at its paper's size and at 32×32."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from microbotnet.nets import SqueezeExcite, create_model, find_net, net_names
from microbotnet.nets.airbench import Airbench
from microbotnet.nets.layers import make_divisible
from microbotnet.nets.squeezenet import Fire, Row

PICTURES = [(name, find_net(name).input_size) for name in net_names() if find_net(name).input_size]
SIZES = [(name, size) for name, own in PICTURES for size in sorted({32, own})]
OTHERS = [name for name in net_names() if not find_net(name).input_size]


@pytest.mark.parametrize(("name", "size"), SIZES, ids=[f"{name}-{size}" for name, size in SIZES])
def test_forward_and_backward(name: str, size: int) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=7, input_size=size, **({"width": 0.25} if find_net(name).widths else {}))
    for module in model.modules():  # one picture at the paper's size is enough work, but not for batch norm over 1×1
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and size > 32:
            module.eval()
    learns(model, torch.randn(1 if size > 32 else 2, 3, size, size))


@pytest.mark.parametrize("name", OTHERS)
def test_forward_and_backward_of_what_takes_no_pictures(name: str) -> None:
    torch.manual_seed(0)
    learns(create_model(name, num_classes=7), torch.randn(2, *find_net(name).input_shape))


def learns(model: nn.Module, inputs: torch.Tensor) -> None:
    """One step: seven outputs, and a gradient in every weight."""
    logits = model(inputs)
    assert logits.shape == (len(inputs), 7)
    functional.cross_entropy(logits, torch.arange(len(inputs))).backward()
    for key, p in model.named_parameters():
        if not p.requires_grad:
            continue
        assert p.grad is not None, key
        assert p.grad.isfinite().all(), key
        assert p.ndim == 1 or p.grad.any(), f"{key} has no part in the loss"


@pytest.mark.parametrize("name", ["squeezenet1.0", "squeezenet1.1"])
def test_a_bypass_adds_the_input(name: str) -> None:
    torch.manual_seed(0)
    plain, simple = Fire(8, Row(2, 4)), Fire(8, Row(2, 4), "simple")
    simple.load_state_dict(plain.state_dict())
    x = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(simple(x), plain(x) + x)
    bypasses = {
        kind: [
            m.bypass is not None
            for m in create_model(f"{name}-{kind}-bypass", input_size=32).modules()
            if isinstance(m, Fire)
        ]
        for kind in ("simple", "complex")
    }
    assert bypasses == {"simple": [False, True] * 4, "complex": [True] * 8}  # the paper's figure 2


def test_squeezenet_keeps_torchvisions_names() -> None:
    keys = create_model("squeezenet1.1", input_size=32).state_dict()
    assert {"features.0.weight", "features.3.squeeze.bias", "features.12.expand3x3.weight", "classifier.1.bias"} < set(
        keys
    )


def test_mobilenet_v2_keeps_torchvisions_names() -> None:
    keys = set(create_model("mobilenet-v2", input_size=32).state_dict())
    assert {
        "features.0.0.weight",
        "features.1.conv.0.0.weight",
        "features.1.conv.2.running_mean",
        "features.2.conv.1.0.weight",
        "features.17.conv.3.bias",
        "features.18.1.weight",
        "classifier.1.weight",
    } < keys


def test_squeeze_excite_is_its_formula() -> None:
    torch.manual_seed(0)
    layer = SqueezeExcite(8, 2, bias=True, gate=nn.Sigmoid)
    x = torch.randn(3, 8, 4, 5)
    first, second = layer.fc[0], layer.fc[2]
    hidden = (x.mean((2, 3)) @ first.weight.T + first.bias).clamp(min=0)
    gate = 1 / (1 + torch.exp(-(hidden @ second.weight.T + second.bias)))
    torch.testing.assert_close(layer(x), x * gate[:, :, None, None])


def test_squeeze_excite_defaults_are_microbotnets() -> None:
    layer = SqueezeExcite(40)
    assert {key: tuple(value.shape) for key, value in layer.state_dict().items()} == {
        "fc.0.weight": (10, 40),
        "fc.2.weight": (40, 10),
    }
    x = torch.randn(2, 40, 3, 3)
    gate = functional.relu6(functional.linear(layer.fc[:2](x.mean((2, 3))), layer.fc[2].weight) + 3) / 6
    torch.testing.assert_close(layer(x), x * gate[:, :, None, None])


@pytest.mark.parametrize(
    ("channels", "rounded"), [(0.1, 8), (8.8, 8), (9, 16), (12, 16), (18.4, 24), (23.04, 24), (96, 96)]
)
def test_make_divisible(channels: float, rounded: int) -> None:
    assert make_divisible(channels) == rounded
    assert rounded >= 0.9 * channels


def test_airbench_whitens_its_pictures() -> None:
    torch.manual_seed(0)
    model = create_model("airbench")
    assert isinstance(model, Airbench)
    pictures = functional.avg_pool2d(torch.randn(64, 3, 40, 40), 9, 1, 4)[..., 4:36, 4:36]  # smooth, as pictures are
    model.fit(pictures)
    with torch.no_grad():
        found = model.whiten(pictures).transpose(0, 1).flatten(1)
    assert torch.allclose(found[:12], -found[12:], atol=1e-4)
    correlation = torch.corrcoef(found[:12])
    assert (correlation - torch.eye(12)).abs().max() < 0.01
    assert found[0].var() == pytest.approx(1, rel=0.05)


def test_airbench_begins_as_the_identity() -> None:
    model = create_model("airbench")
    assert isinstance(model, Airbench)
    x = torch.rand(1, 24, 8, 8)
    torch.testing.assert_close(model.features[1](x)[:, :24], x)
