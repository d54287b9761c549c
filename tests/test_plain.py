"""What users write as TOML and JSON: whatever is wrong is one line, in no time."""

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from microbotnet.cost.preset import load_preset
from microbotnet.design.file import load_design
from microbotnet.errors import BadInput
from microbotnet.mcu.board import load_board
from microbotnet.plain import parse_json, parse_toml
from microbotnet.quant.policy import load_policy
from microbotnet.training.recipe import load_recipe

READERS: list[Callable[[str], object]] = [load_recipe, load_policy, load_board, load_preset, load_design]
WRONG = {
    "nested arrays": b"a = " + b"[" * 5000 + b"]" * 5000,
    "nested tables": b"a = " + b"{b=" * 3000 + b"1" + b"}" * 3000,
    "a deep key": b"a." * 100_000 + b"a = 1",
    "a deep key in quotes": b'"a" . ' * 40_000 + b"a = 1",
    "a deep table": b"[" + b"a." * 100_000 + b"a]",
    "infinity": b"epochs = inf",
    "no number": b"epochs = nan",
    "beyond infinity": b"epochs = 1e999",
    "a long integer": b"epochs = " + b"9" * 400,
    "a longer integer": b"epochs = " + b"9" * 5000,
    "a long word": b"a" * 200_000,
    "a word and spaces": b"a" + b" " * 200_000,
    "quotes": b"a = 'b" + b'"' * 200_000,
    "another encoding": "summary = 'größer'".encode("latin-1"),
    "zeros": bytes(1000),
    "a long file": b"# " + b"x" * 2**20,
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_cannot_be_read_is_refused_at_once(
    read: Callable[[str], object], what: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(WRONG[what])
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(BadInput, match=r"mine\.toml") as caught:
        read(str(path))
    assert time.process_time() - begun < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "Infinity", "-Infinity", "NaN", "1e999", "9" * 30, ""]
)
def test_json_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"^mine\.json: not JSON: "):
        parse_json(text, "mine.json")


def test_what_can_be_read_is_as_it_was_written() -> None:
    values = {"a": [1, -(2**63), 2.5, "ä.b.c", True], "b": {"c": {"d": 1e300}}, "c": None}
    assert parse_json(json.dumps(values), "x") == values
    assert parse_toml('a.b."c.d" = 1e3\n[e.f]\ng = "1.2.3.4.5.6.7.8.9.10"', "x") == {
        "a": {"b": {"c.d": 1000.0}},
        "e": {"f": {"g": "1.2.3.4.5.6.7.8.9.10"}},
    }
