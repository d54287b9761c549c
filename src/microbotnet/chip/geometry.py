"""What a user may choose about the engine."""

from dataclasses import dataclass

from ..errors import BadInput

LANES = {16: 4, 64: 8, 256: 16}  # to the side of the square


@dataclass(frozen=True)
class Geometry:
    """lanes: ternary weights applied a cycle, the square of the channels in a word of memory.

    banks: of the activation memory; one reads while another writes. requantizers: sums rounded a cycle.
    buffer: weight words that may be kept beside the lanes, at most; a layer that needs more reads them again.
    """

    lanes: int = 64
    banks: int = 2
    requantizers: int = 2
    buffer: int = 64
    hardwired: bool = False

    def __post_init__(self) -> None:
        if self.lanes not in LANES:
            raise BadInput(f"--lanes: there can be {', '.join(map(str, LANES))}, not {self.lanes}")
        if self.banks not in (1, 2, 4, 8):
            raise BadInput(f"--banks: there can be 1, 2, 4 or 8, not {self.banks}")
        if self.requantizers not in (1, 2, 4):
            raise BadInput(f"--requantizers: there can be 1, 2 or 4, not {self.requantizers}")
        if not 0 <= self.buffer <= 1024:
            raise BadInput(f"--buffer: 0 to 1024 weight words, not {self.buffer}")

    @property
    def side(self) -> int:
        """Channels in a word, and output channels summed at once."""
        return LANES[self.lanes]

    @property
    def word_bits(self) -> int:
        """Of the activation memory."""
        return 8 * self.side

    @property
    def weight_bits(self) -> int:
        """Of a word of weights: the lanes' at 2 bits."""
        return 2 * self.lanes
