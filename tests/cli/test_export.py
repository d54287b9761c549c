"""`microbotnet export`, as a user runs it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from microbotnet.cli import main
from microbotnet.integer.file import save_program
from microbotnet.integer.interpreter import run
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.sources import open_program

from .command import microbotnet

POINTWISE = "microbotnet-0.32-one-negative-one-pointwise"


def test_export_writes_c_that_compiles_and_answers(tmp_path: Path) -> None:
    program = random_program(5, size=(8, 8))
    save_program(tmp_path / "net.program", program)
    folder = tmp_path / "c"
    done = microbotnet("export", tmp_path / "net.program", "--c", folder, "--prefer", "size", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert sorted(told["files"]) == sorted(map(str, folder.iterdir()))
    assert told["arena_bytes"] > 0
    assert told["constant_bytes"] > 0
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    subprocess.run(["gcc", "-std=c99", "net.c", "main.c", "-o", "example"], cwd=folder, check=True)
    picture = random_pictures(program, 3)[2:]
    answer = subprocess.run([folder / "example"], input=picture.tobytes(), capture_output=True, check=True).stdout
    (scores,) = run(program, picture).tolist()
    assert [int(word) for word in answer.split()] == [scores.index(max(scores)), *scores]


def test_a_users_own_folder_calibrates(tmp_path: Path) -> None:
    demo = Path(__file__).resolve().parents[2] / "src" / "microbotnet" / "demo" / "pictures"
    (tmp_path / "mine" / "some").mkdir(parents=True)
    for file in demo.glob("*.png"):
        shutil.copy(file, tmp_path / "mine" / "some")
    programs = {}
    for name, options in (("shipped", ()), ("mine", ("--calibrate", tmp_path / "mine"))):
        done = microbotnet("export", "microbotnet-0.25", "--c", tmp_path / name, *options, "--json")
        assert done.returncode == 0, done.stderr
        programs[name] = (tmp_path / name / "net_weights.h").read_text()
    assert programs["mine"] != programs["shipped"]
    assert "checkpoint: microbotnet-0.25\n" in (tmp_path / "mine" / "net.h").read_text()


def test_onnx_of_a_shipped_network_needs_no_torch(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    file = tmp_path / "net.onnx"
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"sys.argv = ['microbotnet', 'export', 'microbotnet-0.25', '--onnx', {str(file)!r}, '--json']\n"
        "from microbotnet.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"checkpoint": "microbotnet-0.25", "files": [str(file)]}
    program = open_program("microbotnet-0.25")
    pictures = random_pictures(program, 3)
    (scores,) = onnxruntime.InferenceSession(file).run(None, {"picture": pictures})
    assert scores.tolist() == run(program, pictures).tolist()


def test_onnx_of_two_bits_and_plain_onnx_are_flags(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx of the extra onnx is not installed")
    file = tmp_path / "net.onnx"
    assert microbotnet("export", "grain-s-ternary", "--onnx", file, "--opset", 25, "--plain").returncode == 0
    model = onnx.load(file)
    assert model.opset_import[0].version == 25
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    alone = microbotnet("export", "grain-s-ternary", "--c", tmp_path / "c", "--plain")
    assert alone.returncode == 2
    assert "give --onnx FILE" in alone.stderr
    assert not (tmp_path / "c").exists()


def test_without_onnx_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "microbotnet.backends.onnx", raising=False)
    monkeypatch.setattr(sys, "argv", ["microbotnet", "export", "microbotnet-0.25", "--onnx", "net.onnx"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "this needs onnx; pip install 'microbotnet[onnx]'" in capsys.readouterr().err


def test_what_cannot_be_exported_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "bad.program").write_bytes(b"nothing")
    weights = Path(__file__).resolve().parents[2] / "src" / "microbotnet" / "weights"
    for suffix in ("json", "safetensors"):
        shutil.copy(weights / f"microbotnet-0.32.{suffix}", tmp_path / f"float.{suffix}")
    for arguments, message in (
        (("export", tmp_path / "bad.program", "--c", tmp_path / "c"), "damaged, or no program"),
        (("export", "microbotnet-0.32"), "give --c DIR"),
        (("export", "microbotnet-0.32", "--onnx", tmp_path / "net.onnx", "--vote", "mean"), "give --c DIR too"),
        (("export", "microbotnet-0.25", "--c", tmp_path / "c", "--vote", "median"), "no voting rule 'median'"),
        (("export", "microbotnet-0.32", "--onnx", tmp_path / "net.pb"), "ends in .onnx"),
        (("export", tmp_path / "bad.program", "--c", tmp_path / "c", "--calibrate", "cifar10"), "in integers already"),
        (("export", POINTWISE, "--c", tmp_path / "c", "--calibrate", tmp_path), "leave out --calibrate"),
        (("export", "microbotnet-0.25", "--c", tmp_path / "c", "--calibrate", tmp_path / "void"), "no such folder"),
        (("export", tmp_path / "float.safetensors", "--c", tmp_path / "c"), "--calibrate cifar10, or a folder"),
        (("export", tmp_path / "none.program", "--c", tmp_path / "c"), "cannot be read"),
    ):
        done = microbotnet(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "c").exists()
