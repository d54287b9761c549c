import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from microbotnet import BadInput, Failed, weights
from microbotnet.cli import main
from microbotnet.demo.networks import offered
from microbotnet.graph.trace import trace
from microbotnet.mcu.board import load_board
from microbotnet.nets import find_net
from microbotnet.search.recommend import recommend
from microbotnet.sources import open_program
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.weights import shipped_cards, shipped_file, shipped_graph, shipped_program

WITHOUT_TORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "lightning_fabric", "tensorboard", "pooch", "requests", "filelock"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from microbotnet.cli import main
main()
"""


def without_torch(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words], capture_output=True, text=True, check=False, encoding="utf-8"
    )


@pytest.mark.parametrize("name", shipped_cards())
def test_the_graph_is_what_tracing_finds(name: str) -> None:
    loaded = load_checkpoint(name)
    made = loaded.card["architecture"]
    graph, widths = shipped_graph(name)
    traced = trace(loaded.model, (3, made["input_size"], made["input_size"]))
    assert graph == replace(traced, nodes=tuple(replace(node, source="") for node in traced)), "python tools/ship.py"
    assert widths == find_net(made["name"]).widths


@pytest.mark.parametrize("words", [["weights"], ["profile", "--checkpoint", "microbotnet-0.32"]])
def test_what_is_shipped_needs_no_torch(words: list[str]) -> None:
    run = without_torch(*words)
    assert (run.returncode, run.stderr) == (0, "")
    assert "microbotnet-0.32" in run.stdout


def test_a_command_that_needs_torch_says_what_to_install() -> None:
    run = without_torch("nets")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "microbotnet: this needs torch; pip install 'microbotnet[train]'\n"


@pytest.fixture
def small_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `pip install microbotnet`, without the larger weights."""
    monkeypatch.setattr(weights, "LARGER", "microbotnet_weights_that_are_not_there")


@pytest.mark.usefixtures("small_install")
def test_weights_that_are_not_installed_are_named_with_the_way_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert weights.is_installed(weights.DEFAULT)
    assert not weights.is_installed("squeezenet-cifar")
    sentence = r"^squeezenet-cifar: its weights are not installed; pip install 'microbotnet\[weights\]' brings them$"
    for use in (load_checkpoint, open_program):
        with pytest.raises(Failed, match=sentence):
            use("squeezenet-cifar")
    assert shipped_graph("squeezenet-cifar")[0].nodes
    monkeypatch.setattr(sys, "argv", ["microbotnet", "weights"])
    with pytest.raises(SystemExit):
        main()
    listed = capsys.readouterr().out
    assert re.search(r"squeezenet-cifar +\d\d\.\d\d +not installed; ", listed)
    assert re.search(rf"{weights.DEFAULT} +\d\d\.\d\d +one-negative-one", listed)
    absent = sum(not weights.is_installed(name) for name in shipped_cards())
    assert f"{absent} of {len(shipped_cards())} are not installed; {weights.INSTALL}" in listed


@pytest.mark.usefixtures("small_install")
def test_what_the_commands_take_by_themselves_is_in_the_small_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.is_installed(weights.DEFAULT)
    assert weights.is_installed(weights.shipped_name("microbotnet", 0.32))
    assert set(offered().values()) >= {name for name in shipped_cards() if weights.is_installed(name)}
    assert not set(offered().values()) & {name for name in shipped_cards() if not weights.is_installed(name)}


@pytest.mark.usefixtures("small_install")
def test_a_recommendation_is_among_what_is_installed_and_says_what_might_be_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Failed, match="the networks for micro-robot/indoor are not installed"):
        recommend(load_board("microbit"), data="micro-robot/indoor")
    best = recommend(load_board("microbit")).best.name
    monkeypatch.setattr("microbotnet.search.recommend.is_installed", lambda name: name in ("grain-s", "grain-s-int8"))
    with pytest.warns(UserWarning, match=f"not looked at, for not installed: .*{best}"):
        assert recommend(load_board("microbit")).best.name.startswith("grain-s")


def test_weights_of_another_version_than_the_card_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = "microbotnet-0.25"
    (tmp_path / "older_weights" / "programs").mkdir(parents=True)
    for read, file in ((shipped_file, f"{name}.safetensors"), (shipped_program, f"programs/{name}.program")):
        content = bytearray(read(name).read_bytes())
        content[-1] ^= 1
        (tmp_path / "older_weights" / file).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(weights, "LARGER", "older_weights")
    for use in (load_checkpoint, open_program):
        with pytest.raises(BadInput, match=r"of another version: its SHA-256 is not the one in the card of micro"):
            use(name)


@pytest.mark.parametrize("name", shipped_cards())
def test_the_files_of_a_network_are_those_of_its_card(name: str) -> None:
    assert shipped_file(name).is_file()
    assert shipped_program(name).is_file()
