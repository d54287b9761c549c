import json
import subprocess
import sys

from microbotnet.nets import net_names

from .command import microbotnet


def test_json_is_one_object_and_nothing_else() -> None:
    command = [sys.executable, "-m", "microbotnet", "nets", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert (run.returncode, run.stderr) == (0, "")
    rows = json.loads(run.stdout)["nets"]
    assert [row["name"] for row in rows] == net_names()
    assert {row["name"]: row["input_size"] for row in rows}["mobilenet-v1"] == 224
    assert all(row["summary"] for row in rows)


def test_table_names_every_network() -> None:
    run = microbotnet("nets")
    assert (run.returncode, run.stderr) == (0, "")
    assert [line.split()[0] for line in run.stdout.splitlines()[1:] if not line.startswith(" ")] == net_names()


def test_unknown_option_is_bad_input() -> None:
    assert microbotnet("nets", "--no-such").returncode == 2
