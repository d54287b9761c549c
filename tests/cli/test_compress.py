"""`microbotnet compress` as a user runs it, and what other commands make of its file."""

import json
import sys
from pathlib import Path

import pytest

from microbotnet.cli import main

DEMO = Path(__file__).resolve().parents[2] / "src/microbotnet/demo/pictures"


def _run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["microbotnet", *map(str, args)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0), *capsys.readouterr()


@pytest.fixture
def file(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MICROBOTNET_DATA", str(tmp_path))
    path = tmp_path / "small.mbz"
    code, out, err = _run(capsys, monkeypatch, "compress", "microbotnet-0.25", "-o", path, "--json")
    assert code == 0, err
    assert "--retrain" in err
    answer = json.loads(out)
    assert [stage["name"] for stage in answer["stages"]] == ["float32", "pruned", "shared", "huffman"]
    assert answer["stages"][-1]["bytes"] == path.stat().st_size
    assert answer["plan"]["sparsity"] == 0.5
    assert len(answer["layers"]) == 52
    return path


def test_the_other_commands_take_the_file(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = _run(capsys, monkeypatch, "classify", DEMO / "ship.png", "--checkpoint", file, "--json")
    assert code == 0
    assert json.loads(out)["files"][0]["predictions"][0]["label"] == "ship"
    code, out, _ = _run(capsys, monkeypatch, "profile", "--checkpoint", file, "--json")
    assert code == 0
    profiled = json.loads(out)
    assert profiled["parameters"] == 160_162
    assert profiled["macs_without_zero_weights"] < profiled["macs"]["conv_linear"]


def test_a_damaged_file_is_one_line(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = file.read_bytes()
    for damaged in (content[:-1], content[:1000] + b"?" + content[1001:]):
        file.write_bytes(damaged)
        code, out, err = _run(capsys, monkeypatch, "classify", DEMO / "ship.png", "--checkpoint", file)
        assert (code, out) == (2, "")
        assert "truncated or altered" in err
        assert err.count("\n") == 1


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROBOTNET_DATA", str(tmp_path))
    path = tmp_path / "small.mbz"
    options = ["--sparsity", 0.7, "--bits", 4, "--layers"]
    code, out, err = _run(capsys, monkeypatch, "compress", "microbotnet-0.25", "-o", path, *options)
    assert code == 0, err
    lines = out.splitlines()
    stages = {line.split()[0]: line.split()[1:] for line in lines if line.startswith(("float32", "pruned", "shared"))}
    assert stages["float32"][1] == "1.0×"
    assert any(line.startswith("huffman") and f"{path.stat().st_size:,}" in line for line in lines)
    assert any(line.startswith("features.10.conv.7") for line in lines)
    assert "reads back bit for bit" in out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["microbotnet-0.25", "-o", "a.zip"], "ends in .mbz"),
        (["nothing", "-o", "a.mbz"], "no such checkpoint"),
        (["microbotnet-0.25", "-o", "a.mbz", "--per", "block"], "--per must be"),
        (["microbotnet-0.25", "-o", "a.mbz", "--bits", "0"], "from 1 to 8"),
        (["microbotnet-0.25", "-o", "a.mbz", "--sparsity", "1"], "under 1"),
        (["microbotnet-0.25", "-o", "a.mbz", "--rounds", "2"], "--rounds 2 needs --retrain 2 or more, not 0"),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MICROBOTNET_DATA", str(tmp_path))
    code, out, err = _run(capsys, monkeypatch, "compress", *args)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())
