"""The shipped checkpoints, each with its card. Needs no torch."""

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from ..graph import Graph

DEFAULT = "grain-xl-ternary"


def shipped_cards(data: str | None = None) -> dict[str, dict[str, Any]]:
    """The cards of the weights in the package, by name; only those trained on the set `data`, if it is said."""
    cards = {
        file.name.removesuffix(".json"): json.loads(file.read_text())
        for file in files(__package__).iterdir()
        if file.name.endswith(".json")
    }
    return {name: card for name, card in sorted(cards.items()) if data in (None, card["data"]["name"])}


def shipped_name(net: str, width: float) -> str:
    """The float weights for CIFAR-10 shipped for a network and width; BadInput lists the widths there are."""
    cards = {name: card for name, card in shipped_cards("cifar10").items() if card["quantization"] == "none"}
    for name, card in cards.items():
        if card["architecture"]["name"] == net and card["architecture"]["width"] == width:
            return name
    raise BadInput(f"no weights are shipped for {net} ×{width:g}; there are: {', '.join(cards)}; or give --checkpoint")


def shipped_graph(name: str) -> "tuple[Graph, bool]":
    """The traced network of a name of `shipped_cards()`, and whether such networks have a width multiplier."""
    from ..graph import Graph

    stored = json.loads((files(__package__) / "graphs" / f"{name}.json").read_text())
    return Graph.from_json(stored["graph"]), stored["widths"]


def shipped_file(name: str) -> Traversable:
    """The safetensors file of a name of `shipped_cards()`."""
    return files(__package__) / f"{name}.safetensors"


def shipped_program(name: str) -> Traversable:
    """The integer program of a name of `shipped_cards()`, as `integer.file` reads it."""
    return files(__package__) / "programs" / f"{name}.program"
