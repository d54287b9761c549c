"""`microbotnet import`, and other networks wherever a command takes a checkpoint: as users run them."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

import microbotnet
from microbotnet.cli import app
from microbotnet.integer.interpreter import run

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.stem(x))).mean((2, 3)))


class Grey(nn.Module):
    input_shape = (1, 16, 16)
    mean, std = (0.5,), (0.25,)
    labels = ("a", "b", "c")

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, 2, 1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).mean((2, 3)))


class Vector(nn.Module):
    input_shape = (12,)

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(12, 8), nn.Linear(8, 12)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


class Branch(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def needs(classes):
    return Net(classes)


def number():
    return 5


def broken():
    raise RuntimeError("no luck")
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a user's network, its weights and some pictures; the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text(NET)
    torch.manual_seed(0)
    torch.save({"state_dict": {f"model.{key}": value for key, value in own("Net").state_dict().items()}}, "net.ckpt")
    (tmp_path / "pictures").mkdir()
    for i in range(4):
        pixels = np.random.default_rng(i).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{i}.png")
    return tmp_path


def own(name: str) -> nn.Module:
    names: dict[str, Any] = {}
    exec(NET, names)
    model = names[name]().eval()
    assert isinstance(model, nn.Module)
    return model


def call(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


MADE = ("--calibrate", "pictures", "-o", "a.program")


def error_of(*words: object) -> str:
    done = call(*words)
    assert isinstance(done.exception, microbotnet.BadInput), done.output
    assert done.stdout == ""
    return str(done.exception)


def test_a_module_becomes_a_program_that_every_command_takes(desk: Path) -> None:
    words = ("my_net.py:Net", "--weights", "net.ckpt", "--calibrate", "pictures")
    with pytest.warns(UserWarning, match=r"running the code of my_net\.py"):
        done = call("import", *words, "-o", "net.program", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert list(found) == ["program", "operators", "inputs", "outputs", "exact", "layers"]
    assert (found["program"], found["inputs"], found["outputs"]) == ("net.program", [[3, 32, 32]], [[10]])
    assert found["operators"] == len(found["layers"]) == 4
    assert all(set(layer) == {"name", "exact", "worst_units"} for layer in found["layers"])
    assert all(layer["exact"] == (layer["worst_units"] == 0) for layer in found["layers"])
    assert found["exact"] == all(layer["exact"] for layer in found["layers"])
    assert max(layer["worst_units"] for layer in found["layers"][:-1]) <= 1
    program = microbotnet.load_program("net.program")
    assert program.labels[6] == "frog"

    profiled = json.loads(call("profile", "net.program", "--json").stdout)
    with pytest.warns(UserWarning, match="running the code of"):
        floats = json.loads(call("profile", "my_net.py:Net", "--json").stdout)
    assert profiled["macs"]["conv_linear"] == floats["macs"]["conv_linear"] == 16 * 16 * 8 * 27 + 80
    assert call("render", "net.program", "-o", "net.svg").exit_code == 0
    answers = json.loads(call("classify", "pictures", "--checkpoint", "net.program", "--json").stdout)
    assert len(answers["files"]) == 4
    assert call("export", "net.program", "--c", "c").exit_code == 0
    assert (desk / "c" / "net.c").is_file()
    shown = json.loads(call("show", "weights", "net.program", "--json").stdout)
    assert [kernel["name"] for kernel in shown["kernels"]] == ["stem", "head"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["pt2", "onnx"])
def test_a_file_gives_the_modules_program(desk: Path, form: str) -> None:
    model = own("Net")
    model.load_state_dict({k.removeprefix("model."): v for k, v in torch.load("net.ckpt")["state_dict"].items()})
    example = (torch.zeros(1, 3, 32, 32),)
    if form == "pt2":
        torch.export.save(torch.export.export(model, example), "net.pt2")
    else:
        pytest.importorskip("onnx", reason="onnx is not installed")
        torch.onnx.export(model, example, "net.onnx", dynamo=False, do_constant_folding=False)
    pictures = np.random.default_rng(0).integers(0, 256, (16, 3, 32, 32), dtype=np.uint8)
    scores = []
    for name, weights in ((f"net.{form}", ()), ("my_net.py:Net", ("--weights", "net.ckpt"))):
        done = call(
            "import", name, *weights, "--calibrate", "pictures", "--mean", "0.4", "--std", "0.3", "-o", "a.program"
        )
        assert done.exit_code == 0, done.output
        scores.append(run(microbotnet.load_program("a.program"), pictures))
    assert np.abs(scores[0].astype(int) - scores[1]).max() <= 40  # of 65,536


@pytest.mark.filterwarnings("ignore")
def test_mean_std_and_labels_are_what_was_said(desk: Path) -> None:
    words = ("my_net.py:Net", "--weights", "net.ckpt", "--calibrate", "pictures", "-o", "a.program")

    def scores(*more: str) -> Any:
        done = call("import", *words, *more)
        assert done.exit_code == 0, done.output
        program = microbotnet.load_program("a.program")
        pixels = np.full((1, 3, 32, 32), 128, np.uint8)
        return run(program, pixels) * program.result.scale, program

    model = own("Net")
    model.load_state_dict({k.removeprefix("model."): v for k, v in torch.load("net.ckpt")["state_dict"].items()})
    for mean, std in ((0.5, 0.25), (0.0, 1.0)):
        made, program = scores("--mean", str(mean), "--std", str(std), "--labels", ",".join("abcdefghij"))
        with torch.no_grad():
            expected = model(torch.full((1, 3, 32, 32), (128 / 255 - mean) / std)).numpy()
        assert np.abs(made - expected).max() < 0.1 * np.abs(expected).max() + 0.02
        assert program.labels == tuple("abcdefghij")


@pytest.mark.filterwarnings("ignore")
def test_grey_pictures_and_vectors(desk: Path) -> None:
    done = call("import", "my_net.py:Grey", "--calibrate", "pictures", "-o", "grey.program", "--json")
    assert json.loads(done.stdout)["inputs"] == [[1, 16, 16]]
    answers = json.loads(call("classify", "pictures", "--checkpoint", "grey.program", "--json").stdout)
    assert {p["label"] for file in answers["files"] for p in file["predictions"]} == {"a", "b", "c"}

    np.save("vectors.npy", np.random.default_rng(0).normal(size=(20, 12)).astype(np.float32))
    done = call("import", "my_net.py:Vector", "--calibrate", "vectors.npy", "-o", "vector.program", "--json")
    found = json.loads(done.stdout)
    assert (found["inputs"], found["outputs"]) == ([[12]], [[12]])
    program = microbotnet.load_program("vector.program")
    x = program.tensors[program.input]
    vectors = np.load("vectors.npy")
    integers = np.clip(np.rint(vectors / x.scale) + x.zero_point, -128, 127).astype(np.int8)
    (outputs,) = microbotnet.load(program).outputs(integers.reshape(-1, 12, 1, 1))
    assert outputs.shape == (20, 12)
    assert "no square pictures" in error_of("classify", "pictures", "--checkpoint", "vector.program")


@pytest.mark.filterwarnings("ignore")
def test_quantized_weights_of_ones_own_go_back_in(desk: Path) -> None:
    done = call("quantize", "my_net.py:Net", "--weights", "net.ckpt", "--policy", "all", "-o", "q.safetensors")
    assert done.exit_code == 0, done.output
    shown = json.loads(call("show", "weights", "my_net.py:Net", "--weights", "q.safetensors", "--json").stdout)
    assert shown["ternary"]["layers"] >= 1
    assert "open it as my_net.py:Net --weights" in error_of("evaluate", "--checkpoint", "q.safetensors")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("my_net.py", "-o", "a.program"), "say what makes the network: my_net.py:NAME"),
        (("absent.py:Net", "-o", "a.program"), "absent.py: no such file"),
        (("my_net.py:Nett", "-o", "a.program"), "my_net.py: has no 'Nett'; it has Net, Grey, Vector, Branch"),
        (("my_net.py:needs", "-o", "a.program"), "write a function without arguments"),
        (("my_net.py:number", "-o", "a.program"), "made a int, no torch.nn.Module"),
        (("my_net.py:broken", "-o", "a.program"), "broken() failed: RuntimeError: no luck"),
        (("my_net.py:torch", "-o", "a.program"), "is a module, no module nor what makes one"),
        (("my_net.py:Branch", "-o", "a.program"), "decides by the values"),
        (("wrong.py:Net", "-o", "a.program"), "wrong.py:2: "),
        (("my_net.py:Net", "-o", "a.program"), "say what sets the ranges of integers: --calibrate"),
        (("my_net.py:Vector", "-o", "a.program"), "--calibrate FILE.npy, float32 (N, 12)"),
        (("my_net.py:Vector", *MADE), "pictures are no input of 12"),
        (("my_net.py:Net", "--calibrate", "pictures", "-o", "a.safetensors"), "ends in .program"),
        (("my_net.py:Net", "--calibrate", "void", "-o", "a.program"), "void: no such folder"),
        (("my_net.py:Net", "--calibrate", "net.npy", "-o", "a.program"), "net.npy: is no .npy file of numbers"),
        (("my_net.py:Net", "--weights", "none.pth", *MADE), "none.pth: no such"),
        (("my_net.py:Net", "--weights", "nan.pth", *MADE), "'stem.bias' is NaN"),
        (("my_net.py:Net", "--net", "resnet8", *MADE), "leave out --net"),
        (("my_net.py:Net", "--mean", "x", *MADE), "--mean x: numbers"),
        (("my_net.py:Net", "--std", "0", *MADE), "--std must be above 0"),
        (("my_net.py:Net", "--mean", "1,2", *MADE), "has 3 channels, and 2 numbers"),
        (("my_net.py:Net", "--labels", "a,b", *MADE), "10 outputs, and 2 labels"),
        (("my_net.py:Net", "--input-shape", "3-32", *MADE), "--input-shape 3-32"),
        (("my_net.py:Net", "--input-shape", "1x32x32", *MADE), "cannot take what a 1×32×32"),
        (("none.pt2", "-o", "a.program"), "none.pt2: no such file"),
        (("none.onnx", "-o", "a.program"), "none.onnx: no such file"),
        (("none.tflite", "-o", "a.program"), "none.tflite: no such file"),
        (("none.program", *MADE), "in integers already"),
        (("net.ckpt", *MADE), "no key of a MicroBotNet"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_writes_nothing(desk: Path, words: tuple[str, ...], says: str) -> None:
    (desk / "wrong.py").write_text("\ndef Net(:\n")
    state = own("Net").state_dict()
    state["stem.bias"][0] = float("nan")
    torch.save(state, "nan.pth")
    (desk / "net.npy").write_bytes(b"no array")
    before = sorted(os.listdir(desk))
    error = error_of("import", *words)
    assert says in error
    assert "\n" not in error
    assert [name for name in sorted(os.listdir(desk)) if name != "__pycache__"] == before


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_without_a_card_takes_its_networks_name(desk: Path) -> None:
    torch.manual_seed(0)
    save_file(microbotnet.create_model("resnet8").state_dict(), "plain.safetensors")
    assert "--net NAME" in error_of("export", "plain.safetensors", "--calibrate", "pictures", "--c", "c")
    done = call("export", "plain.safetensors", "--net", "resnet8", "--calibrate", "pictures", "--c", "c")
    assert done.exit_code == 0, done.output


@pytest.mark.filterwarnings("ignore")
def test_training_begins_with_a_network_of_ones_own(desk: Path) -> None:
    for label in ("nut", "bolt"):
        (desk / "robot" / label).mkdir(parents=True)
        for i in range(12):
            colour = (10 * i, 200 if label == "nut" else 20, 0)
            Image.new("RGB", (32, 32), colour).save(desk / "robot" / label / f"{i}.png")
    words = ("train", "transfer", "--data", "robot", "--epochs", 1, "--batch", 8, "--out", "out")
    assert "has 10 outputs, the pictures 2 classes" in error_of(*words, "--from", "my_net.py:Net")
    (desk / "two.py").write_text(NET + "\n\ndef two():\n    return Net(2)\n")
    done = call(*words, "--from", "two.py:two")
    assert done.exit_code == 0, done.output
    words = ("two.py:two", "--weights", "out/model.safetensors", "--calibrate", "robot", "-o", "a.program")
    assert call("import", *words).exit_code == 0


def test_the_reference_resnet_scores_what_it_does_on_a_microcontroller(shared: Path, cifar10_folder: Path) -> None:
    file = shared / "models" / "pretrainedResnet_quant.tflite"
    done = call("evaluate", "--checkpoint", file, "--data", cifar10_folder, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["top1"] == 87.09


def test_an_int8_file_needs_no_pictures_and_keeps_its_own_scales(shared: Path, desk: Path) -> None:
    file = shared / "models" / "kws_ref_model.tflite"
    done = call("import", file, "-o", "kws.program", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["outputs"] == [[12]]
    assert found["exact"]
    assert "in integers already" in error_of("import", file, "--calibrate", "pictures", "-o", "a.program")
    assert "leave out --weights" in error_of("export", file, "--weights", "net.ckpt", "--c", "c")
    assert "has no float weights" in error_of("quantize", file, "-o", "q.safetensors")
    assert "need float weights" in error_of("evaluate", "--checkpoint", file, "-o", "page.html")
    profiled = json.loads(call("profile", file, "--json").stdout)
    assert profiled["macs"]["conv_linear"] == 2_656_768


def test_probabilities_of_a_file_that_ends_in_softmax_are_its_own(shared: Path, desk: Path) -> None:
    done = call("classify", "pictures", "--checkpoint", shared / "models" / "pretrainedResnet_quant.tflite",
                "--top", 10, "--json")  # fmt: skip
    for file in json.loads(done.stdout)["files"]:
        chances = [p["probability"] * 256 for p in file["predictions"]]
        assert all(abs(chance - round(chance)) < 0.01 for chance in chances)
        assert 250 <= sum(chances) <= 262


@pytest.mark.filterwarnings("ignore")
def test_firmware_of_a_network_that_sees_grey(desk: Path) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    words = ("my_net.py:Grey", "--calibrate", "pictures", "--board", "microbit", "--run", "pictures", "--json")
    done = call("firmware", *words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["bit_exact"]
    assert {p["label"] for p in found["predictions"]} <= {"a", "b", "c"}


def test_an_int8_input_of_normalised_pixels_takes_their_mean_and_std(shared: Path, desk: Path) -> None:
    """Of the reference file, whose int8 is pixel − 128 at a scale of 1: (p / 255 − 0) / (1 / 255) is p."""
    file = shared / "models" / "pretrainedResnet_quant.tflite"
    pictures = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    made = {}
    for name, words in {"plain": (), "said": ("--mean", "0", "--std", str(1 / 255))}.items():
        assert call("import", file, *words, "-o", f"{name}.program").exit_code == 0
        program = microbotnet.load_program(f"{name}.program")
        assert program.tensors[program.input].dtype == "uint8"
        made[name] = run(program, pictures)
    assert np.array_equal(made["plain"], made["said"])
    assert "leave out --mean" in error_of("classify", "pictures", "--checkpoint", "plain.program", "--mean", "0.5")


SEVERAL = """
import torch
from torch import nn


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head, self.mask = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 10), nn.Conv2d(8, 1, 1)

    def forward(self, x):
        y = torch.relu(self.body(x))
        return self.head(y.mean((2, 3))), self.mask(y)


