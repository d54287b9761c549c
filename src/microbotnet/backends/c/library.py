"""Networks in C as files: one or several programs, and what decides over their frames."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...atomic import write_atomically
from ...camera import Camera, camera_of
from ...errors import BadInput
from ...integer.program import Program
from .camera import emit_camera
from .emit import emit_together, weigh
from .package import packaged
from .vote import emit_vote, voters


@dataclass(frozen=True)
class Written:
    """What `write_c` wrote. constant_bytes: weights, multipliers, offsets and tables. arena_bytes, beyond_bytes: the
    caller's RAM, enough for any one of the networks, in the first region and in the second, if there is one.
    """

    files: tuple[Path, ...]
    constant_bytes: int
    arena_bytes: int
    beyond_bytes: int = 0


def write_c(
    programs: Program | Mapping[str, Program],
    folder: Path | str,
    *,
    prefer: str = "speed",
    name: str = "net",
    rule: str | None = None,
    camera: str | None = None,
    package: str | None = None,
    regions: tuple[int, int] | None = None,
) -> Written:
    """Write a program as C99 into a folder, each file whole or not at all: no heap, no float, `stdint.h` alone.

    The C computes the interpreter's integers, bit for bit. Its header says what goes in (pixels or features, channels
    first), what comes out, and how many bytes of arena it needs.

    Args:
        programs: of `lower`, `to_program`, `load_program` or an importer; several, which share their kernels, by what
            begins their C names.
        folder: it is made where it is not there.
        prefer: what the C spares on a small core: "speed" (instructions) or "size" (bytes).
        name: begins the names of the files and of all symbols; of several networks, of what they share.
        rule: also write how the last frames decide together, such as "best-of-last-3"; for one network.
        camera: also write what turns a camera's frames into the input, such as "rgb565:160x120"; see `camera_of`.
        package: lay the files out as a package with an example: "cmake", "arduino", "platformio" or "zephyr".
        regions: bytes of two memories for the arena, such as a core's fast memory and the rest; NAME_run then takes a
            pointer into each.

    Returns:
        The files, and the bytes of constants and of the arena.

    Raises:
        BadInput: see `emit` and `emit_vote`. Failed: the disk is full, or the folder cannot be written.
    """
    programs, folder = {name: programs} if isinstance(programs, Program) else programs, Path(folder)
    sources = emit_together(programs, prefer=prefer, name=name, regions=regions)
    parts = ("arena", "beyond")[: 1 if regions is None else 2]
    if rule is not None:
        if len(programs) > 1:
            raise BadInput("frames vote in one network's program; export each of several alone, or leave out --vote")
        ((net, program),) = programs.items()
        sources |= emit_vote(rule, voters(program), net, parts)
    for net, program in programs.items() if camera is not None else ():
        sources |= emit_camera(in_front_of(program, camera or ""), net)
    files = sources
    if package is not None:
        if len(programs) > 1:
            raise BadInput("a package holds one network; export each of several alone, or leave out --package")
        files = packaged(package, sources, next(iter(programs.values())), name, parts)
    for file, text in files.items():
        write_atomically(folder / file, text.encode())
    return Written(tuple(folder / file for file in files), *weigh(sources, name))


def in_front_of(program: Program, camera: str) -> Camera:
    """The camera that the text describes, before the program; BadInput where that takes no pictures."""
    taken = program.tensors[program.input]
    if taken.dtype != "uint8":
        raise BadInput("the network takes features of int8, no pictures; leave out the camera")
    return camera_of(camera, taken.shape)


def c_names(checkpoints: list[str], name: str) -> list[str]:
    """What each network's C begins with: `name` for one alone; of several, what their files are called."""
    if len(checkpoints) == 1:
        return [name]
    stems = [re.sub(r"\.(program|safetensors)$", "", Path(each).name.lower()) for each in checkpoints]
    words = [re.sub(r"[^0-9a-z]+", "_", stem) for stem in stems]
    found = [word if re.match("[a-z]", word) else f"net_{word.strip('_')}" for word in words]
    if len({*found, name}) <= len(found):
        raise BadInput(
            f"the networks would be called {', '.join(found)} in C, and what they share {name}: all must differ"
        )
    return found
