import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from microbotnet.cli import app
from microbotnet.design import design_names
from microbotnet.errors import BadInput
from microbotnet.quant.policy import load_policy


def test_all_shipped_designs_are_costed() -> None:
    run = CliRunner().invoke(app, ["design", "--json"])
    assert run.exit_code == 0, run.output
    rows = json.loads(run.stdout)["designs"]
    assert [row["design"] for row in rows] == design_names()
    assert {row["macs"] for row in rows if row["design"] == "first-try"} == {1_034_048}
    run = CliRunner().invoke(app, ["design"])
    assert "1,034,048" in run.stdout


def test_the_precision_becomes_a_policy(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["design", "grain-l-ternary", "--policy", str(tmp_path / "p.toml"), "--json"])
    assert run.exit_code == 0, run.output
    policy = load_policy(str(tmp_path / "p.toml"))
    assert policy.others == 8
    assert "features.1.conv.0" in policy.names
    assert "classifier.1" not in policy.names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["first-tri"], "did you mean 'first-try'"),
        (["first-try", "--prefer", "time"], "--prefer must be speed or size"),
        (["--policy", "x.toml"], "--policy needs a design"),
        (["first-try", "--energy", "horowitz"], "did you mean 'horowitz-45nm'"),
    ],
)
def test_bad_input(options: list[str], message: str) -> None:
    run = CliRunner().invoke(app, ["design", *options])
    assert isinstance(run.exception, BadInput)
    assert message in str(run.exception)
