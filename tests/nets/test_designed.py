"""A design is a network like any other: made by name or file, trained, and loaded from its card alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from microbotnet import BadInput, create_model, trace
from microbotnet.cli import app
from microbotnet.cost.macs import count_macs
from microbotnet.data.augment import Batches
from microbotnet.data.cifar10 import MEAN, STD
from microbotnet.design import Design, Head, Stage, Stem, design_from, to_toml
from microbotnet.design.graph import design_graph
from microbotnet.engine import load
from microbotnet.integer import interpreter
from microbotnet.integer.checkpoint import lower_checkpoint
from microbotnet.integer.lower import lower
from microbotnet.nets import architecture, find_net
from microbotnet.nets.designed import Designed
from microbotnet.nets.layers import ShiftMax
from microbotnet.quant.activations import quantize_activations
from microbotnet.quant.calibration import calibrate
from microbotnet.training.checkpoint import load_checkpoint, save_checkpoint

TINY = Design(
    stages=(Stage(8, expansion=2, stride=2, squeeze_excite=True),), stem=Stem(4), head=Head(16), resolution=16
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of two classes, and a design."""
    from PIL import Image

    for split, count in (("train", 20), ("test", 4)):
        for index, name in enumerate(("dark", "light")):
            (tmp_path / "pictures" / split / name).mkdir(parents=True)
            for i in range(count):
                picture = Image.new("RGB", (16, 16), (200 * index + i,) * 3)
                picture.save(tmp_path / "pictures" / split / name / f"{i}.png")
    (tmp_path / "tiny.toml").write_text(to_toml(TINY))
    return tmp_path