class Signal(nn.Module):
    input_shape = (2, 32)

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv1d(2, 4, 5, 2, 2), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).mean(2))
"""


@pytest.mark.filterwarnings("ignore")
def test_several_outputs_and_signals(desk: Path) -> None:
    (desk / "several.py").write_text(SEVERAL)
    done = call("import", "several.py:Two", "--calibrate", "pictures", "-o", "two.program", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["outputs"] == [[10], [1, 16, 16]]
    for name in ("several.py:Two", "two.program"):
        assert "outputs" in error_of("classify", "pictures", "--checkpoint", name) or name.endswith("Two")
    assert "no list of scores" in error_of("evaluate", "--checkpoint", "several.py:Two")
    np.save("signals.npy", np.random.default_rng(0).normal(size=(20, 2, 32)).astype(np.float32))
    assert call("import", "several.py:Signal", "--calibrate", "signals.npy", "-o", "signal.program").exit_code == 0
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    done = call("firmware", "signal.program", "--board", "microbit", "--run", "signals.npy", "--json")
    assert json.loads(done.stdout)["bit_exact"]


@pytest.mark.filterwarnings("ignore")
def test_a_module_of_a_package_imports_its_neighbours(desk: Path) -> None:
    (desk / "package").mkdir()
    (desk / "package" / "__init__.py").write_text("")
    (desk / "package" / "layers.py").write_text("from torch import nn\n")
    (desk / "package" / "net.py").write_text("from .layers import nn\n\n\ndef net():\n    return nn.Conv2d(3, 4, 3)\n")
    found = json.loads(call("profile", "package/net.py:net", "--json").stdout)
    assert found["macs"]["conv_linear"] == 30 * 30 * 4 * 27


def test_how_pictures_are_normalised_is_told_where_it_matters(desk: Path) -> None:
    with pytest.warns(UserWarning, match="running the code of") as said:
        call("profile", "my_net.py:Net", "--weights", "net.ckpt")
    assert not any("normalised" in str(warning.message) for warning in said)
    with pytest.warns(
        UserWarning, match="its pictures are normalised as CIFAR-10's; if it was trained otherwise, give --mean"
    ):
        call("classify", "pictures", "--checkpoint", "my_net.py:Net", "--weights", "net.ckpt")
