import subprocess
import sys
from dataclasses import replace

import pytest

from microbotnet.graph.trace import trace
from microbotnet.nets import find_net
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.weights import shipped_cards, shipped_graph

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
