"""Counts that are gone on with."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELIABILITY = sorted((ROOT / "docs" / "results" / "reliability").glob("*.json"))


def test_each_commit_has_the_seeds_that_it_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("tally", ROOT / "benchmarks" / "tally.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for commit, ends in (("1111111", (3, 10)), ("2222222+", (11,)), ("1111111", (13,))):
        monkeypatch.setattr(module, "_commit", lambda commit=commit: commit)
        tally = module.Tally(tmp_path / "kept.json", "python it.py")
        for end in ends:
            tally.count("things", end - tally.next)
            tally.keep(end)
    found = json.loads((tmp_path / "kept.json").read_text())
    assert found["commits"] == {"1111111": 12, "2222222+": 1}
    assert found["counts"] == {"things": found["next"]} == {"things": 13}


@pytest.mark.parametrize("file", RELIABILITY, ids=lambda file: file.stem)
def test_what_is_published_is_of_known_commits_and_shown(file: Path) -> None:
    kept = json.loads(file.read_text("utf-8"))
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith(f"| `{kept['command']}` |"))
    assert sum(kept["commits"].values()) == kept["next"]
    assert not any(commit.endswith("+") for commit in kept["commits"]), "made with files that no commit has"
    for name, count in {**kept["commits"], **kept["counts"]}.items():
        assert f"{name}: {count:,}" in row
