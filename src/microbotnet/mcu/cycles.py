"""A model of cycles: what each instruction takes when memories never make the core wait.

- Cortex-M0: the table of its Technical Reference Manual (Arm DDI 0432C, 3.3). A taken branch takes 3, a call 4, a load
  or store 2, `ldm`, `stm`, `push` and `pop` of n registers 1 + n (4 + n where the pc is one of them), a multiplication
  1 or 32, barriers and special registers 4.
- Cortex-M4: the table and the load/store timings of its manual (Arm 100166, 3.3.1 and 3.3.2), with 2 cycles to refill
  the pipeline where it says 1 to 3 and 12 for a division where it says 2 to 12. A load or store right behind a load,
  whose result its address does not need, takes one less; one whose address is what the instruction before it computed
  takes one more; a store takes 1, with an offset in a register 2.
- Cortex-M0+: the table of its manual (Arm DDI 0484C, 3.3): as the M0, but a taken branch takes 2, a call 3, `bx` 2, a
  `pop` with the pc 3 + n, barriers and special registers 3.
- Cortex-M3: that of the M4, but a multiplication that adds takes 2 and one to 64 bits 5, where its manual (DDI 0337H,
  3.3) says 3 to 5.
- Cortex-M33: Arm publishes no timings; those of the M4 are used, as LLVM does to schedule for it, and are no more than
  a guess: the M33 has another pipeline, which loads sooner and issues some pairs at once.
- RISC-V: neither maker publishes a table. A short pipeline in order is assumed: 1, a load 2, what changes the order of
  instructions 3, a division 33, a special register or barrier 4. A guess for the ESP32-C3 and the CH32V003.
- Cortex-M1, M7, M23: no model. Arm publishes none for the M7, which issues pairs, and the M23; the M1 is logic in an
  FPGA.

A model, since flash may be slower than the core (a microcontroller then waits, or hides it behind a cache), and
interrupts, DMA and the radio share the memories. Instructions are counted, not modelled.
"""

from collections.abc import Sequence

from .board import Board
from .cores import CORES
from .instruction import Instruction, Kind
from .registers import PC

REFILL = 2  # cycles behind a taken branch, Cortex-M4
_ZERO = {
    Kind.ALU: 1, Kind.LOAD: 2, Kind.STORE: 2, Kind.CONDITIONAL: 1, Kind.BRANCH: 3, Kind.CALL: 4, Kind.JUMP: 3,
    Kind.SYSTEM: 4,
}  # fmt: skip
_FOUR = {
    Kind.ALU: 1, Kind.MULTIPLY: 1, Kind.DIVIDE: 12, Kind.LOAD: 2, Kind.STORE: 1, Kind.CONDITIONAL: 1,
    Kind.BRANCH: 1 + REFILL, Kind.CALL: 1 + REFILL, Kind.JUMP: 1 + REFILL, Kind.SYSTEM: 2,
}  # fmt: skip
_TABLES = {
    "cortex-m0": (_ZERO, 4),
    "cortex-m0plus": (_ZERO | {Kind.BRANCH: 2, Kind.CALL: 3, Kind.JUMP: 2, Kind.SYSTEM: 3}, 3),
    "riscv": (_ZERO | {Kind.STORE: 1, Kind.CALL: 3, Kind.DIVIDE: 33}, 0),
}  # cycles of each kind, and those of a return besides its registers
_TAKEN = {"cortex-m0": 2, "cortex-m0plus": 1, "riscv": 2}  # more, if a conditional branch is taken
_COMPUTES = (Kind.ALU, Kind.MULTIPLY, Kind.DIVIDE)


def block_cycles(block: Sequence[Instruction], board: Board) -> tuple[int, int]:
    """Cycles of a straight run of instructions, and how many more if the conditional branch at its end is taken; 0 of a
    core without a model.
    """
    conditional, model = block[-1].kind is Kind.CONDITIONAL, CORES[board.core].cycles
    if model is None:
        return 0, 0
    if model in _TABLES:
        table, with_pc = _TABLES[model]
        table = table | {Kind.MULTIPLY: board.multiply_cycles}
        return sum(_several(i, with_pc) if i.registers else table[i.kind] for i in block), _TAKEN[model] * conditional
    total = sum(_four(i, before) for i, before in zip(block, (None, *block), strict=False))
    if model == "cortex-m3":
        total += sum(_longer(i) for i in block if i.kind is Kind.MULTIPLY)
    return total, REFILL * conditional


def _longer(multiplication: Instruction) -> int:
    """On a Cortex-M3, than on an M4."""
    return 4 if multiplication.writes.bit_count() > 1 else int(multiplication.size == 4)


def _four(instruction: Instruction, before: Instruction | None) -> int:
    """On a Cortex-M4, behind `before`."""
    kind, made_of = instruction.kind, instruction.made_of
    if instruction.registers:
        return _several(instruction, 1 + REFILL)
    if kind is Kind.JUMP and instruction.size == 4:  # tbb
        return 2 + REFILL
    cycles = _FOUR[kind]
    if kind in (Kind.LOAD, Kind.STORE):
        cycles += kind is Kind.STORE and made_of.bit_count() > 1
        if before is not None and before.kind is Kind.LOAD and not before.writes & made_of:
            cycles = 1
        elif before is not None and before.kind in _COMPUTES and before.writes & made_of:
            cycles += 1
        cycles += REFILL if kind is Kind.LOAD and instruction.writes == PC else 0
    return cycles


def _several(instruction: Instruction, with_pc: int) -> int:
    """Of a `push`, `pop`, `ldm` or `stm`; the pc counts as a register."""
    return (with_pc if instruction.kind is Kind.RETURN else 1) + instruction.registers
