from typing import Any

import pytest
import torch
from torch import nn

import microbotnet
from microbotnet import BadInput, create_model, net_names, register_net
from microbotnet.design import design_names
from microbotnet.nets import find_net, registry

ZOO = [
    "microbotnet",
    "microbotnet-large",
    "squeezenet1.0",
    "squeezenet1.1",
    "squeezenet-cifar",
    "mobilenet-v1",
    "fd-mobilenet",
    "mobilenet-v2",
    "mobilenet-v3-small",
    "mobilenet-v3-large",
    "efficientnet-lite0",
    "binarynet-chip",
    "binarynet",
    "resnet8",
    "ds-cnn",
    "deep-autoencoder",
    "airbench",
]


@pytest.fixture(autouse=True)
def _forget_new_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_NETS", dict(registry._NETS))


def test_the_zoo() -> None:
    assert set(ZOO) <= set(net_names())
    assert all(find_net(name).summary for name in net_names())
    assert {name for name in net_names() if not find_net(name).widths} == {
        name
        for name in net_names()
        if name.startswith(("squeezenet", "resnet8", "ds-cnn", "deep-auto", "efficientnet"))
        or name in ("binarynet", *design_names())
    }


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("mobilenetv2", "mobilenet-v2"), ("microbonet", "microbotnet"), ("SqueezeNet1.1", "squeezenet1.1")],
)
def test_an_unknown_name_suggests_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f"'{typed}'; did you mean '{meant}'"):
        create_model(typed)


def test_a_name_like_none_lists_them() -> None:
    with pytest.raises(BadInput, match=r"there are: microbotnet, .*resnet8"):
        create_model("zzz")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resnet8", "width": 0.5}, "resnet8 has no width multiplier"),
        ({"name": "microbotnet", "num_classes": 0}, "classes must be from 1 to 100,000, not 0"),
        ({"name": "microbotnet", "num_classes": 2**31}, "classes must be from 1 to 100,000, not 2147483648"),
        ({"name": "microbotnet", "width": 0}, "width must be over 0"),
        ({"name": "microbotnet", "width": float("nan")}, "width must be over 0"),
        ({"name": "microbotnet", "input_size": 0}, "input size must be from 1 to 4096"),
        ({"name": "squeezenet1.0", "input_size": 20}, r"20×20 pictures: layer features\.11 \(MaxPool2d\)"),
        ({"name": "squeezenet1.1", "input_size": 16}, r"16×16 pictures: layer features\.8 \(MaxPool2d\)"),
        ({"name": "squeezenet-cifar", "input_size": 7}, r"7×7 pictures: layer features\.9 \(MaxPool2d\)"),
        ({"name": "binarynet-chip", "input_size": 19}, r"19×19 pictures: layer features\.23 \(Conv2d\)"),
        ({"name": "binarynet", "input_size": 7}, r"7×7 pictures: layer features\.18 \(MaxPool2d\)"),
    ],
)
def test_what_cannot_be_made_says_why(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        create_model(**options)


@pytest.mark.parametrize(
    ("name", "smallest"),
    [("squeezenet1.0", 21), ("squeezenet1.1", 17), ("squeezenet-cifar", 8), ("binarynet-chip", 20), ("binarynet", 8)],
)
def test_the_smallest_pictures_run(name: str, smallest: int) -> None:
    model = create_model(name, input_size=smallest).eval()
    assert model(torch.randn(1, 3, smallest, smallest)).shape == (1, 10)


def test_checking_a_size_leaves_no_trace() -> None:
    torch.manual_seed(0)
    checked = create_model("microbotnet", width=0.25, input_size=64)
    torch.manual_seed(0)
    plain = create_model("microbotnet", width=0.25)
    for (key, a), (_, b) in zip(checked.state_dict().items(), plain.state_dict().items(), strict=True):
        assert torch.equal(a, b), key
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in checked.modules())
    assert checked.training


def test_a_user_registers_a_network() -> None:
    @register_net("mine", input_size=16)
    def mine(*, num_classes: int = 10) -> nn.Module:
        """One convolution.

        The rest of the docstring is not for the list.
        """
        return nn.Sequential(nn.Conv2d(3, num_classes, 16), nn.Flatten())

    assert net_names()[-1] == "mine"
    assert find_net("mine") == registry.Net("mine", mine, (3, 16, 16), "One convolution.", widths=False)
    assert create_model("mine", num_classes=3)(torch.zeros(1, 3, 16, 16)).shape == (1, 3)
    with pytest.raises(BadInput, match="no width multiplier"):
        create_model("mine", width=2.0)
    with pytest.raises(BadInput, match=r"mine cannot take 8×8 pictures: layer 0 \(Conv2d\)"):
        create_model("mine", input_size=8)
    with pytest.raises(BadInput, match="'mine' is registered already"):
        register_net("mine")(mine)


def test_a_user_registers_a_network_that_takes_no_pictures() -> None:
    @register_net("wave", input_shape=(1, 100), num_classes=4)
    def wave(*, num_classes: int = 4) -> nn.Module:
        """A second of sound."""
        return nn.Sequential(nn.Conv1d(1, num_classes, 100), nn.Flatten())

    assert find_net("wave").input_size is None
    assert create_model("wave")(torch.zeros(1, 1, 100)).shape == (1, 4)
    with pytest.raises(BadInput, match="wave takes 1×100, no pictures; leave out the input size"):
        create_model("wave", input_size=32)


def test_a_builder_gets_the_options_it_names() -> None:
    given = {}

    @register_net("sized", input_size=16)
    def sized(*, num_classes: int, width: float, input_size: int) -> nn.Module:
        given.update(num_classes=num_classes, width=width, input_size=input_size)
        return nn.Identity()

    create_model("sized", num_classes=2, width=0.5)
    assert given == {"num_classes": 2, "width": 0.5, "input_size": 16}


def test_a_builder_without_classes_is_refused() -> None:
    with pytest.raises(BadInput, match="must take num_classes"):

        @register_net("bare")
        def bare() -> nn.Module:
            return nn.Identity()


def test_code_that_needs_data_is_not_blamed_on_the_size() -> None:
    class Branch(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :2] if x.sum() > 0 else -x.flatten(1)[:, :2]

    @register_net("branch")
    def branch(*, num_classes: int) -> nn.Module:
        return Branch()

    assert create_model("branch", num_classes=2, input_size=8)(torch.ones(1, 3, 8, 8)).shape == (1, 2)


def test_public_names() -> None:
    assert microbotnet.create_model is create_model
