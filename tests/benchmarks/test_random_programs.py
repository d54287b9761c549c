"""Every engine that the benchmark knows, on a program or two."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from microbotnet.errors import Failed

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
    assert sum(many for name, many in found["counts"].items() if name.startswith("C for small cores")) == 7
    assert found["counts"]["C on a Cortex-M0, for speed"] == found["counts"]["C on a Cortex-M0, for size"] == 1
    assert sum(many for name, many in found["counts"].items() if name.startswith("sanitizers of ")) == 2
    assert found["failures"] == []


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("random_programs")


@pytest.mark.parametrize("bad", [{5}, {0, 6}, set(range(7))])
def test_a_batch_that_fails_names_the_seeds_that_do(programs: Any, bad: set[int]) -> None:
    def run(samples: list[Any]) -> list[bool]:
        if found := bad & {sample.seed for sample in samples}:
            raise Failed(f"{len(found)} crash")
        return [True] * len(samples)

    found = programs.failures("C", run, [SimpleNamespace(seed=seed) for seed in range(7)])
    assert found == [f"C, seed {seed}: 1 crash" for seed in sorted(bad)]


def test_what_fails_only_together_is_no_success(programs: Any) -> None:
    def run(samples: list[Any]) -> list[bool]:
        if len(samples) == 4:
            raise Failed("too large")
        return [True] * len(samples)

    found = programs.failures("C", run, [SimpleNamespace(seed=seed) for seed in range(10, 14)])
    assert found == ["C, seeds 10 to 13, only together: too large"]


def test_one_program_goes_through_every_engine(programs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """And its exit code says whether one gave other integers."""

    def engine(command: str, samples: list[Any]) -> list[bool]:
        return [command != "clang"] * len(samples)

    def through(number: int) -> Iterator[tuple[str, int, Any]]:
        yield "C", 1, partial(engine, ("gcc", "clang", "gcc")[number % 3])

    assert programs.alone(SimpleNamespace(seed=7), through) == 1
    assert capsys.readouterr().out.splitlines() == [
        "C ('gcc',): the same",
        "C ('clang',): C, seed 7: not the interpreter's integers",
    ]


def test_each_compiler_has_its_turn_in_all_that_is_rare(programs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs.shutil, "which", lambda name: name)
    monkeypatch.setattr(programs, "_suited", lambda _: "avx512")
    used = {
        (name, run.args[0][0])
        for number in range(2 * programs.TURNS)
        for name, _, run in programs.engines(number)
        if run.func is programs.by_host
    }
    for compiler in ("gcc", "clang"):
        for prefer in ("speed", "size", "vectors", "avx512"):
            assert (f"sanitizers of {compiler}, C for {prefer}", compiler) in used
        assert ("C for hosts, vectors", compiler) in used
        assert ("C for small cores, for size, on this machine", compiler) in used
    assert ("C for small cores, for size, by tcc", "tcc") in used


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
