"""A shipped network as firmware on an emulated Cortex-M0: the one place where the page meets `integer` and `mcu`.

It is offered only where it really runs: the checkpoint was trained with rounded activations, its image fits the board,
and the `mcu` extra is installed.
"""

from functools import cache
from typing import TYPE_CHECKING

from ..errors import BadInput, Failed

if TYPE_CHECKING:
    from ..mcu.firmware import Firmware

BOARD = "scum"


@cache
def firmware_of(name: str) -> "Firmware | None":
    """The firmware of a checkpoint for `BOARD`, or None where there can be none here."""
    from ..training.checkpoint import activation_bits, load_checkpoint

    loaded = load_checkpoint(name)
    if activation_bits(loaded.card) is None:
        return None
    try:
        from ..integer.checkpoint import lower_checkpoint
        from ..mcu.board import load_board
        from ..mcu.firmware import make_firmware

        return make_firmware(lower_checkpoint(loaded), load_board(BOARD))
    except (BadInput, Failed, ImportError):
        return None
