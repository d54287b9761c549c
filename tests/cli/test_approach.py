"""`microbotnet approach` as a user runs it."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

import microbotnet
from microbotnet.cli import main

FROG = Path(microbotnet.__file__).parent / "demo" / "pictures" / "frog.png"
SHORT = ("--approaches", "2", "--steps", "3", "--angles", "4")


def approach(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["microbotnet", "approach", *map(str, words)])
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def test_one_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "new" / "film.png"
    words = (FROG, "--label", "frog", *SHORT, "--film", film)
    code, out, err = approach(monkeypatch, capsys, *words, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["synthetic"] is True
    assert [len(stream["frames"]) for stream in (*found["approaches"], found["turn"])] == [3, 3, 4]
    assert Image.open(film).format == "PNG"
    ends = [stream["decided"]["none"][-1] for stream in found["approaches"]]
    assert found["score"]["right_approaches"]["none"] == ends.count("frog")
    code, out, err = approach(monkeypatch, capsys, *words)
    assert (code, err) == (0, "")
    assert "The walk is synthetic" in out
    assert f"{50 * ends.count('frog'):.1f}" in out


def test_without_a_label_it_says_what_is_decided(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = approach(monkeypatch, capsys, FROG, *SHORT, "--rule", "mean-of-last-2")
    assert code == 0
    assert "mean-of-last-2: decided at the end of each approach:" in out


def test_bad_input_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for words, complaint in [
        ([], "give one PICTURE, or --all"),
        ([FROG, "--all"], "give one PICTURE, or --all"),
        ([FROG, "--film", "film.gif"], "ends in .png"),
        (["--all", "--film", "film.png"], "made of one PICTURE"),
        ([FROG, "--label", "unicorn"], "unicorn: the network does not know this class"),
        ([FROG, "--rule", "dice"], "no voting rule 'dice'"),
        ([tmp_path / "text.png"], "not a picture in a known format"),
        (["--all", "--data", tmp_path / "gone"], "gone: no such folder"),
    ]:
        code, out, err = approach(monkeypatch, capsys, *words)
        assert (code, out) == (2, ""), words
        assert complaint in err
    assert not list(tmp_path.glob("film*"))
