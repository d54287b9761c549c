"""`microbotnet classify` as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import microbotnet
from microbotnet.cli import main
from microbotnet.data.cifar10 import CLASSES, MEAN, STD, load_cifar10
from microbotnet.nets import create_model
from microbotnet.training.checkpoint import load_checkpoint, save_checkpoint

DEMO = Path(microbotnet.__file__).parent / "demo" / "pictures"


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network that has opinions."""
    torch.manual_seed(1)
    architecture = {"name": "microbotnet", "width": 0.25, "num_classes": 10, "input_size": 32}
    model = create_model(**architecture)
    torch.nn.init.normal_(model.classifier[1].weight, std=3)
    path = tmp_path_factory.mktemp("checkpoint") / "untrained.safetensors"
    save_checkpoint(path, model, {"architecture": architecture, "data": {"classes": CLASSES, "mean": MEAN, "std": STD}})
    return path


class Run:
    """`microbotnet classify` in this process."""

    def __init__(self, checkpoint: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.checkpoint, self.capsys, self.patch = checkpoint, capsys, patch

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        words = ["microbotnet", "classify", "--checkpoint", str(self.checkpoint), *map(str, arguments)]
        self.patch.setattr(sys, "argv", words)
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
        return code, *self.capsys.readouterr()


@pytest.fixture
def run(checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(checkpoint, capsys, monkeypatch)


def test_json_holds_what_the_network_says(run: Run, checkpoint: Path) -> None:
    code, out, err = run(DEMO, "--json", "--top", 10)
    files = json.loads(out)["files"]
    assert (code, err) == (0, "")
    assert [Path(entry["file"]).name for entry in files] == sorted(p.name for p in DEMO.glob("*.png"))
    model = load_checkpoint(checkpoint).model
    for entry in files:
        pixels = np.asarray(Image.open(entry["file"]).convert("RGB")).transpose(2, 0, 1) / 255
        normalised = (pixels - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
        with torch.no_grad():
            expected = model(torch.tensor(normalised, dtype=torch.float32)[None]).softmax(1)[0]
        found = {p["label"]: p["probability"] for p in entry["predictions"]}
        assert [found[label] for label in CLASSES] == pytest.approx(expected.tolist(), abs=2e-5)
        assert [p["probability"] for p in entry["predictions"]] == sorted(found.values(), reverse=True)


def test_the_table_shows_names_and_bars(run: Run) -> None:
    code, out, _ = run(DEMO / "ship.png", DEMO / "cat.png", "--top", 2)
    lines = out.splitlines()
    assert code == 0
    assert len(lines) == 6
    assert lines[0] == str(DEMO / "ship.png")
    assert lines[3] == str(DEMO / "cat.png")
    label, percent, sign, bar = lines[1].split()
    assert label in CLASSES
    assert sign == "%"
    assert len(bar) == pytest.approx(24 * float(percent) / 100, abs=1)


def test_bad_files_get_a_line_each_and_the_others_an_answer(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "cut.png").write_bytes((DEMO / "cat.png").read_bytes()[:999])
    (tmp_path / "folder").mkdir()
    bad = [tmp_path / name for name in ("empty.png", "text.png", "cut.png", "folder", "missing.png")]
    code, out, err = run("--json", bad[0], DEMO / "ship.png", *bad[1:], DEMO / "ship.png")
    assert code == 2
    assert [line.split(": ")[:2] for line in err.splitlines()] == [["microbotnet", str(file)] for file in bad]
    result = json.loads(out)
    assert [entry["file"] for entry in result["files"]] == [str(DEMO / "ship.png")] * 2
    assert [entry["file"] for entry in result["errors"]] == [str(file) for file in bad]
    assert run(bad[0])[:2] == (2, "")


@pytest.mark.parametrize(
    "name", ["a b.png", "Größe 🚢.png", "-x.png", "--json", "[red]x.png", "new\nline.png", "b\udcffd.png"]
)
def test_odd_names(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(DEMO / "cat.png", name)
    code, out, err = run("--top", 1, "--", name)
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == name.replace("\n", "\\n").replace("\udcff", "\\udcff")
    assert second.split()[0] in CLASSES
    assert run("--", f"{name}?")[2].count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--top", "0", "x.png"], "--top"),
        ([], "Missing argument"),
        (["--width", "0.25", "x.png"], "give --checkpoint or --width, not both"),
        (["--checkpoint", "nowhere.safetensors", "x.png"], "nowhere.safetensors: no such checkpoint"),
    ],
)
def test_wrong_options(run: Run, arguments: list[str], complaint: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert complaint in err


def test_from_the_shell_with_standard_input_and_odd_bytes(checkpoint: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.png"
    shutil.copy(DEMO / "cat.png", odd)
    command = [sys.executable, "-m", "microbotnet", "classify", "--json", "--checkpoint", checkpoint, "-", odd, "gone"]
    done = subprocess.run(command, input=(DEMO / "cat.png").read_bytes(), capture_output=True)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == ["microbotnet: gone: cannot be read (No such file or directory)"]
    stdin, file = json.loads(done.stdout)["files"]
    assert stdin["file"] == "-"
    assert os.fsencode(file["file"]) == odd
    assert stdin["predictions"] == file["predictions"]


def test_a_reader_that_leaves_early_meets_no_traceback(checkpoint: Path) -> None:
    command = [sys.executable, "-m", "microbotnet", "classify", "--checkpoint", checkpoint, *[DEMO] * 300]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().strip().endswith(b"airplane.png")
    process.stdout.close()
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1


def test_the_demo_pictures_are_test_pictures_to_the_pixel(cifar10_folder: Path) -> None:
    pictures, labels = load_cifar10(cifar10_folder, "test")
    rows = [line.split("|") for line in (DEMO / "README.md").read_text().splitlines() if ".png" in line]
    indices = {name.strip(): int(index) for _, name, index, _ in rows}
    assert set(indices) == {file.name for file in DEMO.glob("*.png")}
    for name, index in indices.items():
        assert np.array_equal(np.asarray(Image.open(DEMO / name)), pictures[index].permute(1, 2, 0).numpy())
        assert f"{CLASSES[labels[index]]}.png" == name


def test_a_published_network_names_the_demo_pictures(shared: Path, run: Run) -> None:
    run.checkpoint = shared / "checkpoints" / "fd_mobilenetv3_x0_32.pth"
    code, out, _ = run(DEMO, "--json")
    assert code == 0
    for entry in json.loads(out)["files"]:
        assert entry["predictions"][0]["label"] == Path(entry["file"]).stem
