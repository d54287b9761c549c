"""The shipped checkpoints: every card and graph; weights and programs here, the larger ones in `microbotnet_weights`.

Needs no torch.
"""

import hashlib
import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, Failed

if TYPE_CHECKING:
    from ..graph import Graph

DEFAULT = "grain-xl-ternary"
LARGER = "microbotnet_weights"  # a package of its own, so that the first download is small
INSTALL = "pip install 'microbotnet[weights]'"


def shipped_cards(data: str | None = None) -> dict[str, dict[str, Any]]:
    """The cards of all shipped weights, by name, installed or not; only those trained on `data`, if it is said."""
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


def is_installed(name: str) -> bool:
    """Whether the weights and the program of a name of `shipped_cards()` are on this machine."""
    return any((home / f"{name}.safetensors").is_file() for home in _homes())


def shipped_file(name: str) -> Traversable:
    """The safetensors file of a name of `shipped_cards()`; errors as `shipped_program`."""
    return _found(name, f"{name}.safetensors", "sha256")


def shipped_program(name: str) -> Traversable:
    """The integer program of a name of `shipped_cards()`, as `integer.file` reads it.

    Raises:
        Failed: it is in `microbotnet_weights`, which is not installed.
        BadInput: it is not the file that the card was made for.
    """
    return _found(name, f"programs/{name}.program", "program_sha256")


def _found(name: str, file: str, digest: str) -> Traversable:
    card = json.loads((files(__package__) / f"{name}.json").read_text())
    for home in _homes():
        found = home / file
        if not found.is_file():
            continue
        if hashlib.sha256(found.read_bytes()).hexdigest() != card[digest]:
            raise BadInput(
                f"{found}: altered, or of another version: its SHA-256 is not the one in the card of {name}; "
                f"install it again: {INSTALL}"
            )
        return found
    raise Failed(f"{name}: its weights are not installed; {INSTALL} brings them")


def _homes() -> Iterator[Traversable]:
    yield files(__package__)
    try:
        yield files(LARGER)
    except ModuleNotFoundError:
        return
