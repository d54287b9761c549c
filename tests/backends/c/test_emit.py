"""The C computes what the interpreter says, to the last bit, and compiles without a word."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c import emit
from microbotnet.errors import BadInput
from microbotnet.integer.interpreter import run
from microbotnet.integer.samples import random_pictures, random_program

from .compiled import STRICT, compiled, compiler, write

SIZES = ("speed", "size")


@pytest.mark.parametrize("prefer", SIZES)
@pytest.mark.parametrize("seed", range(20))
def test_c_equals_the_interpreter(seed: int, prefer: str, tmp_path: Path) -> None:
    program = random_program(seed)
    pictures = random_pictures(program, 8)
    scores = compiled(program, tmp_path, compiler("gcc"), prefer=prefer)
    np.testing.assert_array_equal(scores(pictures), run(program, pictures))


@pytest.mark.parametrize("name", ["clang", "zig"])
def test_other_compilers_agree(name: str, tmp_path: Path) -> None:
    program = random_program(3, operators=12)
    pictures = random_pictures(program, 8)
    np.testing.assert_array_equal(compiled(program, tmp_path, compiler(name))(pictures), run(program, pictures))


@pytest.mark.parametrize("prefer", SIZES)
@pytest.mark.parametrize("seed", [1, 4])
def test_sanitizers_find_nothing(seed: int, prefer: str, tmp_path: Path) -> None:
    program = random_program(seed, operators=10)
    pictures = random_pictures(program, 20, seed=1)
    write(program, tmp_path, prefer=prefer)
    example = tmp_path / "example"
    flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    sources = [tmp_path / "net.c", tmp_path / "main.c"]
    subprocess.run([*compiler("gcc"), *STRICT, *flags, *sources, "-o", example], check=True)
    for picture, wanted in zip(pictures, run(program, pictures), strict=True):
        answer = subprocess.run([example], input=picture.tobytes(), capture_output=True, check=True).stdout
        assert [int(word) for word in answer.split()] == [int(wanted.argmax()), *wanted.tolist()]


def test_the_example_refuses_a_short_picture(tmp_path: Path) -> None:
    program = random_program(0)
    write(program, tmp_path)
    subprocess.run([*compiler("gcc"), tmp_path / "net.c", tmp_path / "main.c", "-o", tmp_path / "example"], check=True)
    assert subprocess.run([tmp_path / "example"], input=b"123").returncode == 2


def test_labels_may_hold_anything() -> None:
    program = random_program(0)
    odd = type(program)(**(vars(program) | {"labels": ('a "b"\\', "é??/", "*/")}))
    assert '{ "a \\042b\\042\\134", "\\303\\251\\077\\077/", "*/" }' in emit(odd)["net.h"]


def test_a_bad_name_is_refused() -> None:
    with pytest.raises(BadInput, match="C names"):
        emit(random_program(0), name="7 nets")
