"""What a design's firmware takes, without compiling it: RAM, flash and instructions of a Cortex-M0.

The memory plan, the constant arrays and straight code are the C back end's own, on a program of the design's shapes
(`untrained_program`). Other code bytes and instructions are linear in what each kernel is given; the coefficients in
`firmware_model.toml` were fitted to compiled and emulated firmware of random designs by `tools/fit_firmware_model.py`,
which says how well.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import prod
from typing import Any

from ..backends.c import emit, weigh
from ..errors import Failed
from ..graph import Graph
from ..integer.program import Program
from .untrained import Layer, untrained_program

UNFITTED = (800.0, 100.0)  # bytes of code, once and each call, of kernels that designs do not use
STACK_BYTES = 512  # of RAM, beside arena and scores: what an image must leave free
FEATURES = ("calls", "channels", "inputs", "gathered", "outputs", "macs", "fours", "eights", "dense")


@dataclass(frozen=True)
class Size:
    """flash_bytes: constants, and code as estimated. ram_bytes: arena, scores and stack."""

    flash_bytes: int
    ram_bytes: int


@dataclass(frozen=True)
class FirmwareCost(Size):
    """With the instructions of a picture, as estimated."""

    instructions: int


def firmware_cost(graph: Graph, *, prefer: str = "speed") -> FirmwareCost:
    """Of a design's graph (`design.graph`), compiled with what `prefer` spares: "speed" or "size"."""
    made = untrained_program(graph)
    use = usage(made.program, prefer)
    executed = 0.0
    for name, number in zip(use.kernels, use.operators, strict=True):
        layer = made.layers[number]
        fitted = _fitted(prefer, "instructions", family(name))
        if fitted is None:
            raise Failed(f"the kernel {family(name)} is not in firmware_model.toml; run tools/fit_firmware_model.py")
        executed += _product(fitted, features(layer))
    size = _size(made.program, use, prefer)
    return FirmwareCost(size.flash_bytes, size.ram_bytes, round(executed))


def firmware_size(program: Program, *, prefer: str = "speed") -> Size:
    """Of any integer program."""
    return _size(program, usage(program, prefer), prefer)


@dataclass(frozen=True)
class Usage:
    """What the C of a program has. kernels: that its operators call, in order; operators: the places of those in the
    program, for a slice where it lies calls none. straight_bytes: of code without loops,
    printed instruction by instruction for this program.
    """

    constant_bytes: int
    arena_bytes: int
    straight_bytes: int
    kernels: tuple[str, ...]
    operators: tuple[int, ...]


def usage(program: Program, prefer: str) -> Usage:
    """Write the C and read it."""
    sources = emit(program, prefer=prefer)
    found = re.findall(r"^OPERATOR void net_op(\d+)\(.*?\n\{\n(.*?)^\}$", sources["net.c"], re.MULTILINE | re.DOTALL)
    kernels = (re.findall(r"^    (\w+)\(", body, re.MULTILINE)[-1] for _, body in found)
    straight = re.findall(r'^    " [^\\]+\\n"$', sources["net.c"], re.MULTILINE)
    return Usage(*weigh(sources)[:2], 2 * len(straight), tuple(kernels), tuple(int(number) for number, _ in found))


def _size(program: Program, use: Usage, prefer: str) -> Size:
    code = coefficients()[prefer]["code"]["base"]
    for kernel, counts in code_counts(use.kernels).items():
        code += _product(_fitted(prefer, "code", kernel) or UNFITTED, counts)
    scores = 2 * program.scores.shape[0]
    return Size(
        use.constant_bytes + use.straight_bytes + round(code), use.arena_bytes + -(-scores // 4) * 4 + STACK_BYTES
    )


def code_counts(kernels: Sequence[str]) -> dict[str, tuple[int, int]]:
    """For each family, how many of its kernels there are, and how many calls of them."""
    calls = Counter(family(kernel) for kernel in kernels)
    there = Counter(family(kernel) for kernel in set(kernels))
    return {name: (there[name], count) for name, count in calls.items()}


def family(kernel: str) -> str:
    """A kernel's name without the shape that it is printed for."""
    return re.sub(r"(_\d+)+$", "", kernel).removeprefix("net_")


def features(layer: Layer) -> tuple[float, ...]:
    """What a kernel's instructions depend on, in the order of `FEATURES`.

    macs: with weights that are not zero. fours, eights: in groups of 4 pixels of a row, and of 8 of the map. dense: as
    eights, zeros included.
    """
    channels, rows, columns = layer.output
    pixels = rows * columns
    gathered = pixels * prod(layer.kernel) * layer.inputs[0][0]
    fours, eights = rows * -(-columns // 4), -(-pixels // 8)
    nonzero, weights = layer.nonzero, prod(layer.weights)
    work = (pixels * nonzero, fours * nonzero, eights * nonzero, eights * weights)
    return 1, channels, prod(layer.inputs[0]), gathered, channels * pixels, *work


@cache
def coefficients() -> dict[str, Any]:
    """By what is spared: "code", bytes by kernel (once, each call) and "base"; "instructions" by kernel."""
    return tomllib.loads((files(__package__) / "firmware_model.toml").read_text("utf-8"))


def _fitted(prefer: str, what: str, kernel: str) -> Sequence[float] | None:
    """A kernel's coefficients; where no fitted design called it, those of it in C that spares the other thing."""
    mine, *others = sorted(coefficients(), key=lambda other: other != prefer)
    return next((found for each in (mine, *others) if (found := _nearest(coefficients()[each][what], kernel))), None)


def _nearest(table: dict[str, Any], kernel: str) -> Sequence[float] | None:
    """The kernel's coefficients, or of what its name begins with: a variant that was not fitted yet."""
    names = [name for name in table if kernel.startswith(name)]
    found: Sequence[float] | None = table[max(names, key=len)] if names else None
    return found


def _product(coefficients: Sequence[float], values: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(coefficients, values, strict=True))
