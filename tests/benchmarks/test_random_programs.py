"""Every engine that the benchmark knows, on a program or two."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

for module in ("onnxruntime", "unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason=f"{module} is not installed")


def test_random_programs_go_through_every_engine_and_on_where_they_were(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    for count in ("3", "7"):
        words = [sys.executable, "benchmarks/random_programs.py", "--count", count, "--batch", "1", "--out", str(kept)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(kept.read_text())
    assert found["next"] == found["counts"]["programs"] == found["counts"]["ONNX (onnxruntime)"] == 7
    assert found["counts"]["C on a Cortex-M0, for speed"] + found["counts"]["C on a Cortex-M0, for size"] == 4
    sanitized = sum(many for name, many in found["counts"].items() if name.startswith("sanitizers of "))
    assert (sanitized, found["counts"]["C on a RISC-V core, for speed"]) == (2, 1)
    assert found["failures"] == []


def test_each_compiler_has_its_turn_in_all_that_is_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = importlib.import_module("random_programs")
    monkeypatch.setattr(module.shutil, "which", lambda name: name)
    monkeypatch.setattr(module, "sources_of", lambda *_: {})
    monkeypatch.setattr(module, "_suited", lambda _: "avx512")
    used = {
        (name, *run.args[2][:1])
        for number in range(128)
        for name, run in module.engines(number, ())
        if len(run.args) == 3
    }
    for compiler in ("gcc", "clang"):
        for prefer in ("speed", "size", "vectors", "avx512"):
            assert (f"sanitizers of {compiler}, C for {prefer}", compiler) in used
        assert ("C for hosts, vectors", compiler) in used
        assert ("C for small cores, for size, on this machine", compiler) in used


def test_every_core_gives_the_interpreters_integers(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    options = ["--cores", "--count", "2", "--batch", "2", "--out", str(kept)]
    done = subprocess.run(
        [sys.executable, "benchmarks/random_programs.py", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(kept.read_text())
    assert found["failures"] == []
    cores = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m33", "cortex-m7", "rv32imc", "rv32ec")
    assert {found["counts"][f"C on {core}, for speed"] for core in cores} == {2}


def test_the_smallest_shipped_network_is_clean_under_sanitizers(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    words = [sys.executable, "benchmarks/shipped_programs.py", "--count", "1", "--out", str(kept)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(kept.read_text())
    assert found["counts"]["sanitizers, C for speed"] == found["counts"]["sanitizers, C for size"] == 1
    assert (found["counts"]["networks"], found["failures"]) == (1, [])
