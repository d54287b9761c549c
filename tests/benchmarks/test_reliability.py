"""Each of the long runs behind docs/reliability.md, for a moment."""

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def kept(script: str, folder: Path, *options: str) -> dict[str, Any]:
    file = folder / "kept.json"
    words = [sys.executable, f"benchmarks/{script}.py", *options, "--out", str(file)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    assert found["failures"] == []
    return found


def test_mutated_files_are_refused_or_answered(tmp_path: Path) -> None:
    for module in ("onnx", "onnxruntime", "tflite", "flatbuffers"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    found = kept("mutated_files", tmp_path, "--count", "60")
    assert found["counts"]["files"] == 60
    assert found["counts"]["of these refused"] > 20


def test_a_killed_export_is_gone_on_with(tmp_path: Path) -> None:
    found = kept("killed", tmp_path, "--count", "2", "--only", "export as C")
    assert found["counts"]["export as C, killed"] == 2


def test_a_camera_gives_its_pictures_under_sanitizers(tmp_path: Path) -> None:
    found = kept("random_cameras", tmp_path, "--count", "3", "--batch", "1")
    assert sum(many for name, many in found["counts"].items() if name.startswith("cameras, ")) == 3
    assert found["counts"]["cameras, sanitizers"] > 0


@pytest.mark.parametrize("compiler", ["gcc", "tcc"])
@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_byte_beyond_a_cameras_block_is_found(
    monkeypatch: pytest.MonkeyPatch, compiler: str, one_by_one: bool
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = importlib.import_module("random_cameras")
    command = {"gcc": module.SANITIZED, "tcc": module.QUICK}[compiler]
    assert module.failures(range(2), one_by_one, command) == []
    short = module.FUNCTION.replace("block(sizeof *camera)", "block(sizeof *camera - 4)")
    monkeypatch.setattr(module, "FUNCTION", short)
    first, second = module.failures(range(2), one_by_one, command)
    assert first.startswith("seed 0, ")
    assert second.startswith("seed 1, ")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_stream_keeps_its_memory(tmp_path: Path, options: tuple[str, ...]) -> None:
    found = kept("watched_frames", tmp_path, "--count", "2000", *options)
    assert found["counts"] == {"frames": 2000, "of these damaged": 2}


def test_pictures_uploaded_at_once_get_each_its_own_answer(tmp_path: Path) -> None:
    pytest.importorskip("gradio_client", reason="the extra demo is not installed")
    assert kept("uploads", tmp_path, "--count", "3")["counts"] == {"uploads": 3}
