"""Bring trained networks into the package: weights, card, log, and what is read without torch.

python tools/ship.py NAME FOLDER [FOLDER …]  # what `microbotnet train --out` made, and the same with other seeds
python tools/ship.py [NAME]                  # only the graphs and programs of everything shipped, again

The card then has the top-1 of the program too, `top1_integers`: what a chip gets. New networks come into the package
itself, which may weigh 8 MB (`make release` says so); those that few load belong in `src/microbotnet_weights`.
Of further seeds the log is kept, and the top-1 in the card. Where weights were trained with float activations, their
ranges in the program are those that 1,000 training pictures of their data set show.
"""

import hashlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import torch

from microbotnet.atomic import write_atomically
from microbotnet.data.resize import resized
from microbotnet.data.source import open_source
from microbotnet.engine import load
from microbotnet.graph.trace import trace
from microbotnet.integer.checkpoint import lower_checkpoint
from microbotnet.integer.file import save_program
from microbotnet.nets import find_net, input_shape_of
from microbotnet.quant.activations import NAME
from microbotnet.sources.program import calibration_inputs
from microbotnet.training.checkpoint import load_checkpoint
from microbotnet.weights import LARGER, shipped_cards

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "src" / "microbotnet" / "weights"


def home(name: str) -> Path:
    """The folder of a network's weights and program."""
    larger = ROOT / "src" / LARGER
    return larger if (larger / f"{name}.safetensors").exists() else WEIGHTS


def add(name: str, folder: Path, *seeds: Path) -> None:
    """Copy the checkpoint, its card and its log; the card then says what the same training gave with other seeds."""
    cards = [json.loads((one / "model.json").read_text()) for one in (folder, *seeds)]
    card = cards[0]
    for other, where in zip(cards[1:], seeds, strict=True):
        mine, its = card["recipe"], other["recipe"]
        differs = [key for key in mine.keys() & its.keys() - {"seed"} if mine[key] != its[key]]
        if differs:
            raise SystemExit(f"{where}: trained otherwise than {folder}: {', '.join(sorted(differs))}")
        shutil.copyfile(where / "log.csv", ROOT / "docs" / "results" / f"{name}-seed-{its['seed']}.csv")
    if seeds:
        card["metrics"]["top1_of_seeds"] = {str(one["recipe"]["seed"]): one["metrics"]["top1"] for one in cards}
    card["sha256"] = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    shutil.copyfile(folder / "model.safetensors", home(name) / f"{name}.safetensors")
    write_atomically(WEIGHTS / f"{name}.json", (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    shutil.copyfile(folder / "log.csv", ROOT / "docs" / "results" / f"{name}.csv")


def derive(name: str) -> None:
    """Write the traced graph and the integer program."""
    loaded = load_checkpoint(name)
    made = loaded.card["architecture"]
    graph = trace(loaded.model, (3, made["input_size"], made["input_size"]))
    graph = replace(graph, nodes=tuple(replace(node, source="") for node in graph))  # paths on this machine
    stored = {"widths": find_net(made["name"], made.get("design")).widths, "graph": graph.to_json()}
    write_atomically(WEIGHTS / "graphs" / f"{name}.json", (json.dumps(stored, separators=(",", ":")) + "\n").encode())
    shape = input_shape_of(made)
    pictures = None if hasattr(loaded.model, NAME) else calibration_inputs(loaded.card["data"]["name"], shape)
    path = home(name) / "programs" / f"{name}.program"
    save_program(path, lower_checkpoint(loaded, pictures, name=name))
    judge(name, path)


def judge(name: str, program: Path) -> None:
    """Write the program's SHA-256, and its top-1 over the test pictures, into the card."""
    path = WEIGHTS / f"{name}.json"
    card = json.loads(path.read_text())
    card["program_sha256"] = hashlib.sha256(program.read_bytes()).hexdigest()
    network = load(program)
    source = open_source(card["data"]["name"], size=network.input_shape[1])
    images, labels = source.load("test")
    scores = network.scores(resized(images, network.input_shape[1]).numpy())
    classes = torch.tensor([source.classes.index(label) for label in network.labels])
    right = classes[torch.from_numpy(scores.argmax(1))] == labels
    card["metrics"]["top1_integers"] = round(100 * float(right.double().mean()), 2)
    write_atomically(path, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())


def main() -> None:
    """Add what is named, or derive everything again."""
    added = sys.argv[1:2]
    if len(sys.argv) > 2:
        add(added[0], *map(Path, sys.argv[2:]))
    for name in added or shipped_cards():
        derive(name)
        print(name)


if __name__ == "__main__":
    main()
