"""An instruction as far as counting needs it: length, kind, what it does to the stack pointer, which cores have it."""

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a cycle model tells apart."""

    ALU = "alu"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    LOAD = "load"
    STORE = "store"
    MULTIPLE = "multiple"  # ldm, stm, push, pop of `registers`
    RETURN = "return"  # pop of `registers`, pc one of them
    CONDITIONAL = "conditional"  # branch, taken or not
    BRANCH = "branch"
    CALL = "call"  # bl, jal
    JUMP = "jump"  # bx, blx, mov pc, jalr
    SYSTEM = "system"  # msr, mrs, barriers


class Instruction(NamedTuple):
    """An instruction at `address`.

    size: 2 or 4 bytes. registers: how many a MULTIPLE or RETURN moves. stack: bytes it takes from the stack (negative:
    gives back). needs: the instruction set in which it came, of those of `cores`. writes: the registers, made_of:
    those of which a load's or store's address is made, as masks; see `registers`.
    """

    address: int
    size: int
    kind: Kind
    registers: int = 0
    stack: int = 0
    needs: str = "armv6-m"
    writes: int = 0
    made_of: int = 0
