"""What is common to all commands: what is misspelt is answered with the nearest word, and exit code 2."""

import re

import pytest
from typer.testing import CliRunner

from microbotnet.cli import app


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["clasify"], "classify"),
        (["train", "modern", "--epoch", "3"], "--epochs"),
        (["classify", "--jsn", "x.png"], "--json"),
        (["export", "grain-s", "--perfer", "size"], "--prefer"),
        (["firmware", "grain-s", "--bord", "scum"], "--board"),
        (["data", "cifar01"], "cifar10"),
        (["data", "cifar10", "--dta", "x"], "--data"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest(words: list[str], meant: str) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    said = re.sub(r"\x1b\[[\d;]*m", "", result.output)
    assert meant in said
    assert "Traceback" not in said
