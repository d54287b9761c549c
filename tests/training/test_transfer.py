"""A trained network begins again with other classes."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from microbotnet import BadInput, create_model
from microbotnet.cli import app
from microbotnet.data.source import positions
from microbotnet.training.checkpoint import Checkpoint, load_checkpoint
from microbotnet.training.transfer import network_for

HEAD = "classifier.1.weight"


def _checkpoint(classes: tuple[str, ...], name: str = "microbotnet") -> Checkpoint:
    torch.manual_seed(1)
    architecture = {"name": name, "width": 1.0, "num_classes": len(classes), "input_size": 32}
    return Checkpoint(create_model(**architecture), {"architecture": architecture, "data": {"classes": classes}})


def test_the_same_classes_change_nothing() -> None:
    checkpoint = _checkpoint(("ant", "bee", "cup"))
    model, architecture = network_for(checkpoint, "it", ("ant", "bee", "cup"))
    assert architecture == checkpoint.card["architecture"]
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in checkpoint.model.state_dict().items())


def test_known_classes_keep_their_rows_in_the_new_order() -> None:
    checkpoint = _checkpoint(("ant", "bee", "cup"))
    model, architecture = network_for(checkpoint, "it", ("cup", "ant"))
    old, new = checkpoint.model.state_dict(), model.state_dict()
    assert architecture["num_classes"] == 2
    assert torch.equal(new[HEAD], old[HEAD][[2, 0]])
    assert torch.equal(new["classifier.1.bias"], old["classifier.1.bias"][[2, 0]])
    assert all(torch.equal(old[key], new[key]) for key in old if not key.startswith("classifier.1"))


@pytest.mark.parametrize("classes", [("ant", "bee", "dog"), ("dog", "cow"), tuple("abcdefghijkl")])
def test_new_classes_get_a_new_head_and_the_body_stays(classes: tuple[str, ...]) -> None:
    checkpoint = _checkpoint(("ant", "bee", "cup"))
    torch.manual_seed(7)
    model, _ = network_for(checkpoint, "it", classes)
    torch.manual_seed(7)
    fresh = create_model("microbotnet", num_classes=len(classes)).state_dict()
    old, new = checkpoint.model.state_dict(), model.state_dict()
    assert torch.equal(new[HEAD], fresh[HEAD]), "as in a network that is not trained"
    assert all(torch.equal(old[key], new[key]) for key in old if not key.startswith("classifier.1"))


def test_a_network_whose_last_layer_is_a_convolution() -> None:
    checkpoint = _checkpoint(("ant", "bee", "cup"), "squeezenet-cifar")
    model, _ = network_for(checkpoint, "it", ("bee", "ant"))
    assert model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 2)


def test_another_input_size_keeps_the_weights() -> None:
    model, architecture = network_for(_checkpoint(("ant", "bee")), "it", ("ant", "bee"), 64)
    assert architecture["input_size"] == 64
    assert model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 2)


def test_positions_name_what_is_missing() -> None:
    assert positions(("ant", "bee", "cup"), ("cup", "ant"), "it") == [2, 0]
    with pytest.raises(BadInput, match="it does not know the class 'dog' and 1 more; it knows ant"):
        positions(("ant",), ("dog", "cow", "ant"), "it")


@pytest.fixture
def robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three classes of made-up pictures, told apart by their colour."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    random = torch.Generator().manual_seed(0)
    for k, name in enumerate(("acorn", "nail", "stone")):
        (tmp_path / "robot" / name).mkdir(parents=True)
        for i in range(40):
            noise = torch.randint(0, 120, (40, 40, 3), dtype=torch.uint8, generator=random)
            noise[:, :, k] += 100
            Image.fromarray(noise.numpy()).save(tmp_path / "robot" / name / f"{i}.png")
    return tmp_path / "robot"


def _run(*arguments: object) -> dict[str, object]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("tune", ["all", "gradual", "head"])
def test_a_users_folder_from_training_to_evaluation(robot: Path, tmp_path: Path, tune: str) -> None:
    out = tmp_path / tune
    options = ["--from", "microbotnet-0.25", "--data", robot, "--split", 0.25, "--tune", tune, "--out", out]
    options += ["--epochs", 4, "--batch", 16, "--lr", 0.02]
    trained = _run("train", "modern", *options)
    assert trained["test_pictures"] == 30
    assert trained["top1"] > 60  # type: ignore[operator]
    card = json.loads((out / "model.json").read_text())
    assert card["data"]["classes"] == ["acorn", "nail", "stone"]
    assert card["data"]["name"] == "robot"
    assert card["architecture"]["num_classes"] == 3
    assert (card["recipe"]["begin"], card["recipe"]["tune"]) == ("microbotnet-0.25", tune)
    checkpoint = out / "model.safetensors"
    measured = _run("evaluate", "--checkpoint", checkpoint, "--data", robot, "--split", 0.25)
    assert (measured["top1"], measured["pictures"], measured["data"]) == (trained["top1"], 30, "robot")
    before, after = load_checkpoint("microbotnet-0.25").model, load_checkpoint(checkpoint).model
    stem = "features.0.0.weight"
    assert torch.equal(before.state_dict()[stem], after.state_dict()[stem]) == (tune == "head")


def test_ternary_transfer_with_a_teacher_of_more_classes_in_another_order(robot: Path, tmp_path: Path) -> None:
    options = ["--epochs", 2, "--batch", 16, "--lr", 0.02, "--data", robot]
    _run("train", "modern", "--from", "microbotnet-0.25", *options, "--out", tmp_path / "teacher")
    (robot / "stone").rename(tmp_path / "stone")
    (tmp_path / "teacher" / "model.safetensors").rename(tmp_path / "teacher.safetensors")
    (tmp_path / "teacher" / "model.json").rename(tmp_path / "teacher.json")
    teacher = tmp_path / "teacher.safetensors"
    options += ["--from", teacher, "--teacher", teacher, "--policy", "notes", "--out", tmp_path / "student"]
    _run("train", "modern", *options)
    card = json.loads((tmp_path / "student" / "model.json").read_text())
    assert card["data"]["classes"] == ["acorn", "nail"]
    assert card["quantization"]["policy"] == "notes"


@pytest.mark.parametrize("recipe", ["transfer", "modern"])
def test_a_teacher_of_another_size(robot: Path, tmp_path: Path, recipe: str) -> None:
    options = ["--epochs", 2, "--batch", 16, "--lr", 0.02, "--data", robot]
    _run("train", "modern", "--from", "microbotnet-0.25", "--input-size", 24, *options, "--out", tmp_path / "teacher")
    teacher = tmp_path / "teacher" / "model.safetensors"
    options += ["--from", "microbotnet-0.25", "--teacher", teacher, "--out", tmp_path / "student"]
    assert _run("train", recipe, *options)["top1"] > 30  # type: ignore[operator]
    card = json.loads((tmp_path / "student" / "model.json").read_text())
    assert card["architecture"]["input_size"] == 32


def test_what_learned_from_unknown_pictures_is_marked_and_so_is_its_student(robot: Path, tmp_path: Path) -> None:
    torch.save(create_model("resnet8", num_classes=20).state_dict(), tmp_path / "found.pth")
    options = ["--epochs", 1, "--batch", 16, "--lr", 0.02, "--data", robot]
    normal = ["--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25"]
    _run("train", "modern", "--from", tmp_path / "found.pth", *normal, *options, "--out", tmp_path / "teacher")
    teacher = tmp_path / "teacher" / "model.safetensors"
    plain = ["train", "modern", "--from", "microbotnet-0.25", *options]
    _run(*plain, "--teacher", teacher, "--out", tmp_path / "student")
    _run(*plain, "--out", tmp_path / "other")
    cards = {name: json.loads((tmp_path / name / "model.json").read_text()) for name in ("teacher", "student", "other")}
    marks = {name: card["data"].get("outside") for name, card in cards.items()}
    assert marks == {"teacher": ["found.pth"], "student": ["found.pth"], "other": None}
    assert cards["teacher"]["data"]["std"] == [0.25] * 3


def test_a_checkpoint_that_does_not_know_the_classes_is_refused(robot: Path) -> None:
    for command in (
        ["evaluate", "--checkpoint", "microbotnet-0.25"],
        ["train", "modern", "--from", "microbotnet-0.25", "--teacher", "microbotnet-0.25", "--batch", "16"],
    ):
        result = CliRunner().invoke(
            app,
            [*command, "--data", str(robot), "--out", str(robot / "out")][: -2 if command[0] == "evaluate" else None],
        )
        assert isinstance(result.exception, BadInput)
        assert "does not know the class 'acorn' and 2 more; it knows airplane" in str(result.exception)


def test_micro_robot_from_python_to_card(
    micro_robot_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROBOTNET_DATA", str(micro_robot_folder))
    out = tmp_path / "out"
    options = ["--from", "microbotnet-0.25", "--data", "micro-robot/outdoor", "--tune", "head", "--out", out]
    trained = _run("train", "modern", *options, "--epochs", 1, "--lr", 0.05, "--holdout", 500)
    assert trained["test_pictures"] == 500
    assert 25 < trained["top1"] < 75  # type: ignore[operator]
    assert 25 < trained["holdout_top1"] < 75, "every class is held out"  # type: ignore[operator]
    assert json.loads((out / "model.json").read_text())["data"]["training_pictures"] == 4500
    measured = _run("evaluate", "--checkpoint", out / "model.safetensors")
    assert (measured["top1"], measured["data"]) == (trained["top1"], "micro-robot/outdoor")
