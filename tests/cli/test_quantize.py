"""`microbotnet quantize` as a user runs it, and what other commands make of its result."""

import json
from pathlib import Path

import pytest
import torch

from microbotnet import create_model
from microbotnet.data.cifar10 import CLASSES, MEAN, STD
from microbotnet.training.checkpoint import load_checkpoint, save_checkpoint

from .command import microbotnet


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained MicroBotNet ×0.32 with its card."""
    path = tmp_path_factory.mktemp("checkpoint") / "float.safetensors"
    torch.manual_seed(0)
    architecture = {"name": "microbotnet", "width": 0.32, "num_classes": 10, "input_size": 32}
    data = {"name": "cifar10", "classes": list(CLASSES), "mean": list(MEAN), "std": list(STD)}
    card = {"architecture": architecture, "quantization": "none", "data": data, "metrics": {"top1": 79.0}}
    save_checkpoint(path, create_model("microbotnet", width=0.32), card)
    return path


def test_dry_run_has_the_published_totals() -> None:
    options = ["--width", "0.32", "--policy", "notes", "--dry-run", "--json"]
    done = microbotnet("quantize", "microbotnet", *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads(done.stdout)
    totals = found["totals"]
    assert (totals["layers"], totals["weights"], totals["unquantized"]) == (31, 153_792, 82_866)
    assert totals["weight_bytes"] == {"before": 946_632, "after": 369_912}
    assert len(found["layers"]) == 31
    assert found["layers"][0] == {
        "name": "features.3.conv.0", "kind": "pointwise", "shape": [80, 16, 1, 1], "weights": 1280,
    }  # fmt: skip


def test_the_table_fits_100_columns_and_has_totals() -> None:
    done = microbotnet("quantize", "microbotnet", "--width", 0.32, "--policy", "notes-conv", "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines[:-2])) <= 100
    assert len(lines) == 1 + 19 + 2
    assert lines[-2] == "19 layers, 78,272 weights: 33% of 236,658 parameters"
    assert "features.10.conv.7  pointwise  32×184×1×1    5,888   2.5%" in done.stdout


def test_dry_run_reads_a_checkpoint_and_a_policy_file(checkpoint: Path, tmp_path: Path) -> None:
    policy = tmp_path / "head.toml"
    policy.write_text('names = ["classifier.*"]\nothers = 8\n')
    done = microbotnet("quantize", checkpoint, "--policy", policy, "--dry-run", "--quantizer", "binary", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [layer["name"] for layer in found["layers"]] == ["classifier.1"]
    assert found["totals"]["bits"] == 1
    assert found["policy"]["name"] == "head"


@pytest.mark.parametrize("quantizer", ["ttq", "one-negative-one", "twn", "absmean", "binary"])
def test_the_result_is_read_by_the_other_commands(checkpoint: Path, tmp_path: Path, quantizer: str) -> None:
    output = tmp_path / "small.safetensors"
    done = microbotnet("quantize", checkpoint, "--quantizer", quantizer, "-o", output, "--json")
    assert done.returncode == 0, done.stderr
    assert "not trained again: expect a low accuracy" in done.stderr
    assert json.loads(done.stdout)["checkpoint"] == str(output)
    card = json.loads(output.with_suffix(".json").read_text())
    assert (card["quantization"]["policy"], card["quantization"]["quantizer"]) == ("notes", quantizer)
    assert card["quantization"].get("threshold") == {"twn": 0.7, "absmean": None, "binary": None}.get(quantizer, 0.05)
    assert "metrics" not in card  # the float network's score is not this one's
    shown = json.loads(microbotnet("show", "weights", output, "--json").stdout)
    assert (shown["ternary"]["layers"], shown["ternary"]["weights"], shown["not_ternary"]) == (31, 153_792, 82_866)
    assert (shown["ternary"]["zero"] == 0) == (quantizer == "binary")
    profiled = json.loads(microbotnet("profile", "--checkpoint", output, "--json").stdout)
    assert profiled["parameters"] == 236_658
    assert profiled["macs"]["conv_linear"] == 782_368


def test_what_is_left_has_8_bits_under_pointwise(checkpoint: Path, tmp_path: Path) -> None:
    output = tmp_path / "small.safetensors"
    assert microbotnet("quantize", checkpoint, "--policy", "pointwise", "-o", output).returncode == 0
    before, after = load_checkpoint(checkpoint).model.state_dict(), load_checkpoint(output).model.state_dict()
    stem = "features.0.0.weight"
    step = before[stem].abs().amax((1, 2, 3), keepdim=True) / 127
    assert not torch.equal(before[stem], after[stem])
    assert torch.allclose(after[stem] / step, (before[stem] / step).round(), atol=1e-3)
    assert set(after["features.10.conv.7.weight"].unique().tolist()) == {-1.0, 0.0, 1.0}
    low, zero, high = after["features.13.weight"].unique().tolist()  # no batch norm follows: one scale
    assert (low, zero) == (-high, 0)
    assert high == pytest.approx(before["features.13.weight"].abs().mean().item(), rel=0.2)


def test_the_published_network_scores_as_measured(shared: Path, cifar10_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "signs.safetensors"
    published = shared / "checkpoints" / "micro_one_neg_one_x0_32.pytorch_state"
    assert microbotnet("quantize", published, "-o", output).returncode == 0
    shown = json.loads(microbotnet("show", "weights", output, "--json").stdout)
    counts = {"layers": 31, "weights": 153_792, "positive": 12_222, "zero": 134_124, "negative": 7_446}
    assert shown["ternary"] == counts
    assert shown["not_ternary"] == 82_866
    scored = json.loads(microbotnet("evaluate", "--checkpoint", output, "--data", cifar10_folder, "--json").stdout)
    assert scored["top1"] == pytest.approx(72.30, abs=0.02)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["microbotnet"], "give --output"),
        (["microbotnet", "-o", "small.safetensors"], "without trained weights"),
        (["microbotne", "--dry-run"], "neither a network nor a checkpoint; did you mean 'microbotnet'?"),
        (["microbotnet-1.01", "--dry-run"], "did you mean 'microbotnet-1.00'?"),
        (["nothing.safetensors", "--dry-run"], "no such checkpoint"),
        (["microbotnet", "--dry-run", "--policy", "nots"], "did you mean 'notes'?"),
        (["microbotnet", "--dry-run", "--policy", "nothing.toml"], "cannot be read as a policy"),
        (["mobilenet-v1", "--dry-run"], "'features.*.*.*' matches no layer"),
        (["microbotnet", "--dry-run", "--quantizer", "ttk"], "did you mean 'ttq'?"),
        (["microbotnet", "--dry-run", "--quantizer", "absmean", "--threshold", "0.1"], "absmean has no threshold"),
        (["microbotnet", "--dry-run", "--threshold", "1"], "under 1, not 1"),
        (["microbotnet", "--dry-run", "--quantizer", "ttq", "--start", "two"], "start must be"),
        (["microbotnet", "--dry-run", "--net", "resnet8"], "a network itself"),
        (["microbotnet", "--dry-run", "-o", "small.safetensors"], "writes nothing"),
        (["microbotnet-1.00", "--dry-run", "--width", "1"], "its card says"),
        (["microbotnet-1.00", "-o", "small.pth"], "ends in .safetensors"),
        (["microbotnet-1.00", "-o", "folder.safetensors"], "ends in .safetensors"),
    ],
)
def test_bad_input_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, args: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.safetensors").mkdir()
    done = microbotnet("quantize", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.safetensors"]


def test_the_checkpoint_itself_is_not_written_over(checkpoint: Path) -> None:
    before = checkpoint.read_bytes()
    done = microbotnet("quantize", checkpoint, "-o", checkpoint)
    assert done.returncode == 2
    assert "choose another name" in done.stderr
    assert checkpoint.read_bytes() == before
