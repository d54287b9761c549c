"""Programs run on this machine: compiled once, equal to the interpreter, from any thread."""

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import microbotnet
from microbotnet import engine
from microbotnet.errors import BadInput
from microbotnet.integer.file import save_program
from microbotnet.integer.interpreter import run
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_pictures, random_program


@pytest.fixture
def program() -> Program:
    return random_program(2, size=(8, 8))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_scores_are_the_interpreters(program: Program) -> None:
    network = microbotnet.load(program)
    pictures = random_pictures(program, 50)
    wanted = run(program, pictures)
    np.testing.assert_array_equal(network.scores(pictures), wanted)
    np.testing.assert_array_equal(
        network.scores(pictures[::3][:, :, :, ::-1]), run(program, pictures[::3][:, :, :, ::-1])
    )
    with ThreadPoolExecutor(8) as pool:
        for scores in pool.map(lambda _: network.scores(pictures), range(16)):
            np.testing.assert_array_equal(scores, wanted)
    assert network.scores(pictures[:0]).shape == (0, wanted.shape[1])


def test_probabilities_are_the_softmax_of_the_scores(program: Program) -> None:
    pictures = random_pictures(program, 4)
    real = run(program, pictures) * program.result.scale
    wanted = np.exp(real - real.max(1, keepdims=True))
    np.testing.assert_allclose(
        engine.load(program).predict(pictures), wanted / wanted.sum(1, keepdims=True), rtol=1e-5, atol=1e-30
    )


def test_compiled_once_and_mended(program: Program, cache: Path, tmp_path: Path) -> None:
    save_program(tmp_path / "net.program", program)
    code = f"import microbotnet; print(microbotnet.load({str(tmp_path / 'net.program')!r}).engine)"
    for damaged in (False, True):
        if damaged:
            next(cache.rglob("*.so")).write_bytes(b"no library")
        said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        if "interpreter" in said:
            pytest.skip("no C compiler")
        (found,) = cache.rglob("*.so")
        made = found.stat().st_mtime_ns
    pictures = random_pictures(program, 3)
    np.testing.assert_array_equal(engine.load(program).scores(pictures), run(program, pictures))
    assert found.stat().st_mtime_ns == made


def test_without_a_compiler_the_interpreter_answers(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_compilers", lambda: iter([("broken", [sys.executable, "-c", "raise SystemExit(1)"])]))
    with pytest.warns(RuntimeWarning, match="no C compiler"):
        network = engine.load(program)
    pictures = random_pictures(program, 3)
    assert network.engine == "interpreter"
    np.testing.assert_array_equal(network.scores(pictures), run(program, pictures))


def test_other_pictures_are_refused(program: Program) -> None:
    network = engine.load(program)
    for wrong in (np.zeros((1, 3, 9, 8), np.uint8), np.zeros((3, 8, 8), np.uint8), np.zeros((1, 3, 8, 8), np.int8)):
        with pytest.raises(BadInput, match=r"takes \(N, 3, 8, 8\) uint8"):
            network.scores(wrong)


def test_a_file_is_run_without_torch(program: Program, tmp_path: Path) -> None:
    save_program(tmp_path / "net.program", program)
    code = (
        "import sys, numpy, microbotnet\n"
        f"network = microbotnet.load({str(tmp_path / 'net.program')!r})\n"
        "print(network.predict(numpy.zeros((1, 3, 8, 8), numpy.uint8)).shape)\n"
        "assert 'torch' not in sys.modules"
    )
    with warnings.catch_warnings():
        assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.startswith(b"(1, ")
