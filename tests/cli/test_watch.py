"""`microbotnet watch` as a user runs it."""

import io
import json
import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microbotnet
import microbotnet.stream.frames
from microbotnet.cli import main
from microbotnet.data.cifar10 import CLASSES
from microbotnet.integer.file import save_program
from microbotnet.integer.samples import random_program
from microbotnet.stream.frames import Frame
from microbotnet.stream.watch import Decision

DEMO = Path(microbotnet.__file__).parent / "demo" / "pictures"


def watch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["microbotnet", "watch", *map(str, words)])
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def test_a_folder_in_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = watch(monkeypatch, capsys, DEMO, "--rule", "none", "--json", "--frames", 4)
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["frames"], found["unreadable"], found["rule"]) == (4, 0, "none")
    assert [d["frame"] for d in found["decisions"]] == sorted(file.name for file in DEMO.glob("*.png"))[:4]
    assert all(d["label"] == d["decided"] for d in found["decisions"])


class Row(dict[str, Any]):
    """A dict of which one can see whether it is still alive."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def test_json_is_written_as_frames_come_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, written = np.random.default_rng(0), io.StringIO()
    wanted: list[dict[str, Any]] = []
    alive: weakref.WeakSet[Row] = weakref.WeakSet()
    plain = Decision.to_json

    def frames(_: str, size: int) -> Iterator[Frame]:
        for number in range(50):
            assert written.getvalue().endswith(f"\n    {json.dumps(wanted[-1])}" if wanted else "")
            assert len(alive) <= 1
            picture = rng.integers(0, 256, (3, size, size)).astype(np.uint8)
            yield Frame(f"frame {number}", picture) if number % 7 else Frame(f"frame {number}", error="damaged")

    def seen(decision: Decision) -> Row:
        row = Row(plain(decision))
        alive.add(row)
        wanted.append(dict(row))
        return row

    monkeypatch.setattr(microbotnet.stream.frames, "open_frames", frames)
    monkeypatch.setattr(Decision, "to_json", seen)
    monkeypatch.setattr(sys, "stdout", written)
    code, _, err = watch(monkeypatch, capsys, "-", "--rule", "none", "--json")
    found = json.loads(written.getvalue())
    assert (code, len(err.splitlines())) == (0, 8)
    assert found.pop("decided") == Counter(row["decided"] for row in wanted if "decided" in row)
    assert found == {"source": "-", "rule": "none", "decisions": wanted, "frames": 42, "unreadable": 8}


def test_json_of_nothing_that_could_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_text("no picture")
    code, out, err = watch(monkeypatch, capsys, tmp_path, "--json")
    assert (code, json.loads(out)["frames"], json.loads(out)["unreadable"]) == (2, 0, 1)
    assert "not one frame could be read" in err


def test_a_pipe_with_a_broken_frame() -> None:
    cat, frog = ((DEMO / name).read_bytes() for name in ("cat.png", "frog.png"))
    command = [sys.executable, "-m", "microbotnet", "watch", "-"]
    done = subprocess.run(command, input=cat + frog[:1500] + frog, capture_output=True)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert [line.split("  ")[0] for line in lines[:2]] == ["frame 0", "frame 2"]
    assert lines[-1].startswith("2 frames; 1 could not be read; decided (best-of-last-3)")
    assert done.stderr.decode().splitlines() == [
        "microbotnet: frame 1: damaged or truncated (image file is truncated); skipped"
    ]


def test_without_torch_and_of_a_program_without_names(tmp_path: Path) -> None:
    save_program(tmp_path / "net.program", replace(random_program(3, size=(8, 8)), labels=()))
    code = "import sys; sys.modules['torch'] = None; from microbotnet.cli import main; main()"
    for words, names in ((("--checkpoint", tmp_path / "net.program"), set("01234")), ((), set(CLASSES))):
        command = [sys.executable, "-c", code, "watch", DEMO, "--json", *words]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert {decision["decided"] for decision in json.loads(done.stdout)["decisions"]} <= names


def test_bad_input_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_text("no picture")
    for words, complaint in [
        ([tmp_path / "gone"], "no such folder or video"),
        ([DEMO, "--rule", "median"], "no voting rule 'median'"),
        ([tmp_path], "not one frame could be read"),
        ([DEMO, "--frames", "0"], "--frames"),
    ]:
        code, out, err = watch(monkeypatch, capsys, *words)
        assert (code, out) == (2, "")
        assert complaint in err
