"""From an integer program to firmware on a board, and what it costs there, layer by layer."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.c import emit_prepared, emit_vote, prepare
from ..backends.c.camera import emit_camera
from ..backends.c.emit import Prepared, candidates_of
from ..backends.c.explain import Choice, explain
from ..backends.c.library import in_front_of
from ..backends.c.vote import voters
from ..camera import Camera, convert, frames_of
from ..classify import classify
from ..cost.preset import load_preset
from ..errors import BadInput
from ..integer import interpreter
from ..integer.arena import Plan
from ..integer.features import read_features
from ..integer.fold import fold
from ..integer.operators import Convolution, Operator
from ..integer.outputs import packed, unpacked
from ..integer.program import Program
from ..preprocessing import grey
from ..stream.voting import rule_named, votes
from .board import Board
from .cores import CORES
from .emulator import Execution, execute
from .image import CAMERA, NAME, SHARED, STACK_BYTES, START, Image, build, check_fit, fits, fits_in_ram
from .qemu import run_in_qemu
from .stack import deepest
from .toolchain import Toolchain, find_toolchain

WORD_BITS = 32  # of a load or store
BUILDS = 4  # at most, to find the fastest image that fits
ENOUGH = 200  # bytes that may be left
NEAR = 4096  # bytes of RAM beside the variables below which it is asked how deep the stack can go


@dataclass(frozen=True)
class Firmware:
    """An image that fits its board.

    given: what it was made from. program: that, folded, whose operators are the layers. prepared: their forms.
    more: bytes by which layers are larger, and faster, than the smallest, if the fastest of all did not fit; None is
        what `prefer` says.
    sources: the network's C by file name. rule: by which the last pictures vote, or None.
    camera: whose frames it takes, or None.
    """

    given: Program
    program: Program
    prepared: Prepared
    board: Board
    toolchain: Toolchain
    prefer: str
    sources: Mapping[str, str]
    image: Image
    rule: str | None = None
    more: int | None = None
    camera: Camera | None = None

    @property
    def layers(self) -> dict[int, str]:
        """Names of the operators by index."""
        return {index: operator.name for index, operator in enumerate(self.program.operators)}

    @property
    def arena_bytes(self) -> int:
        """Of the arena in the image."""
        return next(symbol.size for symbol in self.image.symbols if symbol.name == "arena")

    @cached_property
    def stack_bound(self) -> int | None:
        """Bytes that the stack takes at most, by the image's instructions; None where they do not tell."""
        return deepest(self.image)

    @property
    def plan(self) -> Plan:
        """Where its tensors lie in the arena."""
        return self.prepared.plan

    @property
    def forms(self) -> list[str]:
        """What does the work of each layer; see `KernelCall.kind`."""
        return self.prepared.kinds

    def explain(self) -> list[Choice]:
        """Why each layer has its form, and not another."""
        return explain(self.prepared)

    def run(self, pictures: NDArray[Any]) -> "Run":
        """Execute the image on the emulated core for (N, *shape) of the network's input, and hold it against the
        interpreter. Behind a camera: for its frames, (N, height, bytes of a row).
        """
        inputs = pictures if self.camera is None else convert(self.camera, pictures)
        expected = packed(self.given, interpreter.run_all(self.given, inputs))
        return Run(self, expected, execute(self.image, pictures))

    def second_opinion(self, pictures: NDArray[Any]) -> NDArray[np.uint8]:
        """Outputs of the same network in QEMU, (N, bytes): see `integer.outputs`."""
        return run_in_qemu(self.sources, self.board, self.toolchain, pictures, prefer=self.prefer)

    def read(self, files: Sequence[str]) -> tuple[list[str], NDArray[Any], list[str]]:
        """The inputs in files and folders; see `read_inputs`."""
        return read_inputs(self.program, files, self.camera)

    def rows(self, run: "Run | None" = None) -> list["Row"]:
        """Every layer in order, then what is none's; without a run, bytes alone."""
        costs = run.execution.costs if run else ()
        weights = defaultdict[int | str, Counter[str]](Counter, self.image.weigh())
        operators: list[tuple[int | str, str, str]] = [
            (index, operator.name, type(operator).__name__.lower())
            for index, operator in enumerate(self.program.operators)
        ]
        forms = defaultdict[int | str, str](str, enumerate(self.forms))
        macs: dict[int | str, int] = {
            index: _macs(self.program, operator) for index, operator in enumerate(self.program.operators)
        }
        spent = {
            owner: _mean([cost.instructions.get(owner, 0) for cost in costs])
            for owner in (*macs, CAMERA, SHARED, START)
        }
        alive = defaultdict[int | str, int](int, enumerate(self.plan.alive))
        return [
            Row(
                name,
                kind,
                forms[owner],
                spent[owner],
                spent[owner] / macs[owner] if costs and macs.get(owner) else None,
                _mean([cost.cycles.get(owner, 0) for cost in costs]) if CORES[self.board.core].cycles else None,
                weights[owner]["code"],
                weights[owner]["constants"],
                alive[owner],
            )
            for owner, name, kind in (
                *([(CAMERA, "camera", self.camera.text)] if self.camera else []),
                *operators,
                (SHARED, "shared by layers", ""),
                (START, "start and loop", ""),
            )
        ]

    def to_json(self, run: "Run | None" = None) -> dict[str, Any]:
        """Plain values; without a run, what only a run can tell is null."""
        image, board = self.image, self.board
        return {
            "bit_exact": None,
            "instructions_per_picture": None,
            "code_bytes": image.code_bytes,
            "constant_bytes": image.constant_bytes,
            "ram_bytes": image.ram_bytes,
            "stack_bytes": None,
            "stack_bound_bytes": self.stack_bound,
            "predictions": [],
            "board": {"name": board.name, "core": board.core, "clock_hz": board.clock_hz,
                      "code_bytes": board.code.bytes, "data_bytes": board.data.bytes},
            "toolchain": self.toolchain.name,
            "prefer": self.prefer,
            "bytes_for_speed": self.more or 0,
            "vote": self.rule,
            "input": self.camera.text if self.camera else None,
            "arena_bytes": self.arena_bytes,
            "beyond_bytes": image.beyond_bytes,
            "layers": [asdict(row) for row in self.rows(run)],
        }  # fmt: skip


