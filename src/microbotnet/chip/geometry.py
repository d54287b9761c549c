"""What a user may choose about the engine."""

from dataclasses import dataclass

from ..errors import BadInput

LANES = {16: (4, 4), 64: (8, 8), 128: (8, 16), 256: (16, 16)}  # to the channels of a word, and the columns


@dataclass(frozen=True)
class Geometry:
    """lanes: ternary weights applied a cycle: the channels in a word of memory times the columns.

    banks: of the activation memory; one reads while another writes. requantizers: sums rounded a cycle.
    buffer: weight words that may be kept beside the lanes, at most; a layer that needs more reads them again.
    """

    lanes: int = 128
    banks: int = 2
    requantizers: int = 4
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
        """Channels in a word."""
        return LANES[self.lanes][0]

    @property
    def columns(self) -> int:
        """Output channels summed at once, by ternary weights."""
        return LANES[self.lanes][1]

    @property
    def multipliers(self) -> int:
        """Of 8 bits, in each column that has any, which are `side`: a word of weights has a byte for each."""
        return self.weight_bits // (8 * self.side)

    @property
    def word_bits(self) -> int:
        """Of the activation memory."""
        return 8 * self.side

    @property
    def weight_bits(self) -> int:
        """Of a word of weights: the lanes' at 2 bits."""
        return 2 * self.lanes
