"""A search as a user runs it, on a cluster of two nodes one of whose workers is killed."""

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("ray", reason="ray of the extra search is not installed")

from microbotnet import BadInput, Failed
from microbotnet.cli import app
from microbotnet.data.source import open_source
from microbotnet.design import load_design
from microbotnet.search.budget import parse_budget
from microbotnet.search.plan import Plan
from microbotnet.search.run import ENVIRONMENT, _cluster, search
from microbotnet.search.study import JOURNAL, Study
from microbotnet.training.recipe import Recipe

RECIPE = Recipe(epochs=2, batch=16, learning_rate=0.05, holdout=24, average=0.9)
PLAN = Plan(parse_budget("macs<=4e5, activations<=9k"), RECIPE, trials=2, pictures=120, resolution=16, concurrent=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two classes, dark and light."""
    root, draw = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for split, count in (("train", 60), ("test", 4)):
        for name, least in (("dark", 0), ("light", 120)):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                values = draw.integers(least, least + 120, (16, 16, 3)).astype(np.uint8)
                Image.fromarray(values).save(root / split / name / f"{i}.png")
    return root


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A cluster whose first node has no processor for us, so that all work is done on the second."""
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


def test_a_killed_worker_loses_nothing_and_the_search_goes_on(pictures: Path, tmp_path: Path, address: str) -> None:
    source, killed = open_source(pictures, size=16), []

    def kill_once(result: dict[str, Any]) -> None:
        if not killed:
            killed.append(result["number"])
            os.kill(result["pid"], signal.SIGKILL)

    found = search(source, PLAN, tmp_path / "out", address=address, on_epoch=kill_once)
    assert len(found) == 2
    assert killed[0] in {one.number for one in found}
    assert {one.epochs for one in found} <= {1, 2}
    assert not list((tmp_path / "out" / "trials").iterdir())
    result = json.loads((tmp_path / "out" / "search.json").read_text())
    for row in result["front"]:
        design = load_design(str(tmp_path / "out" / row["design"]))
        assert design.resolution == 16
        assert row["commands"][0].startswith("microbotnet train modern --net ")
        assert f" --data {pictures} " in row["commands"][0]
        assert row["commands"][-1].startswith("microbotnet firmware ")

    options = ["--budget", "macs<=4e5, activations<=9k", "--data", str(pictures), "--out", str(tmp_path / "out")]
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("epochs = 2\nbatch = 16\nlearning_rate = 0.05\nholdout = 24\naverage = 0.9\n")
    options += ["--recipe", str(recipe), "--pictures", "120", "--resolution", "16"]
    run = CliRunner().invoke(
        app, ["search", *options, "--trials", "3", "--concurrent", "1", "--address", address, "--json"]
    )
    assert run.exit_code == 0, run.output
    answer = json.loads(run.stdout)
    assert [row["number"] for row in answer["trained"]][:2] == [one.number for one in found]
    assert len(answer["trained"]) == 3
    assert "3/3  macs" in run.stderr
    again = CliRunner().invoke(app, ["search", *options, "--trials", "3", "--address", address])
    best = max(answer["front"], key=lambda row: row["holdout_top1"])
    assert again.stdout.rstrip().endswith("\n".join(best["commands"]))  # everything is trained: only said


def test_trainings_are_stopped_by_what_those_before_a_kill_had_reached(tmp_path: Path) -> None:
    from microbotnet.search.trials import Progress, _Past, _scheduler

    def progress() -> Progress:
        study = Study(tmp_path, PLAN.budget, classes=2, resolution=16)
        plan = replace(PLAN, recipe=replace(RECIPE, epochs=9))
        return Progress(study, plan, tmp_path, lambda result: None, lambda one, all_: None, float("inf"), 9)

    curves = [[float(value) for value in np.random.default_rng(k).integers(20, 80, 9)] for k in range(9)]

    def stopped(begun: Progress, scheduler: Any, first: int) -> list[int]:
        """How many epochs each training is given, from `first` on."""
        given = []
        for k, curve in enumerate(curves[first:], first):
            trial, one = _Past(str(k)), begun.study.ask()
            scheduler.on_trial_add(None, trial)
            for epoch, top1 in enumerate(curve, 1):
                if scheduler.on_trial_result(None, trial, {"epoch": epoch, "holdout_top1": top1}) == "STOP":
                    break
            begun.study.tell(one, top1, epoch, curve[:epoch])
            given.append(epoch)
        return given

    begun = progress()
    whole = stopped(begun, _scheduler(begun), 0)
    assert len({*whole}) > 2
    lines = (tmp_path / JOURNAL).read_text().splitlines(keepends=True)
    for first in (1, 4, 8):
        (tmp_path / JOURNAL).write_text("".join(lines[: 2 * first]))
        begun = progress()
        assert stopped(begun, _scheduler(begun), first) == whole[first:]


def test_a_cluster_that_does_not_start_is_one_line(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def slow(**options: Any) -> None:
        raise Exception("The current node timed out during startup.\nMore of it.")  # as Ray has it

    monkeypatch.setattr(ray, "init", slow)
    with pytest.raises(Failed, match=r"at this machine: The current node timed out .* goes on with it\Z"):
        search(open_source(pictures, size=16), PLAN, tmp_path)


def test_a_start_of_ray_that_is_too_slow_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    starts = []

    def slow_twice(**options: Any) -> None:
        starts.append(options["address"])
        if len(starts) < 3:
            raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", slow_twice)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: starts.append("stopped"))
    with _cluster(None):
        assert starts == ["local"] * 3
    assert starts[3:] == ["stopped"]


def _answer_as_http1(server: socket.socket) -> None:
    peer, _ = server.accept()
    with peer:
        peer.recv(100)
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_what_cannot_be_searched_is_said_at_once(pictures: Path, tmp_path: Path) -> None:
    source = open_source(pictures, size=16)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Failed, match=f"no Ray cluster at {re.escape(address)}: "):
        search(source, PLAN, tmp_path / "a", address=address)
    with socket.create_server(("127.0.0.1", 0)) as other_server:
        threading.Thread(target=_answer_as_http1, args=(other_server,), daemon=True).start()
        with pytest.raises(Failed, match="something answers there, but it is not Ray"):
            search(source, PLAN, tmp_path / "a", address=f"127.0.0.1:{other_server.getsockname()[1]}")
    few = replace(PLAN, pictures=240, recipe=replace(RECIPE, holdout=0))  # there are half as many
    with pytest.raises(Failed):
        search(source, few, tmp_path / "few", address=address)
    settled = json.loads((tmp_path / "few" / "settings.json").read_text())["recipe"]
    assert (settled["epochs"], settled["holdout"]) == (2 * RECIPE.epochs, 20)
    other = replace(PLAN, budget=parse_budget("macs<=3e5"))
    with pytest.raises(BadInput, match="holds a search with another budget"):
        search(source, other, tmp_path / "a")
    with pytest.raises(BadInput, match="too few with 29 held out"):
        search(source, replace(PLAN, pictures=30, recipe=replace(RECIPE, holdout=29)), tmp_path / "b")
    (tmp_path / "a" / "settings.json").write_text("{")
    with pytest.raises(BadInput, match=r"settings\.json: not JSON"):
        search(source, PLAN, tmp_path / "a")
