"""Which kernels each policy chooses: the published counts, other people's networks, bad files."""

from pathlib import Path

import pytest
import torch
from torch import nn

from microbotnet.errors import BadInput
from microbotnet.nets import create_model
from microbotnet.quant.policy import KINDS, Policy, choose, kernels, load_policy, policy_names


def chosen(net: str, policy: str, width: float = 1.0) -> tuple[int, int]:
    with torch.device("meta"):
        choice = choose(create_model(net, width=width), load_policy(policy))
    return len(choice.chosen), choice.weights


@pytest.mark.parametrize(
    ("net", "width", "policy", "layers", "weights"),
    [
        ("microbotnet", 0.32, "notes", 31, 153_792),  # published
        ("microbotnet", 0.32, "notes-conv", 19, 78_272),  # published
        ("microbotnet", 0.32, "notes-scaled", 31, 153_792),
        ("squeezenet-cifar", 1.0, "notes", 24, 717_824),  # 24 published; the sum of the eight Fires by hand
        ("binarynet-chip", 1.0, "with-stem", 9, 8 * 256 * 1024 + 11 * 4096),  # 256 kB and 5.5 kB at 1 bit
    ],
)
def test_counts(net: str, width: float, policy: str, layers: int, weights: int) -> None:
    assert chosen(net, policy, width) == (layers, weights)


def test_the_24_of_squeezenet_are_its_fires() -> None:
    model = create_model("squeezenet-cifar")
    choice = choose(model, load_policy("notes"))
    fires = [k for k in choice.kernels if "squeeze" in k.name or "expand" in k.name]
    assert list(choice.chosen) == fires
    assert [k.name for k in choice.left] == ["features.0", "classifier.1"]


def test_pointwise_takes_every_1x1_and_every_linear() -> None:
    model = create_model("microbotnet", width=0.32)
    choice = choose(model, load_policy("pointwise"))
    for kernel in choice.kernels:
        layer = model.get_submodule(kernel.name)
        one = isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1))
        assert (kernel in choice.chosen) == one
    assert {"features.11.0", "features.13", "classifier.1"} <= {kernel.name for kernel in choice.chosen}
    assert choice.left[0].name == "features.0.0"
    assert choice.policy.others == 8


def test_pointwise_but_last_keeps_the_classifier() -> None:
    model = create_model("microbotnet", width=0.32)
    choice = choose(model, load_policy("pointwise"))
    fewer = choose(model, load_policy("pointwise-but-last"))
    assert choice.chosen[-1] == choice.kernels[-1]
    assert fewer.chosen == choice.chosen[:-1]


def test_all_leaves_only_the_stem() -> None:
    model = create_model("microbotnet", width=0.32)
    choice = choose(model, load_policy("all"))
    assert [kernel.name for kernel in choice.left] == ["features.0.0"]
    vectors = sum(parameter.numel() for parameter in model.parameters() if parameter.ndim == 1)
    assert (len(choice.chosen), choice.weights) == (51, 236_658 - vectors - 3 * 8 * 9)


def test_weight_bytes_agree_with_profile() -> None:
    from microbotnet import measure_memory, trace

    model = create_model("microbotnet", width=0.32)
    found = measure_memory(trace(model, (3, 32, 32))).weight_bytes
    choice = choose(model, load_policy("with-stem"))
    assert choice.weight_bytes(2) == (found["float32"], found["ternary_2bit"])
    assert choice.weight_bytes(8) == (found["float32"], found["int8"])
    before, after = choose(model, load_policy("notes")).weight_bytes(2)
    assert (before, after) == (4 * 236_658, 153_792 // 4 + 4 * 82_866)


class Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)


class SEModule(Gate):
    """A squeeze-and-excite of 1×1 convolutions, as other people write it."""


def users_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.SELU(), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, groups=2), Gate(), SEModule(),
        nn.Conv2d(8, 16, 1), nn.ConvTranspose2d(16, 16, 2), nn.Conv1d(16, 4, 1), nn.Linear(4, 2),
    )  # fmt: skip


def test_kinds_in_a_network_of_the_users() -> None:
    found = {kernel.name: kernel.kind for kernel in kernels(users_network())}
    assert found == {
        "0": "conv", "2": "depthwise", "3": "conv", "4.down": "pointwise", "4.up": "pointwise", "5.down": "se",
        "5.up": "se", "6": "pointwise", "7": "conv", "8": "pointwise", "9": "linear",
    }  # fmt: skip
    assert {*found.values()} == {*KINDS}


def test_rules() -> None:
    def names(**rules: object) -> list[str]:
        return [kernel.name for kernel in choose(users_network(), Policy("mine", **rules)).chosen]  # type: ignore[arg-type]

    assert len(names()) == 11
    assert names(over=287) == ["3", "7"]
    assert names(over=288) == ["7"]  # more than, not at least: layer 3 has 288
    assert names(names=("4.*", "9")) == ["4.down", "4.up", "9"]
    assert names(names=("4.*",), without=("*.up",)) == ["4.down"]
    assert names(kinds=("conv",), first=False) == ["3", "7"]
    assert names(kinds=("linear", "se"), last=False) == ["5.down", "5.up"]


def test_a_shared_layer_counts_once() -> None:
    layer = nn.Linear(4, 4)
    assert choose(nn.Sequential(layer, nn.ReLU(), layer), Policy("mine")).weights == 16


def test_a_pattern_without_a_layer_is_named() -> None:
    for rules in ({"names": ("4.*", "blocks.*")}, {"without": ("blocks.*",)}):
        with pytest.raises(BadInput, match=r"'blocks\.\*' matches no layer"):
            choose(users_network(), Policy("mine", **rules))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="chooses none of the 11 kernels"):
        choose(users_network(), Policy("mine", over=10_000))
    with pytest.raises(BadInput, match="chooses none of the 0 kernels"):
        choose(nn.ReLU(), Policy("mine"))


def test_every_policy_has_a_summary() -> None:
    assert policy_names() == [
        "all",
        "notes",
        "notes-conv",
        "notes-scaled",
        "pointwise",
        "pointwise-but-last",
        "with-stem",
    ]
    for name in policy_names():
        policy = load_policy(name)
        assert policy.name == name
        assert policy.summary


def test_unknown_policies_get_a_suggestion() -> None:
    with pytest.raises(BadInput, match="did you mean 'pointwise'"):
        load_policy("pointwize")
    with pytest.raises(BadInput, match="one of: all, notes"):
        load_policy("xyzzy")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('kinds = ["linear"]\nover = 8\nothers = 8\n')
    assert load_policy(str(path)) == Policy("mine", kinds=("linear",), over=8, others=8)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("over = ", "not TOML"),
        ('kind = ["conv"]', "unknown field 'kind'; there are: summary, kinds"),
        ('kinds = ["convolution"]', "kinds has 'convolution'; there are: conv"),
        ('kinds = "conv"', "kinds must be a list"),
        ("names = [1]", "names must be a list of strings"),
        ("over = -1", "over must be at least 0"),
        ("over = 1.5", "over must be a int"),
        ("over = true", "over must be a int"),
        ("first = 1", "first must be a bool"),
        ("others = 4", "others must be 8 or 32"),
        ('name = "x"', "unknown field 'name'"),
    ],
)
def test_bad_files_name_the_field(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=says) as error:
        load_policy(str(path))
    assert str(path) in str(error.value)
    path.unlink()
    with pytest.raises(BadInput, match=r"mine\.toml: cannot be read"):
        load_policy(str(path))
