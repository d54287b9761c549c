"""BinaryNet: what is ±1 is ±1, and it trains as a user trains it."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from microbotnet import create_model, trace
from microbotnet.cli import app
from microbotnet.data import source
from microbotnet.graph import Graph
from microbotnet.graph.steps import fuse
from microbotnet.nets.binarynet import Sign, Thermometer
from microbotnet.quant import quantize
from microbotnet.training.checkpoint import load_checkpoint


def test_sign_is_never_zero_and_passes_gradients_inside_one() -> None:
    x = torch.tensor([-1.5, -1.0, -0.2, 0.0, 0.7, 1.0, 1.1], requires_grad=True)
    y = Sign()(x)
    assert y.tolist() == [-1, -1, -1, 1, 1, 1, 1]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 1, 0]


def test_thermometer_counts_the_levels_below_a_pixel() -> None:
    code = Thermometer(256)(torch.stack([torch.full((2, 2), v) for v in (-9.0, 0.01, 9.0)])[None])
    assert code.shape == (1, 256, 2, 2)
    assert set(code.unique().tolist()) == {-1.0, 1.0}
    lit = (code[0, :, 0, 0] > 0).int()
    assert [int(part.sum()) for part in (lit[:85], lit[85:170], lit[170:255], lit[255:])] == [0, 43, 85, 1]
    assert (lit[85:170].diff() <= 0).all()  # a thermometer: lit from the bottom without gaps


def test_a_pixel_has_as_many_values_as_seven_bits_ask_for() -> None:
    """86 of 128: 256 channels of ±1 are no more."""
    pixels = torch.linspace(-3, 3, 5000).expand(1, 3, 1, -1)
    assert len(Thermometer(256)(pixels)[0, :85, 0].unique(dim=1).mT) == 86


@pytest.mark.parametrize("width", [0.0625, 1.0])
def test_kernels_and_what_they_read_are_signs(width: float) -> None:
    model = create_model("binarynet-chip", width=width).eval()
    assert len(quantize(model, "with-stem", "binary")) == 9
    seen = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_pre_hook(lambda layer, args: seen.extend([args[0].unique(), layer.weight.unique()]))
    model(torch.randn(1, 3, 32, 32))
    assert [values.tolist() for values in seen] == [[-1.0, 1.0]] * 18


def test_every_layer_of_a_narrow_one_is_narrower() -> None:
    model = create_model("binarynet-chip", width=0.25)
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(64, 64)] * 8


def test_the_graph_has_signs_for_nothing() -> None:
    graph: Graph = trace(create_model("binarynet-chip"), (3, 32, 32))
    assert sum(node.kind == "sign" for node in graph) == 9
    assert not graph.warnings
    assert [step.nodes[-1].kind for step in fuse(graph) if step.kind == "conv"].count("sign") == 6  # 2 have pools


def test_it_trains_and_is_read_back_as_a_user_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = torch.arange(320) % 10
    noise = torch.randint(0, 120, (320, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    images = (noise + 12 * labels[:, None, None, None]).to(torch.uint8)
    monkeypatch.setattr(source, "load_cifar10", lambda *_: (images, labels))
    options = "--net binarynet-chip --width 0.03125 --policy with-stem --quantizer binary --epochs 4 --batch 32 --json"
    result = CliRunner().invoke(app, ["train", "binarynet", *options.split(), "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    losses = [record["loss"] for record in answer["epochs"]]
    assert losses[-1] < losses[0] - 0.1
    loaded = load_checkpoint(tmp_path / "model.safetensors")
    for module in loaded.model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert set(module.weight.unique().tolist()) == {-1.0, 1.0}
    evaluated = CliRunner().invoke(app, ["evaluate", "--checkpoint", str(tmp_path / "model.safetensors"), "--json"])
    assert json.loads(evaluated.stdout)["top1"] == answer["top1"]
