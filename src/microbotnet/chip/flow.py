"""From a program to what its circuit is and costs: compiled, simulated, synthesised, metered."""

import hashlib
import tempfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..integer.interpreter import run_all
from ..integer.program import Program
from .activity import GateSimulator
from .energy import Assumptions, Meter, load_assumptions, weights_of
from .geometry import Geometry
from .images import Image, image
from .liberty import Library, load_library
from .netlist import Netlist, synthesize
from .passes import compile_program
from .rtl import write_rtlil
from .simulate import Simulator, in_order

SHIPPED_NM = 130.0  # of the library that comes along
TIMED = (500, 10)  # of so many cycles of the first picture so many are simulated with delays


def design(program: Program, geometry: Geometry, memory_bytes: int | None = None) -> Image:
    """The engine of `program`. memory_bytes: what there is for activations.

    Raises:
        BadInput: see `compile_program`; or the memory is too small.
    """
    made = image(compile_program(program, geometry))
    needed = made.work.storage.words * geometry.side
    if memory_bytes is not None and needed > memory_bytes:
        raise BadInput(f"--memory: the activations need {needed:,} bytes, {needed - memory_bytes:,} more than the "
                       f"{memory_bytes:,} that are there")  # fmt: skip
    return made


def fingerprint(image: Image) -> str:
    """Changes with the engine, what its memories hold, the cells or the assumptions: 32 digits."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        write_rtlil(image, Path(folder))
        digest.update((Path(folder) / "engine.il").read_bytes())
    for memory in image.memories:
        digest.update(repr(memory).encode())
    for name in ("assumptions.toml", "cells/sky130.lib"):
        digest.update((files(__package__) / name).read_bytes())
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Check:
    """How the simulated engine compares with the integer program. differ: tensors that do, of any picture.

    cycles: a picture. counts: (passes, 7), see `simulate.COUNTED`.
    """

    pictures: int
    tensors: int
    differ: tuple[str, ...]
    cycles: int
    counts: NDArray[np.int64]


def check(simulator: Simulator, inputs: NDArray[Any]) -> Check:
    """Simulate the engine on inputs (N, *shape) and compare every tensor and all scores with the interpreter's."""
    work = simulator.image.work
    differ: dict[str, None] = {}
    counts = np.zeros(0, np.int64)
    tensors = 0
    for one in inputs:
        found, wanted = simulator.run(one), run_all(work.program, one[None])
        counts = found.counts
        tensors = len(found.tensors)
        differ |= dict.fromkeys(n for n, v in found.tensors.items() if not np.array_equal(v, wanted[n][0]))
        scores = in_order(work, wanted)
        if not np.array_equal(found.scores, scores):
            differ["scores"] = None
    return Check(len(inputs), tensors + 1, tuple(differ), int(counts[:, 0].sum()), counts)


def shipped_library() -> Library:
    """The open library that comes with the package; see the file's first lines."""
    with as_file(files(__package__) / "cells" / "sky130.lib") as path:
        return load_library(path)


def synthesized(image: Image, library: Library) -> Netlist:
    """The engine in the library's cells."""
    with tempfile.TemporaryDirectory() as folder:
        return synthesize(image, library, Path(folder))


def meter(image: Image, netlist: Netlist, node_nm: float, inputs: NDArray[Any], counts: NDArray[np.int64],
          assumed: Assumptions | None = None) -> tuple[Meter, bool]:  # fmt: skip
    """What the netlist's changes cost on inputs (N, *shape), the mean over them; and whether its scores are right.

    node_nm: of the library. counts: of `Check`.
    """
    assumed = assumed or load_assumptions()
    simulator, weigh = GateSimulator(image, netlist, assumed.wire), weights_of(netlist, assumed)
    runs = [simulator.run(one, weigh, *(() if place else TIMED)) for place, one in enumerate(inputs)]
    right = all(
        np.array_equal(run.scores, in_order(image.work, run_all(image.work.program, one[None])))
        for run, one in zip(runs, inputs, strict=True)
    )
    mean = runs[0].averaged(runs)
    return Meter(image, netlist, node_nm, mean, counts, assumed), right


def pictures_for(program: Program, data: str | None, count: int) -> NDArray[Any]:
    """(N, *shape) inputs: pictures of a set or folder, or those that come with the package; noise for what takes none.

    Raises:
        BadInput: see `sample_pictures`; or pictures are named for a network that takes features.
    """
    x = program.tensors[program.input]
    channels, rows, columns = x.shape
    if x.dtype != "uint8" or channels != 3 or rows != columns:
        if data is not None:
            raise BadInput(f"--pictures: the network takes {x.shape} {x.dtype}, no square pictures in colour")
        low, high = (0, 256) if x.dtype == "uint8" else (x.low, x.high + 1)
        return np.random.default_rng(0).integers(low, high, (count, *x.shape)).astype(x.dtype)
    if data is not None:
        from ..data.sample import sample_pictures

        return sample_pictures(data, rows, count)
    from ..preprocessing import read_picture

    with as_file(files("microbotnet") / "demo" / "pictures") as folder:
        found = [read_picture(file, rows) for file in sorted(folder.glob("*.png"))]
    return np.stack(found[:count])
