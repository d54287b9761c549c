"""The networks that the page offers, opened once."""

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ..cost.profile import Profile, profile
from ..graph.trace import trace
from ..show.activity import Activity, observe
from ..training.checkpoint import Checkpoint, load_checkpoint
from ..weights import DEFAULT, is_installed, shipped_cards
from .emulated import BOARD, firmware_of, has_firmware, is_made

if TYPE_CHECKING:
    from ..mcu.firmware import Firmware

_ON_BOARD = f" on {BOARD}"  # after a checkpoint's name: the same as firmware


@dataclass(frozen=True)
class Network:
    """A network ready to answer: its name, the checkpoint, what a picture costs, and the firmware if that answers."""

    name: str
    checkpoint: Checkpoint
    costs: Profile
    firmware: "Firmware | None" = None

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
    cards = {name: card for name, card in shipped_cards().items() if is_installed(name)}
    names = sorted(cards, key=lambda name: (name != DEFAULT, name))
    if checkpoint is not None and checkpoint not in cards:
        return {_line(checkpoint, open_network(checkpoint).checkpoint.card): checkpoint} | offered()
    if checkpoint is not None:
        names = [checkpoint, *(name for name in names if name != checkpoint)]
    lines = {_line(name, cards[name]): name for name in names}
    on_board = {f"{name} · emulated Cortex-M0": name + _ON_BOARD for name in names if has_firmware(cards[name])}
    return lines | on_board


@cache
def open_network(name: str) -> Network:
    """The network of a line that is offered: of a checkpoint, or that as firmware.

    Raises:
        BadInput: as `load_checkpoint`. Failed: as `make_firmware`.
    """
    if name.endswith(_ON_BOARD):
        return replace(open_network(name.removesuffix(_ON_BOARD)), firmware=firmware_of(name.removesuffix(_ON_BOARD)))
    loaded = load_checkpoint(name)
    size = loaded.card["architecture"]["input_size"]
    return Network(name, loaded, profile(trace(loaded.model, (3, size, size))))


def is_slow(name: str) -> bool:
    """Whether the network of a line is firmware that must be built first, which takes seconds."""
    return name.endswith(_ON_BOARD) and not is_made(name.removesuffix(_ON_BOARD))


def _line(name: str, card: dict[str, Any]) -> str:
    score = card.get("metrics", {}).get("top1")
    return name if score is None else f"{name} · {score:.1f} % right"
