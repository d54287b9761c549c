"""Programs run on this machine: compiled once, equal to the interpreter, from any thread."""

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import microbotnet
from microbotnet import compiled, engine
from microbotnet.compiled import Library
from microbotnet.errors import BadInput, Failed
from microbotnet.integer.file import save_program
from microbotnet.integer.interpreter import handed_on, run, run_all
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_network, random_pictures, random_program


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


@pytest.mark.parametrize("left", [0, 1, 4096, -4096, -1])
def test_a_library_that_was_cut_short_is_made_again(program: Program, cache: Path, left: int) -> None:
    if engine.load(program).engine == "interpreter":
        pytest.skip("no C compiler")
    (whole,) = cache.rglob("*.so")
    content = whole.read_bytes()
    whole.unlink()  # it is loaded: writing into it would stop this process
    whole.write_bytes(content[:left])
    save_program(cache / "net.program", program)
    picture = random_pictures(program, 1)
    (cache / "picture").write_bytes(picture.tobytes())
    code = (
        "import numpy, microbotnet\n"
        f"picture = numpy.fromfile({str(cache / 'picture')!r}, numpy.uint8).reshape(1, 3, 8, 8)\n"
        f"print(*microbotnet.load({str(cache / 'net.program')!r}).scores(picture)[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert [int(word) for word in done.stdout.split()] == run(program, picture)[0].tolist()
    assert [path.read_bytes() == content or path.stat().st_size > 4096 for path in cache.rglob("*.so")] == [True]


def test_where_the_cache_cannot_be_made_it_compiles_once(
    program: Program, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine.load(program).engine == "interpreter":
        pytest.skip("no C compiler")
    (cache / "file").write_text("a file, where a folder is to be made")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "file"))
    names: list[str] = []
    compile_ = Library._compile
    monkeypatch.setattr(
        Library, "_compile", lambda self, name, command: names.append(name) or compile_(self, name, command)
    )
    networks = [engine.load(program) for _ in range(2)]
    assert len(names) == 1
    pictures = random_pictures(program, 3)
    for network in networks:
        np.testing.assert_array_equal(network.scores(pictures), run(program, pictures))


def test_on_a_full_disk_the_library_is_used_from_elsewhere(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise Failed(f"{path}: the disk is full")

    monkeypatch.setattr(compiled, "write_atomically", full)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = engine.load(program)
    pictures = random_pictures(program, 3)
    assert engine.load(program).engine == network.engine
    np.testing.assert_array_equal(network.scores(pictures), run(program, pictures))


def test_without_a_compiler_the_interpreter_answers(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "broken", [sys.executable, "-c", "raise SystemExit(1)"]
    monkeypatch.setattr(compiled, "_compilers", lambda: iter([broken]))
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


def test_any_network_gives_the_interpreters_outputs() -> None:
    for seed in range(4):
        program = random_network(seed)
        inputs = random_pictures(program, 20, seed)
        values = run_all(program, inputs)
        found = engine.load(program).outputs(inputs)
        for name, made in zip(program.outputs, found, strict=True):
            np.testing.assert_array_equal(made, handed_on(program, values, name), f"{seed} {name}")


def test_features_of_another_type_are_refused() -> None:
    program = next(p for p in map(random_network, range(9)) if p.tensors[p.input].dtype == "int8")
    with pytest.raises(BadInput, match="int8, not"):
        engine.load(program).outputs(random_pictures(program, 2).astype(np.uint8))
