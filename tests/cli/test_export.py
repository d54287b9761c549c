"""`microbotnet export`, as a user runs it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from microbotnet.integer.file import save_program
from microbotnet.integer.interpreter import run
from microbotnet.integer.samples import random_pictures, random_program


def microbotnet(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "microbotnet", *map(str, arguments)], capture_output=True, text=True, check=False
    )


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


def test_what_cannot_be_exported_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "bad.program").write_bytes(b"nothing")
    for arguments, message in (
        (("export", tmp_path / "bad.program", "--c", tmp_path / "c"), "damaged, or no program"),
        (("export", "microbotnet-0.32"), "give --c DIR"),
        (("export", tmp_path / "none.program", "--c", tmp_path / "c"), "cannot be read"),
    ):
        done = microbotnet(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "c").exists()
