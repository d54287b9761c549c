"""What the README and the docs say is what the code says, and their links and commands lead somewhere."""

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

import microbotnet
from microbotnet.cli import app
from microbotnet.show.circuits import read_circuits
from microbotnet.show.comparison import Comparison, compare
from microbotnet.show.results import results_table, robot_table, ternary_table

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def refresh() -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare(input_size=32, classes=10)


def test_every_drawn_picture_shows_what_is_so_today(refresh: ModuleType, found: Comparison) -> None:
    docs = ROOT / "docs"
    made = refresh.pictures(found, read_circuits(docs / "results" / "circuits.csv"))
    old = [name for name, picture in made.items() if (docs / name).read_text() != picture]
    assert old == [], "run python docs/refresh.py"


def test_the_results_tables_are_those_of_the_cards() -> None:
    results = (ROOT / "docs" / "results" / "README.md").read_text()
    assert ternary_table() in results, "run python docs/refresh.py"
    assert results_table() in results, "run python docs/refresh.py"
    assert robot_table() in (ROOT / "docs" / "micro-robot.md").read_text(), "run python docs/refresh.py"


def test_the_microjoule_answer_is_that_of_the_model(refresh: ModuleType, found: Comparison) -> None:
    page = (ROOT / "docs" / "one-microjoule.md").read_text()
    assert refresh.answer(found) in page, "run python docs/refresh.py"
    assert refresh.energy_table(found) in page, "run python docs/refresh.py"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 6000


def test_every_public_name_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    named = re.findall(r"auto(?:function|class|exception):: (\w+)", page)
    assert sorted(named) == microbotnet.__all__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_commands_of_how_to_exist() -> None:
    lines = re.findall(
        r"^(?:cat \S+ \| )?(microbotnet .*?)(?:\s{2,}#.*)?$", (ROOT / "docs" / "how-to.md").read_text(), re.MULTILINE
    )
    assert len(lines) > 10
    every = get_command(app)
    for line in lines:
        command, words = every, shlex.split(line)[1:]
        while hasattr(command, "commands") and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), line
        options = {flag for parameter in command.params for flag in [*parameter.opts, *parameter.secondary_opts]}
        assert {word for word in words if word.startswith("-") and word != "-"} <= options, line
