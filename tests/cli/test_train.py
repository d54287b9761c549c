"""`microbotnet train`, `evaluate` and `weights`, as users run them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

from microbotnet import create_model, trace
from microbotnet.cli import app, main
from microbotnet.cli.train import DESIGN
from microbotnet.data import source
from microbotnet.design import load_design, to_toml
from microbotnet.errors import BadInput
from microbotnet.integer.checkpoint import lower_checkpoint
from microbotnet.quant import bake, quantize
from microbotnet.quant.policy import choose, load_policy
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.weights import DEFAULT, shipped_cards

from .command import microbotnet


@pytest.fixture
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR-10 of 300 made-up pictures."""

    def load(folder: Path | None, split: str) -> tuple[torch.Tensor, torch.Tensor]:
        images = torch.randint(0, 256, (300, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        return images, torch.arange(300) % 10

    monkeypatch.setattr(source, "load_cifar10", load)


def folder_of_pictures(root: Path, counts: dict[str, int]) -> Path:
    for k, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(np.full((20, 20, 3), 60 * k + i, np.uint8)).save(root / name / f"{i}.png")
    return root


@pytest.mark.parametrize(
    ("counts", "options", "said"),
    [
        ({"ant": 40, "cup": 30}, [], "63 training pictures do not fill a batch of 128: batches of 7 instead"),
        ({"ant": 9, "bee": 1, "cup": 1}, [], "class 'bee' and 1 more: one picture only, which is trained with"),
        ({"ant": 11, "cup": 9}, ["--batch", "17"], ""),  # a last batch of one picture
    ],
)
def test_small_sets_are_trained_on(counts: dict[str, int], options: list[str], said: str, tmp_path: Path) -> None:
    root = folder_of_pictures(tmp_path / "set", counts)
    command = ["train", "modern", "--net", "grain-s", "--epochs", "1", "--data", str(root)]
    done = microbotnet(*command, *options, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("microbotnet: ")]
    assert [line for line in lines if said in line] == ([lines[0]] if said else [])
    made = str(tmp_path / "out" / "model.safetensors")
    wrong = CliRunner().invoke(app, ["evaluate", "--checkpoint", made, "--data", str(root), "--split", "0.4"])
    assert "was trained on set with --split 0.1, so it has seen some of the pictures" in str(wrong.exception)
    wrong = CliRunner().invoke(app, ["evaluate", "--checkpoint", made])
    assert "was trained on set; say where they are: --data FOLDER" in str(wrong.exception)


@pytest.mark.usefixtures("few_pictures")
def test_train_then_evaluate_what_it_made(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    options = ["--width", "0.25", "--epochs", "2", "--batch", "50", "--holdout", "100", "--out", str(out)]
    result = CliRunner().invoke(app, ["train", "modern", *options, "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["checkpoint"] == str(out / "model.safetensors")
    assert [record["epoch"] for record in answer["epochs"]] == [1, 2]
    card = json.loads((out / "model.json").read_text())
    assert card["recipe"]["name"] == "modern"
    assert card["recipe"]["epochs"] == 2
    assert card["data"]["training_pictures"] == 200
    assert card["architecture"] == {"name": "microbotnet", "width": 0.25, "num_classes": 10, "input_size": 32}
    assert {"torch", "microbotnet", "lightning-fabric", "python"} <= card["versions"].keys()
    assert (out / "log.csv").read_text().startswith("epoch,learning_rate,loss,train_top1,holdout_top1,seconds\n1,")
    assert list((out / "tensorboard").iterdir())

    result = CliRunner().invoke(app, ["evaluate", "--checkpoint", str(out / "model.safetensors"), "--json"])
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)
    assert measured["top1"] == answer["top1"]
    assert measured["pictures"] == 300

    again = CliRunner().invoke(app, ["train", "modern", *options, "--json"])
    assert json.loads(again.stdout)["top1"] == answer["top1"], "a finished training is not begun again"


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_train_in_bfloat16(tmp_path: Path, precision: str) -> None:
    options = ["--width", "0.25", "--epochs", "1", "--batch", "100", "--out", str(tmp_path), "--precision", precision]
    result = CliRunner().invoke(app, ["train", "modern", *options, "--json"])
    assert result.exit_code == 0, result.output
    assert 1 < json.loads(result.stdout)["epochs"][0]["loss"] < 4


@pytest.mark.usefixtures("few_pictures")
def test_distillation_from_a_shipped_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    teacher = next(iter(shipped_cards()))
    options = ["--width", "0.25", "--epochs", "1", "--batch", "100", "--out", str(tmp_path / "out"), "--json"]
    follow = ["--temperature", "4", "--distillation", "0.9"]
    result = CliRunner().invoke(app, ["train", "modern", *options, "--teacher", teacher, *follow])
    assert result.exit_code == 0, result.output
    recipe = json.loads((tmp_path / "out" / "model.json").read_text())["recipe"]
    assert (recipe["teacher"], recipe["temperature"], recipe["distillation"]) == (teacher, 4.0, 0.9)
    alone = CliRunner().invoke(app, ["train", "modern", *options, *follow])
    assert alone.exit_code != 0
    assert "give --teacher too" in str(alone.exception)


@pytest.mark.usefixtures("few_pictures")
def test_unlabelled_pictures_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    frames = tmp_path / "frames"
    frames.mkdir()
    for i in range(40):
        Image.fromarray(np.full((20, 20, 3), 6 * i, np.uint8)).save(frames / f"{i}.png")
    options = ["--width", "0.25", "--epochs", "1", "--batch", "100", "--holdout", "100", "--json"]
    more = ["--teacher", "microbotnet-0.25", "--unlabelled", str(frames)]
    result = CliRunner().invoke(app, ["train", "modern", *options, *more])
    assert result.exit_code == 0, result.output
    (card,) = tmp_path.glob("runs/modern-microbotnet-0.25-and-frames-*/model.json")
    data = json.loads(card.read_text())["data"]
    assert (data["training_pictures"], data["unlabelled"]) == (200, {"sets": [str(frames)], "pictures": 40})
    none = CliRunner().invoke(app, ["train", "modern", *options[:4], "--holdout", "300", *more])
    assert "cifar10 has 300 training pictures; a holdout of 300 leaves none" in str(none.exception)
    alone = CliRunner().invoke(app, ["train", "modern", *options, "--unlabelled", str(frames)])
    assert "--unlabelled, --distillation, --temperature and --views say how a teacher" in str(alone.exception)


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize("quantizer", ["one-negative-one", "ttq"])
def test_ternary_training_from_shipped_weights_is_killed_and_goes_on(
    tmp_path: Path, dies_after: Callable[[int], AbstractContextManager[None]], quantizer: str
) -> None:
    options = ["--from", "microbotnet-0.25", "--policy", "notes", "--quantizer", quantizer, "--batch", "50", "--json"]
    options += ["--epochs", "2", "--lr", "0.001"]
    whole = CliRunner().invoke(app, ["train", "modern", *options, "--out", str(tmp_path / "whole")])
    assert whole.exit_code == 0, whole.output
    with dies_after(1):
        assert CliRunner().invoke(app, ["train", "modern", *options, "--out", str(tmp_path / "cut")]).exit_code != 0
    rest = CliRunner().invoke(app, ["train", "modern", *options, "--out", str(tmp_path / "cut")])
    assert rest.exit_code == 0, rest.output
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("cut", "whole"))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    card = json.loads((tmp_path / "whole" / "model.json").read_text())
    assert card["quantization"] == {"policy": "notes", "quantizer": quantizer, "retrained": True}
    measured = CliRunner().invoke(
        app, ["evaluate", "--checkpoint", str(tmp_path / "whole" / "model.safetensors"), "--json"]
    )
    assert json.loads(measured.stdout)["top1"] == json.loads(whole.stdout)["top1"]
    graph = trace(load_checkpoint(tmp_path / "whole" / "model.safetensors").model)
    kernels = [node.weight for node in graph if node.kind in ("conv", "depthwise_conv", "linear")]
    chosen = choose(create_model("microbotnet", width=0.25), load_policy("notes")).chosen
    assert sum(kernel is not None and kernel.ternary for kernel in kernels) == len(chosen) > 20
    latent = load_checkpoint(tmp_path / "whole" / "latent.safetensors").model
    if quantizer == "one-negative-one":  # a trained scale is not in it
        quantize(latent, "notes", quantizer)
        made = bake(latent).state_dict()
        assert all(torch.equal(made[key], theirs[key]) for key in theirs)
    refused = {
        "model": "would be trained as floats; give --policy",
        "latent": f"would go on as floats; give --policy notes --quantizer {quantizer}",
    }
    for name, message in refused.items():
        options[1] = str(tmp_path / "whole" / f"{name}.safetensors")
        again = CliRunner().invoke(app, ["train", "modern", *options[:2], "--out", str(tmp_path / "float")])
        assert isinstance(again.exception, BadInput)
        assert message in str(again.exception)


@pytest.mark.usefixtures("few_pictures")
def test_training_with_power_of_two_scales_makes_firmware_that_shifts(tmp_path: Path) -> None:
    options = ["--from", "grain-s", "--policy", "pointwise-but-last", "--activations", "8", "--scales", "power-of-two"]
    options += ["--epochs", "1", "--batch", "100", "--out", str(tmp_path), "--json"]
    run = CliRunner().invoke(app, ["train", "settle", *options])
    assert run.exit_code == 0, run.output
    card = json.loads((tmp_path / "model.json").read_text())
    assert card["quantization"]["activations"] == {"bits": 8, "scales": "power-of-two"}
    program = lower_checkpoint(tmp_path / "model.safetensors")
    assert all(how.shifts for operator in program.operators for how in operator.rounding)
    measured = CliRunner().invoke(app, ["evaluate", "--checkpoint", str(tmp_path / "model.safetensors"), "--json"])
    assert json.loads(measured.stdout)["top1"] == json.loads(run.stdout)["top1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "modern", "--scales", "power-of-two"], "give --activations 8 too"),
        (["train", "modern", "--scales", "two"], "scales must be one of any, power-of-two"),
        (["train", "modern", "--from", "microbotnet-0.25", "--width", "0.5"], "leave out --width"),
        (["train", "modern", "--from", "grain-m", "--net", "grain-s"], "its weights do not fit"),
        (["train", "modern", "--from", "grain-m", "--net", "microbotnet"], "microbotnet: no design"),
        (["train", "modern", "--policy", "note"], "did you mean 'notes'"),
        (["train", "modern", "--policy", "notes", "--quantizer", "tqq"], "did you mean 'ttq'"),
        (["train", "moderne"], "no recipe 'moderne'"),
        (["train", "modern", "--net", "micrbotnet"], "did you mean 'microbotnet'"),
        (["train", "modern", "--epochs", "0"], "epochs must be from 1"),
        (["train", "modern", "--data", "/nowhere"], "/nowhere"),
        (["train", "modern", "--precision", "8-bit"], "8-bit"),
        (["train", "modern", "--accelerator", "abacus"], "abacus"),
        (["train", "modern", "--teacher", "nobody"], "nobody: no such checkpoint"),
        (["evaluate", "--checkpoint", "absent.pth"], "absent.pth: no such checkpoint"),
        (["evaluate", "--width", "0.33"], "no weights are shipped for microbotnet ×0.33"),
        (["evaluate", "--data", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path,
    cifar10_folder: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    data = [] if "--data" in arguments else ["--data", str(cifar10_folder)]
    monkeypatch.setattr("sys.argv", ["microbotnet", *arguments, *data])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2, printed.err
    assert message in printed.err
    assert "\n" not in printed.err.removesuffix("\n")
    assert printed.out == ""
    assert not list(tmp_path.iterdir())


def test_weights_lists_what_is_shipped() -> None:
    result = CliRunner().invoke(app, ["weights", "--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)["weights"]}
    assert {"microbotnet-0.25", "microbotnet-0.32", "microbotnet-0.50", "microbotnet-1.00"} <= rows.keys()
    assert rows["microbotnet-0.32"]["width"] == 0.32
    assert rows["microbotnet-0.32"]["quantization"] == "none"
    assert 70 < rows["microbotnet-0.32"]["top1"] < 100
    assert all(np.isfinite(row["top1"]) for row in rows.values())
    table = CliRunner().invoke(app, ["weights"]).stdout
    assert all(name in table for name in rows)


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize(("options", "named"), [(["--width", "0.25"], "microbotnet-0.25"), ([], DEFAULT)])
def test_evaluate_takes_shipped_weights(options: list[str], named: str) -> None:
    result = CliRunner().invoke(app, ["evaluate", *options, "--json"])
    assert json.loads(result.stdout)["checkpoint"] == named


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize(("options", "named"), [([], DESIGN), (["--width", "0.25"], "microbotnet")])
def test_what_is_trained_if_no_network_is_named(tmp_path: Path, options: list[str], named: str) -> None:
    out = tmp_path / "mine"
    run = CliRunner().invoke(app, ["train", "modern", *options, "--epochs", "1", "--batch", "100", "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert json.loads((out / "model.json").read_text())["architecture"]["name"] == named


@pytest.mark.usefixtures("few_pictures")
def test_a_design_begins_with_the_weights_of_another(tmp_path: Path) -> None:
    smaller = load_design("grain-s")
    stages = (*smaller.stages[:-1], replace(smaller.stages[-1], expansion=1.5))
    (tmp_path / "less.toml").write_text(to_toml(replace(smaller, stages=stages)), "utf-8")
    options = ["--policy", "pointwise-but-last", "--activations", "8", "--epochs", "1", "--batch", "100"]
    begun = ["--from", "grain-s-ternary", "--net", str(tmp_path / "less.toml"), "--out", str(tmp_path / "out")]
    run = CliRunner().invoke(app, ["train", "settle", *begun, *options])
    assert run.exit_code == 0, run.output
    card = json.loads((tmp_path / "out" / "model.json").read_text())
    assert card["architecture"]["name"] == "less"
    assert card["architecture"]["design"]["stages"][-1]["expansion"] == 1.5
    assert card["recipe"]["begin"] == "grain-s-ternary"
