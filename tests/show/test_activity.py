"""Activity and activation maps against independent computations, and against what a network was made to look at."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from microbotnet import create_model, trace
from microbotnet.graph.steps import fuse
from microbotnet.nets import find_net
from microbotnet.show.activation_map import overlay
from microbotnet.show.activity import Activity, observe

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
PICTURE = np.random.default_rng(0).integers(0, 256, (3, 32, 32), np.uint8)


def watched(model: nn.Module, picture: np.ndarray = PICTURE, label: int | None = None) -> Activity:
    return observe(model.eval(), trace(model, picture.shape), picture, MEAN, STD, label)


def normalised(picture: np.ndarray) -> Tensor:
    return ((torch.from_numpy(picture).float() / 255 - 0.5) / 0.25)[None]


def pool_and_linear(classes: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, classes),
    )  # fmt: skip


def test_on_pool_and_linear_it_is_zhous_cam() -> None:
    model = pool_and_linear().eval()
    for label in range(4):
        found = watched(model, label=label).map
        assert found is not None
        with torch.no_grad():
            maps = model[:3](normalised(PICTURE))[0]
            cam = torch.einsum("k,khw->hw", model[5].weight[label], maps).relu()
        large = F.interpolate(cam[None, None], (32, 32), mode="bicubic", align_corners=False)[0, 0].clamp_min(0)
        assert found.exact
        assert (found.label, found.layer, found.cells) == (label, "0", (16, 16))
        assert found.values == pytest.approx((large / large.max()).numpy(), abs=1e-4)


@pytest.mark.parametrize(("top", "left"), [(4, 4), (4, 22), (22, 4), (18, 10)])
def test_it_shows_what_the_network_looks_at(top: int, left: int) -> None:
    """The network's one class is how much red there is; the red square is where it looks, after two more layers."""
    model = nn.Sequential(
        nn.Conv2d(3, 1, 1, bias=False), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(1, 2, 3, 2, 1, bias=False), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(2, 2), nn.Hardswish(), nn.Linear(2, 1),
    )  # fmt: skip
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    model[0].weight.data.copy_(torch.tensor([1.0, -1, -1]).view(1, 3, 1, 1))
    picture = np.full((3, 32, 32), 160, np.uint8)
    picture[:, top : top + 6, left : left + 6] = np.reshape([250, 10, 10], (3, 1, 1))
    found = watched(model, picture).map
    assert found is not None
    assert not found.exact
    y, x = np.unravel_index(found.values.argmax(), (32, 32))
    assert top - 1 <= y <= top + 6
    assert left - 1 <= x <= left + 6


def test_activity_is_the_mean_of_each_layers_output() -> None:
    model = pool_and_linear().eval()
    found = watched(model)
    with torch.no_grad():
        maps = model[:3](normalised(PICTURE))
        logits = model(normalised(PICTURE))
    assert found.layers == {
        "0": pytest.approx(float(maps.abs().mean()), rel=1e-4),
        "3": pytest.approx(float(maps.mean((2, 3)).abs().mean()), rel=1e-4),
        "5": pytest.approx(float(logits.abs().mean()), rel=1e-4),
    }
    assert found.probabilities == pytest.approx(logits.softmax(1)[0].numpy(), abs=1e-5)


@pytest.mark.parametrize("name", ["microbotnet", "resnet8", "squeezenet-cifar"])
def test_networks_of_the_zoo_are_left_as_they_were(name: str) -> None:
    model = create_model(name, **({"width": 0.25} if find_net(name).widths else {})).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = watched(model)
    assert found.map is not None
    assert found.map.values.shape == (32, 32)
    assert found.map.values.min() >= 0
    assert found.map.values.max() in (0, pytest.approx(1))
    assert min(found.map.cells) >= 4
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert sum(step.name in found.layers for step in fuse(trace(model))) > 5


def test_a_network_without_maps_has_no_activation_map() -> None:
    found = watched(nn.Sequential(nn.Flatten(), nn.Linear(3072, 3)))
    assert found.map is None
    assert list(found.layers) == ["1"]


def test_the_overlay_is_grey_where_nothing_comes_from() -> None:
    heat = np.zeros((32, 32), np.float32)
    heat[8:16, 8:16] = 1
    page = np.asarray(Image.open(BytesIO(overlay(PICTURE, heat, 128)))).astype(int)
    spread = page.max(2) - page.min(2)
    assert page.shape == (128, 128, 3)
    assert spread[80:, 80:].max() == 0
    assert spread[40:56, 40:56].min() > 40