def test_train_profile_and_load_from_the_card_alone(folder: Path) -> None:
    design, out = folder / "tiny.toml", folder / "out"
    options = ["--net", str(design), "--data", str(folder / "pictures"), "--epochs", "1", "--batch", "8"]
    run = CliRunner().invoke(app, ["train", "modern", *options, "--out", str(out), "--json"])
    assert run.exit_code == 0, run.output
    design.unlink()
    card = json.loads((out / "model.json").read_text())
    assert card["architecture"] == {
        "name": "tiny", "width": 1.0, "num_classes": 2, "input_size": 16, "design": TINY.to_json(),
    }  # fmt: skip
    loaded = load_checkpoint(out / "model.safetensors")
    assert loaded.model(torch.zeros(1, 3, 16, 16)).shape == (1, 2)
    run = CliRunner().invoke(app, ["profile", "--checkpoint", str(out / "model.safetensors"), "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["name"] == "tiny"
    pictures = torch.randint(0, 256, (50, 3, 16, 16), dtype=torch.uint8).numpy()
    program = lower_checkpoint(out / "model.safetensors", pictures)
    assert program.result.shape == (2, 1, 1)


def test_a_damaged_design_in_a_card_is_named(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(to_toml(TINY))
    made = architecture(str(tmp_path / "tiny.toml"), 2)
    model = create_model(**made)
    made["design"]["stages"][0]["kernel"] = 4
    card = {"architecture": made, "data": {"name": "x", "classes": ["a", "b"], "mean": [0] * 3, "std": [1] * 3}}
    save_checkpoint(tmp_path / "bad.safetensors", model, card)
    with pytest.raises(BadInput, match=r"bad\.json: stages\[0\]\.kernel must be one of"):
        load_checkpoint(tmp_path / "bad.safetensors")


def test_shipped_designs_are_networks() -> None:
    assert find_net("first-try").design is not None
    assert sum(p.numel() for p in create_model("first-try").parameters()) == 70_730
    with pytest.raises(BadInput, match="first-try has no width multiplier"):
        create_model("first-try", width=0.5)


@pytest.mark.parametrize(
    ("name", "last", "first"),
    [
        ("grain-s", 424_944, 390_384),
        ("grain-m", 988_864, 931_264),
        ("grain-l", 1_687_776, 1_584_096),
        ("grain-xl", 1_994_352, 1_882_032),
    ],
)
def test_an_average_before_the_last_projection_keeps_weights_and_answers(name: str, last: int, first: int) -> None:
    loaded = load_checkpoint(name)
    design = design_from(loaded.card["architecture"]["design"])
    after, before = (
        Designed(replace(design, head=replace(design.head, average_first=early))).eval() for early in (False, True)
    )
    for model in (after, before):
        model.load_state_dict(loaded.model.state_dict())
    assert [count_macs(trace(model)) for model in (after, before)] == [last, first]
    pictures = torch.randn(50, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answers = after(pictures), before(pictures)
    torch.testing.assert_close(*answers, atol=1e-4, rtol=1e-5)
    assert (answers[0].argmax(1) == answers[1].argmax(1)).all()


def test_only_a_head_without_its_own_convolution_lets_the_average_go_first(tmp_path: Path) -> None:
    (tmp_path / "wide.toml").write_text(to_toml(replace(TINY, head=Head(16, average_first=True))))
    with pytest.raises(BadInput, match=r"wide\.toml: head\.average_first needs head\.width = 0"):
        create_model(str(tmp_path / "wide.toml"))


def test_groups_share_the_channels_and_every_output_sees_every_input(tmp_path: Path) -> None:
    """A block of groups has a groupth of the pointwise products, and no channel that an output does not depend on."""
    whole = Design((Stage(12, kernel=1, expansion=3, activation="relu"),), Stem(12, kernel=1, stride=1), resolution=4)
    shared = replace(whole, stages=(replace(whole.stages[0], groups=3),))
    pixels, depthwise, ends = 16, 36, (3 * 12 + 12 * 10 / 16)
    assert count_macs(design_graph(whole)) == pixels * (2 * 12 * 36 + depthwise + ends)
    assert count_macs(design_graph(shared)) == pixels * (2 * 12 * 36 / 3 + depthwise + ends)
    block = Designed(shared).features[1].eval()
    for parameter in block.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    x = torch.rand(1, 12, 4, 4, requires_grad=True)
    (block(x) - x)[0, :, 0, 0].sum().backward()
    for output in range(12):
        (seen,) = torch.autograd.grad((block(x) - x)[0, output, 0, 0], x)
        assert (seen[0, :, 0, 0] != 0).all()
    (tmp_path / "odd.toml").write_text(to_toml(replace(shared, stem=Stem(8))))
    with pytest.raises(BadInput, match=r"odd\.toml: block 1 has 8 inputs, which 3 groups do not share"):
        create_model(str(tmp_path / "odd.toml"))


def test_shift_max_is_the_larger_of_two_gated_channels() -> None:
    torch.manual_seed(0)
    layer, x = ShiftMax(6), torch.randn(2, 6, 3, 3)
    gates = layer.fc(x.mean((2, 3)))
    for channel in range(6):
        own, other = (gates[:, i, None, None] for i in (channel, 6 + channel))
        expected = torch.maximum(x[:, channel] * own, x[:, (channel + 3) % 6] * other)
        torch.testing.assert_close(layer(x)[:, channel], expected)


@pytest.mark.parametrize("how", [{"groups": 2, "squeeze_excite": True}, {"groups": 4}, {"shift_max": True}])
def test_a_network_of_such_blocks_is_lowered_and_runs_in_c(how: dict[str, Any]) -> None:
    torch.manual_seed(0)
    stages = (Stage(8, expansion=2, **how), Stage(12, expansion=3, **how))
    model = Designed(Design(stages, Stem(8), Head(average_first=True), 8), num_classes=5).eval()
    pictures = torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8)
    quantize_activations(model, 8, (3, 8, 8))
    calibrate(model, [Batches(pictures, MEAN, STD).take(torch.arange(40))])
    program = lower(model, MEAN, STD, input_shape=(3, 8, 8))
    with torch.no_grad():
        answers = model(Batches(pictures, MEAN, STD).take(torch.arange(40))).numpy()
    scores = interpreter.run(program, pictures.numpy())
    assert np.abs(scores * program.scores.scale - answers).max() < 0.1 * np.abs(answers).max()
    assert (load(program).scores(pictures.numpy()) == scores).all()


def test_shift_max_brings_its_own_gates(tmp_path: Path) -> None:
    both = replace(TINY, stages=(Stage(8, squeeze_excite=True, shift_max=True),))
    (tmp_path / "both.toml").write_text(to_toml(both))
    with pytest.raises(BadInput, match=r"both\.toml: shift_max has gates of its own"):
        create_model(str(tmp_path / "both.toml"))
