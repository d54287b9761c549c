"""What an image is built for: boards that come with the package, and a user's own TOML file.

A board has these fields (`boards/scum.toml` is one to start from):

- `summary`, a line for people
- `core`, one of `cores.CORES`; `clock_hz`; `multiply_cycles`, 1 or 32: which multiplier the core was built with
- `[code]`, the memory in which vectors, code, constants and initial values lie and are executed in place; `[data]`,
  the one for variables, arena and stack: `address`, `bytes`, and `kind`, "sram" or "flash"
- `[beyond]`, may be left out: a second memory, as `[data]`, for what of the arena finds no place in that
- `uf2_family`, may be left out: the number by which the board's boot loader knows .uf2 files that are for it
- `second_stage`, may be left out: where the flash of an RP2040 begins, in front of the code; see `second_stage.py`
- `[qemu]`, may be left out: `arguments`, with which QEMU has the core and these memories
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..plain import parse_toml, read_text
from .cores import CORES

KINDS = ("sram", "flash")
STAGE = 256  # bytes of a second stage
GRAIN = 1024  # bytes: memories begin and end at multiples of it


@dataclass(frozen=True)
class Memory:
    """Bytes address…address + bytes, of `kind` "sram" or "flash"."""

    address: int
    bytes: int
    kind: str

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.bytes


@dataclass(frozen=True)
class Board:
    """A core with its two memories; see the module."""

    name: str
    summary: str
    core: str
    clock_hz: int
    multiply_cycles: int
    code: Memory
    data: Memory
    qemu: tuple[str, ...] = ()
    uf2_family: int | None = None
    second_stage: int | None = None
    beyond: Memory | None = None

    @property
    def isa(self) -> str:
        """Of what its core has beyond others', what the C is written for; see `emit`."""
        core = CORES[self.core]
        return "c" if core.riscv else "dsp" if core.dsp else ""


def board_names() -> list[str]:
    """The boards that come with the package."""
    entries = (files(__package__) / "boards").iterdir()
    return sorted(entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml"))


def load_board(name: str) -> Board:
    """A board by its name, or a user's own by the path of its TOML file.

    Raises:
        BadInput: no such board or file (the nearest is suggested), or a field is missing, unknown or out of range.
    """
    if name.lower().endswith(".toml"):
        path = Path(name)
        return parse_board(read_text(path, "a board"), path.stem, name)
    if name not in board_names():
        hint = _nearest(name.lower(), board_names())
        raise BadInput(f"no board is called {name!r}; {hint} (your own: the path of a .toml file)")
    return parse_board((files(__package__) / "boards" / f"{name}.toml").read_text("utf-8"), name, f"board {name}")


def parse_board(text: str, name: str, where: str) -> Board:
    """A board from the text of its TOML file; `where` names it in errors."""
    values = parse_toml(text, where)
    known = (
        "summary",
        "core",
        "clock_hz",
        "multiply_cycles",
        "uf2_family",
        "second_stage",
        "code",
        "data",
        "beyond",
        "qemu",
    )
    fields = _Fields(values, where, "", known)
    core = fields.take("core", str)
    if core not in CORES:
        raise BadInput(f"{where}: core {core!r} is not known; {_nearest(core, CORES)}")
    clock, multiply = fields.take("clock_hz", int), fields.take("multiply_cycles", int)
    if clock <= 0:
        raise BadInput(f"{where}: clock_hz must be above 0, not {clock}")
    if multiply not in (1, 32):
        raise BadInput(f"{where}: multiply_cycles must be 1 or 32, not {multiply}")
    code, data = (_memory(fields.take(key, dict), where, key) for key in ("code", "data"))
    second = fields.take("beyond", dict, {})
    beyond = _memory(second, where, "beyond") if second else None
    memories = {"code": code, "data": data} | ({"beyond": beyond} if beyond else {})
    for (one, a), (other, b) in combinations(memories.items(), 2):
        if a.address < b.end and b.address < a.end:
            raise BadInput(f"{where}: {one} and {other} overlap")
    qemu = _Fields(fields.take("qemu", dict, {"arguments": []}), where, "qemu.", ("arguments",))
    arguments = qemu.take("arguments", list)
    if not all(isinstance(argument, str) for argument in arguments):
        raise BadInput(f"{where}: qemu.arguments must be a list of strings")
    summary = fields.take("summary", str, name)
    family = fields.take("uf2_family", int, -1)
    if not -1 <= family < 1 << 32:
        raise BadInput(f"{where}: uf2_family must be of 32 bits, not {family}")
    stage = fields.take("second_stage", int, -1)
    if stage >= 0 and (code.address % STAGE or code.address - stage not in range(STAGE, GRAIN * GRAIN)):
        raise BadInput(f"{where}: second_stage must lie at least {STAGE} bytes before code, which {STAGE} must divide")
    return Board(
        name, summary, core, clock, multiply, code, data, tuple(arguments),
        None if family < 0 else family, None if stage < 0 else stage, beyond,
    )  # fmt: skip


def _memory(values: dict[str, Any], where: str, key: str) -> Memory:
    fields = _Fields(values, where, f"{key}.", ("address", "bytes", "kind"))
    found = Memory(fields.take("address", int), fields.take("bytes", int), fields.take("kind", str))
    if found.kind not in KINDS:
        raise BadInput(f"{where}: {key}.kind must be one of {', '.join(KINDS)}, not {found.kind!r}")
    if found.bytes <= 0 or found.address < 0 or found.end > 1 << 32:
        raise BadInput(f"{where}: {key} must lie within 32 bits of address")
    if found.address % GRAIN or found.bytes % GRAIN:
        raise BadInput(f"{where}: {key} must begin and end at multiples of {GRAIN:,} bytes")
    if key != "code" and found.kind != "sram":
        raise BadInput(f"{where}: {key} must be sram; the network writes there")
    return found


class _Fields:
    """A TOML table that has no other than the known fields."""

    def __init__(self, values: dict[str, Any], where: str, prefix: str, known: Iterable[str]) -> None:
        self.values, self.where, self.prefix = values, where, prefix
        for key in values:
            if key not in known:
                raise BadInput(f"{where}: unknown field {prefix + key!r}; {_nearest(key, known)}")

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        value = self.values.get(key, default)
        if value is None:
            raise BadInput(f"{self.where}: {self.prefix}{key} is missing")
        if type(value) is not kind:
            raise BadInput(f"{self.where}: {self.prefix}{key} must be of type {kind.__name__}, not {value!r}")
        return value


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
