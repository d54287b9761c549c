"""The engine mapped onto a library's cells: what there is of each, and the longest path."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import BadInput, Failed
from .images import Image
from .liberty import Cell, Library
from .rtl import READ, write_rtlil
from .yosys import yosys

FIRST = 2  # nets 0 and 1 are the constants
_PART = re.compile(r"(?:\$flatten\\)?([a-z]+)\d*\.")  # of a flattened cell's name
_TOKENS = re.compile(r"\s*([A-Za-z_]\w*|[01]|[!'&*|+^()])")


@dataclass(frozen=True)
class Instance:
    """A cell in its place. pins: its nets. part: of the engine, by its module."""

    cell: Cell
    pins: dict[str, int]
    part: str


@dataclass(frozen=True)
class Netlist:
    """Cells and the nets between them. inputs, outputs: nets of the engine's ports, the lowest bit first."""

    library: Library
    instances: tuple[Instance, ...]
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    nets: int

    @property
    def flip_flops(self) -> int:
        """How many."""
        return sum(i.cell.is_flip_flop for i in self.instances)

    @property
    def area(self) -> float:
        """µm² of cells."""
        return sum(i.cell.area for i in self.instances)

    @property
    def gates(self) -> int:
        """The area in gates of two inputs."""
        return round(self.area / self.library.nand_area)

    @property
    def leakage(self) -> float:
        """W, as the library has it."""
        return sum(i.cell.leakage for i in self.instances)

    @cached_property
    def counts(self) -> Counter[str]:
        """How many of each cell."""
        return Counter(i.cell.name for i in self.instances)

    @cached_property
    def loads(self) -> list[float]:
        """Farads of the pins that each net drives."""
        found = [0.0] * self.nets
        for i in self.instances:
            for pin, farads in i.cell.capacitance.items():
                found[i.pins[pin]] += farads
        return found

    @cached_property
    def ordered(self) -> tuple[Instance, ...]:
        """Cells without state, each after all that drive it."""
        logic = [i for i in self.instances if not (i.cell.is_flip_flop or i.cell.is_gate)]
        waiting: list[int] = []
        readers: dict[int, list[int]] = {}
        made = {net for i in logic for pin, net in i.pins.items() if pin in i.cell.functions}
        for number, i in enumerate(logic):
            needed = {net for pin, net in i.pins.items() if pin in i.cell.capacitance and net in made}
            waiting.append(len(needed))
            for net in needed:
                readers.setdefault(net, []).append(number)
        ready = [number for number, count in enumerate(waiting) if not count]
        order = []
        while ready:
            number = ready.pop()
            order.append(logic[number])
            for pin, net in logic[number].pins.items():
                if pin in logic[number].cell.functions:
                    for reader in readers.pop(net, ()):
                        waiting[reader] -= 1
                        if not waiting[reader]:
                            ready.append(reader)
        if len(order) != len(logic):
            raise Failed("the netlist has a loop of gates")
        return tuple(order)

    def critical_path(self, wire: float) -> tuple[float, list[str]]:
        """Seconds of the longest path between flip-flops or ports, and its cells.

        wire: farads of wire for each of the pins.
        """
        arrival, by = [0.0] * self.nets, [-1] * self.nets
        for i in self.instances:
            if i.cell.is_flip_flop:
                self._arrive(i, (i.cell.clock,), arrival, by, wire)
        order = self.ordered
        for i in order:
            self._arrive(i, tuple(i.cell.capacitance), arrival, by, wire)
        drivers = {net: i for i in self.instances for pin, net in i.pins.items() if pin in i.cell.functions}
        net = max(range(self.nets), key=arrival.__getitem__)
        longest, path = arrival[net], []
        while net >= 0 and net in drivers:
            path.append(drivers[net].cell.name)
            net = -1 if drivers[net].cell.is_flip_flop else by[net]
        return longest, path[::-1]

    def _arrive(self, i: Instance, pins: Sequence[str], arrival: list[float], by: list[int], wire: float) -> None:
        for (output, pin), arc in i.cell.arcs.items():
            if pin in pins and output in i.pins:
                net, start = i.pins[output], i.pins[pin]
                begins = 0.0 if i.cell.is_flip_flop else arrival[start]
                at = begins + arc.intrinsic + arc.slope * self.loads[net] * (1 + wire)
                if at > arrival[net]:
                    arrival[net], by[net] = at, start


