"""From an integer program to firmware on a board, and what it costs there, layer by layer."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.c import emit
from ..integer import interpreter
from ..integer.program import Program
from .board import Board
from .emulator import Execution, execute
from .image import NAME, SHARED, START, Image, build, check_fit
from .qemu import run_in_qemu
from .toolchain import Toolchain, find_toolchain


@dataclass(frozen=True)
class Firmware:
    """An image that fits its board, and what it was made from."""

    program: Program
    board: Board
    toolchain: Toolchain
    prefer: str
    sources: Mapping[str, str]
    image: Image

    @property
    def layers(self) -> dict[int, str]:
        """Names of the operators by index."""
        return {index: operator.name for index, operator in enumerate(self.program.operators)}

    def run(self, pictures: NDArray[np.uint8]) -> "Run":
        """Execute the image on the emulated core for (N, 3, H, W) uint8, and hold it against the interpreter."""
        return Run(self, interpreter.run(self.program, pictures), execute(self.image, pictures))

    def second_opinion(self, pictures: NDArray[np.uint8]) -> NDArray[np.int16]:
        """Scores (N, classes) of the same network in QEMU."""
        return run_in_qemu(self.sources, self.board, self.toolchain, pictures, prefer=self.prefer)


def make_firmware(
    program: Program, board: Board, *, prefer: str = "speed", toolchain: Toolchain | None = None
) -> Firmware:
    """Compile `program` for `board`.

    Raises:
        BadInput: it does not fit; by how much, and which layers weigh most. Failed: no compiler, or it complained.
    """
    toolchain = toolchain or find_toolchain()
    sources = {name: text for name, text in emit(program, prefer=prefer, name=NAME).items() if name != "main.c"}
    image = build(sources, board, toolchain, prefer=prefer)
    made = Firmware(program, board, toolchain, prefer, sources, image)
    check_fit(image, made.layers)
    return made


@dataclass(frozen=True)
class Row:
    """A layer's share. instructions, cycles: a picture, rounded to whole ones. The bytes are the image's."""

    name: str
    kind: str
    instructions: int
    cycles: int
    code_bytes: int
    constant_bytes: int


@dataclass(frozen=True)
class Run:
    """Firmware that ran. expected: the interpreter's scores, (N, classes) int16."""

    firmware: Firmware
    expected: NDArray[np.int16]
    execution: Execution

    @property
    def bit_exact(self) -> bool:
        """Whether every score of every picture is the interpreter's."""
        return bool(np.array_equal(self.expected, self.execution.scores))

    @property
    def instructions(self) -> list[int]:
        """Executed for each picture."""
        return [cost.total_instructions for cost in self.execution.costs]

    @property
    def cycles(self) -> list[int]:
        """For each picture, by the model."""
        return [cost.total_cycles for cost in self.execution.costs]

    @property
    def seconds(self) -> float:
        """A picture's time at the board's clock, by the model; the mean."""
        return float(np.mean(self.cycles)) / self.firmware.board.clock_hz

    @cached_property
    def rows(self) -> list[Row]:
        """Every layer in order, then what is none's."""
        return rows(self.firmware, self.execution)

    def to_json(self) -> dict[str, Any]:
        """Plain values; instructions a picture are a whole number where all pictures need the same."""
        counts = self.instructions
        return {
            "bit_exact": self.bit_exact,
            "instructions_per_picture": counts[0] if len(set(counts)) == 1 else float(np.mean(counts)),
            "instructions_least": min(counts),
            "instructions_most": max(counts),
            "cycles_per_picture_model": float(np.mean(self.cycles)),
            "seconds_per_picture_model": self.seconds,
            "stack_bytes": self.execution.stack_bytes,
        }


def rows(firmware: Firmware, execution: Execution | None = None) -> list[Row]:
    """Every layer in order, then what is none's; without an execution, bytes alone."""
    costs = execution.costs if execution else ()
    weights = defaultdict[int | str, Counter[str]](Counter, firmware.image.weigh())
    operators: list[tuple[int | str, str, str]] = [
        (index, operator.name, type(operator).__name__.lower())
        for index, operator in enumerate(firmware.program.operators)
    ]
    operators += [(SHARED, "shared by layers", ""), (START, "start and loop", "")]
    return [
        Row(
            name,
            kind,
            round(float(np.mean([cost.instructions.get(owner, 0) for cost in costs]))) if costs else 0,
            round(float(np.mean([cost.cycles.get(owner, 0) for cost in costs]))) if costs else 0,
            weights[owner]["code"],
            weights[owner]["constants"],
        )
        for owner, name, kind in operators
    ]
