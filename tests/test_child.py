"""Other programs are given so long and no longer."""

import ast
import sys
import time
from pathlib import Path

import pytest

import microbotnet
from microbotnet.child import run_child
from microbotnet.errors import Failed


def test_what_it_says_and_how_it_ends_come_back() -> None:
    code = "import os, sys; print(os.environ['WORD'], sys.stdin.read()); sys.stderr.buffer.write(b'\\xff'); sys.exit(3)"
    done = run_child([sys.executable, "-c", code], seconds=60, env={"WORD": "here"})
    assert (done.returncode, done.stdout.split(), done.stderr) == (3, ["here"], "�")


def test_one_that_does_not_end_is_ended_with_its_own_children() -> None:
    sleep = "import time; time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleep!r}])"
    begun = time.monotonic()
    with pytest.raises(Failed, match=r"did not end within 1 seconds"):
        run_child([sys.executable, "-c", code], seconds=1)
    assert time.monotonic() - begun < 30


def test_one_that_is_not_there_is_named() -> None:
    with pytest.raises(Failed, match="no-such-program cannot be started"):
        run_child(["/no-such-program"], seconds=1)


def test_no_other_code_starts_programs() -> None:
    """So every one has a time limit, and is ended with all that it started."""
    root = Path(microbotnet.__file__).parent
    found = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if name in ("subprocess", "pty")
    }
    assert found == {"child.py"}
