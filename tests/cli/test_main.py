"""What is common to all commands: what is misspelt is answered with the nearest word, and exit code 2."""

import io
import re

import pytest
import typer
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from microbotnet.cli import app, output
from microbotnet.weights import DEFAULT


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


def test_help_says_all_that_is_written_in_it() -> None:
    """In a terminal a help text is markup, in which [default: …] is a tag that is not shown."""
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        for one in (command, *getattr(command, "commands", {}).values()):
            texts = [one.help or "", *(getattr(parameter, "help", None) or "" for parameter in one.params)]
            for text in texts:
                assert Text.from_markup(text).plain == text, name
    said = re.sub(r"\x1b\[[\d;]*m", "", CliRunner().invoke(app, ["classify", "--help"]).output)
    assert f"[default: ({DEFAULT})]" in said


@pytest.mark.parametrize("terminal", [True, False])
def test_what_takes_long_is_said_in_a_terminal_alone(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(output, "stderr", Console(file=screen, force_terminal=terminal, width=80))
    with output.working("compiling for [a] board"):
        pass
    assert ("compiling for [a] board" in screen.getvalue()) == terminal