def synthesize(image: Image, library: Library, folder: Path) -> Netlist:
    """The engine in the library's cells, module by module, with clock gates where the library has them.

    Raises:
        BadInput: the library lacks a cell that was needed. Failed: Yosys failed.
    """
    write_rtlil(image, folder)
    source = folder / "cells.lib"
    source.write_bytes(library.source.read_bytes())
    gating = f"clockgate -liberty {source.name} -min_net_size 4;" if library.clock_gate else ""
    yosys(
        f"{READ} synth -top engine -noabc -booth; {gating} dfflibmap -liberty {source.name}; opt_clean;\n"
        f"abc -liberty {source.name}; flatten; opt_clean -purge; write_json netlist.json;",
        folder,
    )
    return read_netlist(json.loads((folder / "netlist.json").read_text("utf-8")), library)


def read_netlist(value: dict[str, Any], library: Library) -> Netlist:
    """A netlist from Yosys's JSON.

    Raises:
        BadInput: a cell of it is not in the library.
    """
    module = value["modules"]["engine"]
    numbers: dict[Any, int] = {"0": 0, "1": 1, "x": 0}

    def net(bit: Any) -> int:
        return numbers.setdefault(bit, len(numbers) - 1)

    instances = []
    for name, cell in module["cells"].items():
        kind = cell["type"]
        if kind not in library.cells:
            raise BadInput(f"{library.source}: lacks a cell for {kind}, which the circuit needs")
        pins = {pin: net(bits[0]) for pin, bits in cell["connections"].items() if bits}
        of = library.cells[kind]
        missing = [pin for pin in of.capacitance if pin not in pins]
        if missing:
            raise BadInput(f"{library.source}: {kind} has pins that nothing drives: {', '.join(missing)}")
        part = _PART.match(name)
        instances.append(Instance(of, pins, part[1] if part else "engine"))
    ports: dict[str, dict[str, tuple[int, ...]]] = {"input": {}, "output": {}}
    for name, port in module["ports"].items():
        ports[port["direction"]][name] = tuple(net(bit) for bit in port["bits"])
    return Netlist(library, tuple(instances), ports["input"], ports["output"], len(numbers) - 1)


def expression(function: str, name: Callable[[str], str]) -> str:
    """A Liberty function as C, over bytes of 0 or 1. name: a pin's expression."""
    tokens = _TOKENS.findall(function)
    at = 0

    def peek() -> str:
        return str(tokens[at]) if at < len(tokens) else ""

    def take() -> str:
        nonlocal at
        at += 1
        return str(tokens[at - 1])

    def either() -> str:
        made = exclusive()
        while peek() in ("|", "+"):
            take()
            made = f"({made} | {exclusive()})"
        return made

    def exclusive() -> str:
        made = both()
        while peek() == "^":
            take()
            made = f"({made} ^ {both()})"
        return made

    def both() -> str:
        made = one()
        while peek() in ("&", "*") or (peek() and peek() not in "|+^)"):  # side by side is an and
            if peek() in ("&", "*"):
                take()
            made = f"({made} & {one()})"
        return made

    def one() -> str:
        token = take()
        if token == "!":
            made = f"({one()} ^ 1)"
        elif token == "(":
            made = either()
            take()
        else:
            made = token if token in "01" else name(token)
        while peek() == "'":
            take()
            made = f"({made} ^ 1)"
        return made

    return either()
