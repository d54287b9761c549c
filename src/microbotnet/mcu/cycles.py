"""A model of cycles: what each instruction takes when memories never make the core wait.

- Cortex-M0: the instruction timings of its Technical Reference Manual (Arm DDI 0432C, 3.3). A taken branch takes 3,
  a load or store 2, `ldm`, `stm`, `push` and `pop` of n registers 1 + n (4 + n where the pc is one of them), a
  multiplication 1 or 32.
- Cortex-M4: its manual (Arm 100166, 3.3.1), with 2 cycles to refill the pipeline where it says 1 to 3, 12 for a
  division where it says 2 to 12, 1 for a load right behind another.
- Cortex-M33: Arm publishes no timings; those of the M4 are used, and are no more than a guess.

A model, since flash may be slower than the core (a microcontroller then waits, or hides it behind a cache), and
interrupts, DMA and the radio share the memories. Instructions are counted, not modelled.
"""

from collections.abc import Sequence
from itertools import pairwise

from .board import Board
from .thumb import Instruction, Kind

REFILL = 2  # cycles behind a taken branch, Cortex-M4
_ZERO = {
    Kind.ALU: 1, Kind.LOAD: 2, Kind.STORE: 2, Kind.CONDITIONAL: 1, Kind.BRANCH: 3, Kind.CALL: 4, Kind.JUMP: 3,
    Kind.SYSTEM: 4,
}  # fmt: skip
_FOUR = {
    Kind.ALU: 1, Kind.MULTIPLY: 1, Kind.DIVIDE: 12, Kind.LOAD: 2, Kind.STORE: 1, Kind.CONDITIONAL: 1,
    Kind.BRANCH: 1 + REFILL, Kind.CALL: 1 + REFILL, Kind.JUMP: 1 + REFILL, Kind.SYSTEM: 2,
}  # fmt: skip


def block_cycles(block: Sequence[Instruction], board: Board) -> tuple[int, int]:
    """Cycles of a straight run of instructions, and how many more if the conditional branch at its end is taken."""
    if board.core == "cortex-m0":
        table = _ZERO | {Kind.MULTIPLY: board.multiply_cycles}
        total = sum(_several(i, 4) if i.count else table[i.kind] for i in block)
        return total, 2 if block[-1].kind is Kind.CONDITIONAL else 0
    total = sum(_several(i, 1 + REFILL) if i.count else _FOUR[i.kind] for i in block)
    total -= sum(a.kind is b.kind is Kind.LOAD for a, b in pairwise(block))
    return total, REFILL if block[-1].kind is Kind.CONDITIONAL else 0


def _several(instruction: Instruction, with_pc: int) -> int:
    """Of a `push`, `pop`, `ldm` or `stm`; the pc counts as a register."""
    return (with_pc if instruction.kind is Kind.RETURN else 1) + instruction.count