def read_inputs(
    program: Program, files: Sequence[str], camera: Camera | None = None
) -> tuple[list[str], NDArray[Any], list[str]]:
    """The inputs in files and folders: their names, (N, *shape), and what could not be read.

    Pictures become squares, in colours or grey; an .npy file holds inputs of any network, see `read_features`.
    """
    x = program.tensors[program.input]
    channels, height, width = x.shape
    if files and all(Path(file).suffix.lower() == ".npy" for file in files):
        found = [read_features(Path(file), program) for file in files]
        names = [f"{file}[{i}]" for file, values in zip(files, found, strict=True) for i in range(len(values))]
        return names, np.concatenate(found), []
    if camera is None and (channels not in (1, 3) or height != width or x.dtype != "uint8"):
        raise BadInput(
            f"the network takes {channels}×{height}×{width} {x.dtype}, and picture files become squares of pixels; "
            "give .npy files"
        )
    read: list[NDArray[np.uint8]] = []

    def collect(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        read.append(pictures)
        return np.zeros((len(pictures), 1), np.float32)

    size = (height, width) if camera is None else (camera.height, camera.width)
    answers = list(classify(files, collect, [""], size=size))
    names = [answer.file for answer in answers if not answer.error]
    pictures = np.concatenate([np.zeros((0, 3, *size), np.uint8), *read])
    if camera is not None:
        pictures = frames_of(camera, pictures)
    elif channels == 1:
        pictures = grey(pictures)
    return names, pictures, [answer.error for answer in answers if answer.error]


def make_firmware(
    program: Program,
    board: Board,
    *,
    prefer: str = "speed",
    toolchain: Toolchain | None = None,
    rule: str | None = None,
    camera: str | None = None,
    within: int | None = None,
) -> Firmware:
    """Compile a program for a board, and measure the image.

    Args:
        program: what to run; of `lower`, `to_program`, `load_program` or an importer.
        board: where; of `load_board`.
        prefer: what to spare, "speed" (instructions) or "size" (bytes, but for a hundredth that spares the most
            instructions, where it fits). Where the fastest code does not fit, layers give up speed for bytes until it
            does, those first that lose the fewest instructions for each byte.
        toolchain: None takes what is installed.
        rule: by which the last pictures, as frames of a stream, decide together; see `rule_named`.
        within: bytes of the code memory that it may use; None: all.

    Returns:
        The firmware: `image` for `write_image`, its bytes by layer, and `run`, which executes it on an emulated core
        for (N, *shape) uint8 or int8 and holds every output against the interpreter.

    Raises:
        BadInput: it does not fit; by how much, and which layers weigh most. Failed: no compiler, or it complained.
    """
    toolchain = toolchain or find_toolchain()
    folded = fold(program)
    eye = None if camera is None else in_front_of(program, camera)
    beside = {} if rule is None else emit_vote(rule, voters(program), NAME)
    beside |= {} if eye is None else emit_camera(eye, NAME)
    beside.pop("main.c", None)

    there = board.code.bytes if within is None else min(within, board.code.bytes)

    candidates = candidates_of(folded, board.isa)

    def build_with(
        prefer: str, more: int | None = None, regions: tuple[int, int] | None = None, ram: int | None = None
    ) -> Firmware:
        prepared = prepare(
            folded, prefer=prefer, more=more, isa=board.isa, regions=regions, ram=ram, candidates=candidates
        )
        sources = emit_prepared({NAME: prepared}, NAME)
        sources.pop("main.c")
        image = build(sources | beside, board, toolchain, prefer=prefer)
        made = Firmware(program, folded, prepared, board, toolchain, prefer, sources, image, rule, more, eye)
        if regions is None and ram is None and not fits_in_ram(image):
            room = board.data.bytes - STACK_BYTES - (image.ram_bytes - made.arena_bytes) & ~3
            if board.beyond is not None:
                return build_with(prefer, more, (room, board.beyond.bytes))
            return build_with(prefer, more, ram=room)
        return made

    made = build_with(prefer)
    if not fits(made.image, there):
        made = build_with("size", 0)
        more = there - len(made.image.raw)
        for _ in range(BUILDS if prefer == "speed" and more > 0 else 0):  # bytes of code are known when it is compiled
            found = build_with("size", more)
            left = there - len(found.image.raw)
            if fits(found.image, there) and more > (made.more or 0):
                made = found
            if left >= 0 and not fits(found.image, there):  # too much of the arena
                more //= 2
                continue
            if 0 <= left < ENOUGH:
                break
            more += left if left >= 0 else left - ENOUGH // 2  # a byte less would be the same forms again
    near = board.data.bytes - made.image.ram_bytes < NEAR
    stack = max(STACK_BYTES, (made.stack_bound or 0) if near else 0)
    check_fit(made.image, made.layers, made.forms, made.plan.alive, stack, there)
    return made


@dataclass(frozen=True)
class Row:
    """A layer's share. instructions and cycles are a picture's, the mean, cycles None for a core without a model;
    alive_bytes those it needs of the arena. form: the kernel that does the work. instructions_per_mac: of a convolution
    or linear layer that ran.
    """

    name: str
    kind: str
    form: str
    instructions: int
    instructions_per_mac: float | None
    cycles: int | None
    code_bytes: int
    constant_bytes: int
    alive_bytes: int


@dataclass(frozen=True)
class Prediction:
    """A picture's class, the first with the largest score; decided: that of the vote, if there is one."""

    index: int
    label: str
    scores: list[int]
    decided: str | None = None


@dataclass(frozen=True)
class Run:
    """Firmware that ran. expected: the interpreter's outputs, (N, bytes) uint8: see `integer.outputs`."""

    firmware: Firmware
    expected: NDArray[np.uint8]
    execution: Execution

    @property
    def bit_exact(self) -> bool:
        """Whether every output for every picture is the interpreter's, and every decision the rule's on those."""
        rule = self.firmware.rule
        voted = [] if rule is None else votes(rule_named(rule), self.expected.view("<i2"))
        decided = [vote.label for vote in voted]
        same = np.array_equal(self.expected, self.execution.outputs)
        return same and self.execution.decisions.tolist() == decided

    @property
    def instructions(self) -> list[int]:
        """Executed for each picture."""
        return [cost.total_instructions for cost in self.execution.costs]

    @property
    def mean_cycles(self) -> float | None:
        """Of a picture, by the model; None for a core that has none."""
        if CORES[self.firmware.board.core].cycles is None:
            return None
        return float(np.mean([cost.total_cycles for cost in self.execution.costs]))

    @property
    def seconds(self) -> float | None:
        """A picture's time at the board's clock, by the model, if there is one."""
        return None if self.mean_cycles is None else self.mean_cycles / self.firmware.board.clock_hz

    @property
    def memory_energy_pj(self) -> float | None:
        """What fetching a picture's instructions and words costs at least, by the preset horowitz-45nm.

        Bits × the energy of a bit in an SRAM of the board's sizes; the core's logic, its clock and leakage are not in
        it. None where code is in flash, for which the preset has no constant.
        """
        board = self.firmware.board
        if board.code.kind != "sram":
            return None
        preset = load_preset("horowitz-45nm")
        fetched = 8 * float(np.mean([cost.fetched_bytes for cost in self.execution.costs]))
        moved = WORD_BITS * float(np.mean([cost.accesses for cost in self.execution.costs]))
        energy = fetched * preset.access_pj(board.code.bytes) + moved * preset.access_pj(board.data.bytes)
        return energy / preset.word_bits

    @cached_property
    def predictions(self) -> list[Prediction]:
        """What a classifier computed on the core, picture by picture; none of another network."""
        program = self.firmware.program
        if len(program.outputs) > 1 or program.result.shape[1:] != (1, 1):
            return []
        labels = program.labels or [str(index) for index in range(program.result.shape[0])]
        (scores,) = unpacked(program, self.execution.outputs)
        decided = [labels[index] for index in self.execution.decisions] or [None] * len(scores)
        return [
            Prediction(int(row.argmax()), labels[row.argmax()], row.tolist(), word)
            for row, word in zip(scores, decided, strict=True)
        ]

    def to_json(self, names: Iterable[str]) -> dict[str, Any]:
        """Plain values; `names` are the pictures'. Where all pictures need as many instructions, that is an integer."""
        counts = self.instructions
        stack = self.execution.stack_bytes
        return self.firmware.to_json(self) | {
            "bit_exact": self.bit_exact,
            "instructions_per_picture": counts[0] if len(set(counts)) == 1 else float(np.mean(counts)),
            "stack_bytes": stack,
            "predictions": [
                {"file": name, **asdict(prediction)} for name, prediction in zip(names, self.predictions, strict=False)
            ],
            "instructions": counts,
            "cycles_per_picture_modelled": self.mean_cycles,
            "seconds_per_picture_modelled": self.seconds,
            "memory_energy_pj_modelled": self.memory_energy_pj,
        }


def _macs(program: Program, operator: Operator) -> int:
    """Of a convolution or linear layer; 0 of others."""
    return operator.weights[0].size * prod(program.of(operator)[1].shape) if isinstance(operator, Convolution) else 0


def _mean(counts: list[int]) -> int:
    return round(float(np.mean(counts))) if counts else 0
