import json

import pytest
from typer.testing import CliRunner

from microbotnet.cli import app
from microbotnet.errors import BadInput


def test_it_names_a_network_and_the_next_command() -> None:
    run = CliRunner().invoke(app, ["recommend", "--board", "microbit", "--energy", "1uJ"])
    assert run.exit_code == 0, run.output
    again = CliRunner().invoke(app, ["recommend", "--board", "microbit", "--energy", "1uJ", "--json"])
    answer = json.loads(again.stdout)
    best = answer["best"]
    assert best["costs"]["energy"] < 1e6
    assert best["over"] == {}
    assert f"microbotnet firmware {best['name']} --board microbit" in run.stdout
    assert answer["next"] is None or answer["next"]["over"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--board", "scumm"], "did you mean 'scum'"),
        (["--energy", "1"], "energy: '1' is no amount"),
        (["--energy", "1uJ", "--preset", "horowitz"], "no energy preset is called"),
    ],
)
def test_bad_input(options: list[str], message: str) -> None:
    run = CliRunner().invoke(app, ["recommend", *options])
    assert isinstance(run.exception, BadInput)
    assert message in str(run.exception)
