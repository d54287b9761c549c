"""A shipped network as firmware on an emulated Cortex-M0: the one place where the page meets `integer` and `mcu`.

It is offered where the checkpoint was trained with rounded activations and the `mcu` extra is installed. It is built
when it is chosen, which takes seconds; an image that does not fit the board says so then.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..mcu.firmware import Firmware

BOARD = "scum"

_made: dict[str, "Firmware"] = {}


def has_firmware(card: dict[str, Any]) -> bool:
    """Whether the card's network is one of integers, and an emulator for them is installed."""
    from ..training.card import activation_bits

    return activation_bits(card) is not None and find_spec("unicorn") is not None


def is_made(name: str) -> bool:
    """Whether a checkpoint's firmware was built already."""
    return name in _made


def firmware_of(name: str) -> "Firmware":
    """The firmware of a checkpoint for `BOARD`, built once; BadInput or Failed where there can be none."""
    from ..integer.checkpoint import lower_checkpoint
    from ..mcu.board import load_board
    from ..mcu.firmware import make_firmware
    from ..training.checkpoint import load_checkpoint

    if name not in _made:
        _made[name] = make_firmware(lower_checkpoint(load_checkpoint(name)), load_board(BOARD))
    return _made[name]
