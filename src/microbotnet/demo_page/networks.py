"""The networks that the page offers, opened once."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from ..cost.profile import Profile, profile
from ..graph.trace import trace
from ..show.activity import Activity, observe
from ..training.checkpoint import Checkpoint, load_checkpoint
from ..weights import DEFAULT, shipped_cards


@dataclass(frozen=True)
class Network:
    """A network ready to answer: its checkpoint's name, the checkpoint, and what a picture costs."""

    name: str
    checkpoint: Checkpoint
    costs: Profile

    @property
    def classes(self) -> list[str]:
        """Their names."""
        return list(self.checkpoint.card["data"]["classes"])

    @property
    def size(self) -> int:
        """Side of its pictures in pixels."""
        return int(self.checkpoint.card["architecture"]["input_size"])

    def observe(self, picture: Any) -> Activity:
        """Run one picture, uint8, 3×size×size."""
        data = self.checkpoint.card["data"]
        return observe(self.checkpoint.model, self.costs.graph, picture, data["mean"], data["std"])


def offered(checkpoint: str | None = None) -> dict[str, str]:
    """What to choose from: a line for people, and the checkpoint's name or file.

    Args:
        checkpoint: the user's own, which comes first; BadInput if there is none.
    """
    cards = shipped_cards()
    names = sorted(cards, key=lambda name: (name != DEFAULT, name))
    if checkpoint is not None and checkpoint not in cards:
        return {_line(checkpoint, open_network(checkpoint).checkpoint.card): checkpoint} | offered()
    if checkpoint is not None:
        names = [checkpoint, *(name for name in names if name != checkpoint)]
    return {_line(name, cards[name]): name for name in names}


@cache
def open_network(name: str) -> Network:
    """The network of a checkpoint, shipped (by name) or a file; BadInput as `load_checkpoint`."""
    loaded = load_checkpoint(name)
    size = loaded.card["architecture"]["input_size"]
    return Network(name, loaded, profile(trace(loaded.model, (3, size, size))))


def _line(name: str, card: dict[str, Any]) -> str:
    quantization = card.get("quantization", "none")
    kind = "float" if quantization == "none" else quantization["quantizer"].replace("-", " ")
    score = card.get("metrics", {}).get("top1")
    words = [name, kind, f"{score:.1f} %" if score is not None else ""]
    return " · ".join(word for word in words if word)
