"""Standard-cell libraries: of a Liberty file, what counting gates, delay and energy needs.

One figure stands for each table: energies are the mean of rise and fall at a middling slew and the smallest load (the
load is counted apart, from the netlist), delays the slower of rise and fall at that slew, as a line over the load.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from ..errors import BadInput

_TOKEN = re.compile(r'/\*.*?\*/|\\\s*\n|"(?:[^"\\]|\\.)*"|[^\s(){};:,"]+|[(){};:,]|\s+', re.S)
_PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


@dataclass(frozen=True)
class Arc:
    """From an input to an output: seconds = intrinsic + slope·farads; energy: joules a transition inside the cell."""

    intrinsic: float
    slope: float


@dataclass(frozen=True)
class Cell:
    """A cell. area: µm². leakage: W. capacitance: farads, of each input pin. functions: of each output, as written.

    clock, data, state: the pins of a flip-flop, and what its outputs call the state; enable: with `clock`, of a clock
    gate. pin_energy: joules of a transition at an input; energy: at an output. arcs: by output and input.
    """

    name: str
    area: float
    leakage: float
    capacitance: dict[str, float]
    functions: dict[str, str]
    pin_energy: dict[str, float]
    energy: dict[str, float]
    arcs: dict[tuple[str, str], Arc] = field(repr=False)
    clock: str = ""
    data: str = ""
    state: str = ""
    enable: str = ""

    @property
    def is_flip_flop(self) -> bool:
        """One that samples `data` when the clock rises."""
        return bool(self.data)

    @property
    def is_gate(self) -> bool:
        """A clock gate."""
        return bool(self.enable)


@dataclass(frozen=True)
class Library:
    """volts: supply, nominal. source: the file."""

    name: str
    source: Path
    volts: float
    cells: dict[str, Cell]

    @cached_property
    def flip_flop(self) -> Cell:
        """The smallest."""
        return min((c for c in self.cells.values() if c.is_flip_flop), key=lambda c: c.area)

    @cached_property
    def clock_gate(self) -> Cell | None:
        """The smallest, if there is one."""
        return min((c for c in self.cells.values() if c.is_gate), key=lambda c: c.area, default=None)

    @cached_property
    def nand_area(self) -> float:
        """Of the smallest cell with two inputs that inverts: what gates are counted in, µm²."""
        two = [c.area for c in self.cells.values() if len(c.capacitance) == 2 and not (c.is_flip_flop or c.is_gate)]
        return min(two)


def load_library(path: Path) -> Library:
    """A Liberty file.

    Raises:
        BadInput: it cannot be read, is none, lacks a unit, or a cell that the circuit needs.
    """
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read as a Liberty file: {error.strerror or error}") from error
    try:
        library = _library(_parse(text, path), path)
    except (ValueError, IndexError, ArithmeticError) as error:
        raise BadInput(f"{path}: a number or table in it cannot be read: {_line(error)}") from None
    cells = library.cells
    kinds = {"flip-flop (rising clock, no reset)": any(c.is_flip_flop for c in cells.values())}
    for what, inputs in (("inverter", 1), ("gate of two inputs", 2)):
        kinds[what] = any(len(c.capacitance) == inputs and c.functions and not c.is_flip_flop for c in cells.values())
    for what, there in kinds.items():
        if not there:
            raise BadInput(f"{path}: has no {what} with a function and an area, which the circuit needs")
    return library


def _library(root: "_Group", path: Path) -> Library:
    unit = _Units(root, path)
    cells = (_cell(group, unit) for group in root.groups("cell"))
    return Library(root.title, path, unit.volts, {cell.name: cell for cell in cells if cell is not None})


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:80]


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


@dataclass
class _Group:
    kind: str
    title: str
    values: dict[str, list[str]]
    inside: list["_Group"]

    def groups(self, kind: str) -> Iterator["_Group"]:
        return (group for group in self.inside if group.kind == kind)

    def get(self, name: str, default: str = "") -> str:
        return self.values[name][0] if self.values.get(name) else default


def _parse(text: str, path: Path) -> _Group:
    tokens = [t for t in _TOKEN.findall(text) if not t.isspace() and not t.startswith(("/*", "\\"))]
    at = 0
    stack = [_Group("file", "", {}, [])]
    try:
        while at < len(tokens):
            name = tokens[at]
            if name == "}":
                stack.pop()
                at += 1
            elif name == ";":
                at += 1
            elif tokens[at + 1] == ":":
                end = at + 2
                while tokens[end] not in (";", "}") and not (end > at + 2 and tokens[end + 1 : end + 2] == [":"]):
                    end += 1
                stack[-1].values[name] = [" ".join(t.strip('"') for t in tokens[at + 2 : end])]
                at = end
            elif tokens[at + 1] == "(":
                end = tokens.index(")", at)
                inside = [t.strip('"') for t in tokens[at + 2 : end] if t != ","]
                at = end + 1
                if at < len(tokens) and tokens[at] == "{":
                    group = _Group(name, inside[0] if inside else "", {}, [])
                    stack[-1].inside.append(group)
                    stack.append(group)
                    at += 1
                else:
                    stack[-1].values[name] = inside
            else:
                raise ValueError(name)
        found = list(stack[0].groups("library"))
    except (IndexError, ValueError) as error:
        raise BadInput(f"{path}: is no Liberty file: {_line(error)} near token {at} of {len(tokens)}") from error
    if len(stack) != 1 or len(found) != 1:
        raise BadInput(f"{path}: is no Liberty file: it must hold one library, and all braces closed")
    return found[0]


class _Units:
    def __init__(self, root: _Group, path: Path) -> None:
        self.path = path
        self.time = self._one(root, "time_unit", "s")
        self.leakage = self._one(root, "leakage_power_unit", "W")
        volts = self._one(root, "voltage_unit", "V")
        load = root.values.get("capacitive_load_unit")
        if not load or len(load) != 2 or load[1].lower()[-1:] != "f" or load[1].lower()[:-1] not in _PREFIX:
            raise BadInput(f'{path}: lacks the unit capacitive_load_unit, as in (1, "pf")')
        self.farads = _number(load[0]) * _PREFIX[load[1].lower()[:-1]]
        if "nom_voltage" not in root.values:
            raise BadInput(f"{path}: lacks nom_voltage, the supply")
        self.volts = _number(root.get("nom_voltage")) * volts
        self.joules = self.farads * volts**2  # what internal_power is given in
        self.templates = {g.title: g.values for kind in ("lu_table_template", "power_lut_template")
                          for g in root.groups(kind)}  # fmt: skip

    def _one(self, root: _Group, name: str, unit: str) -> float:
        found = re.fullmatch(rf"([\d.eE+-]+)\s*([munpf]?){unit}", root.get(name).strip(), re.IGNORECASE)
        if not found:
            raise BadInput(f'{self.path}: lacks the unit {name}, as in "1n{unit}"')
        return _number(found[1]) * _PREFIX[found[2].lower()]

    def table(self, group: _Group) -> tuple[list[float], list[float], list[list[float]]]:
        """Slews, loads and values of a table, in the file's units; one row, and no loads, for what has no load."""
        numbers = [[_number(v) for v in row.replace(",", " ").split()] for row in group.values.get("values", [])]
        template = self.templates.get(group.title, {})

        def index(which: str) -> list[float]:
            given = group.values.get(which) or template.get(which) or []
            return [_number(v) for v in " ".join(given).replace(",", " ").split()]

        variable = (template.get("variable_1") or ["input_net_transition"])[0]
        if "capacitance" in variable and len(numbers) > 1:  # loads first
            return index("index_2"), index("index_1"), [list(column) for column in zip(*numbers, strict=True)]
        if len(numbers) == 1 and "capacitance" in variable:
            return [], index("index_1"), numbers
        return index("index_1"), index("index_2"), numbers


def _cell(group: _Group, unit: _Units) -> Cell | None:
    """None for what no netlist of ours can use: no area, no function, latches, scan flip-flops."""
    pins = [g for g in group.groups("pin") if g.get("direction") in ("input", "output")]
    inputs = {p.title: _number(p.get("capacitance", "0")) * unit.farads for p in pins if p.get("direction") == "input"}
    outputs = [p for p in pins if p.get("direction") == "output"]
    if not outputs or _number(group.get("area", "0")) <= 0 or group.get("dont_use") == "true":
        return None
    kind: dict[str, str] = {}
    gating = group.get("clock_gating_integrated_cell")
    flops = list(group.groups("ff"))
    if gating == "latch_posedge":
        for pin in pins:
            if pin.get("clock_gate_clock_pin") == "true":
                kind["clock"] = pin.title
            if pin.get("clock_gate_enable_pin") == "true":
                kind["enable"] = pin.title
    elif flops:
        data, clock = flops[0].get("next_state").strip("() "), flops[0].get("clocked_on").strip("() ")
        if data not in inputs or clock not in inputs or flops[0].values.keys() & {"clear", "preset"}:
            return None
        kind = {"clock": clock, "data": data, "state": flops[0].title}
    elif gating or list(group.groups("latch")) or list(group.groups("statetable")):
        return None
    functions = {p.title: p.get("function") for p in outputs}
    if not kind and (not all(functions.values()) or any("three_state" in p.values for p in outputs)):
        return None
    arcs: dict[tuple[str, str], Arc] = {}
    energy: dict[str, float] = {}
    for pin in outputs:
        for timing in pin.groups("timing"):
            delay = _delay(timing, unit)
            key = pin.title, timing.get("related_pin").split(" ")[0]
            if delay and (key not in arcs or arcs[key].intrinsic < delay.intrinsic):
                arcs[key] = delay
        found = [e for power in pin.groups("internal_power") if (e := _energy(power, unit)) is not None]
        energy[pin.title] = sum(found) / len(found) if found else 0.0
    pin_energy = {}
    for pin in pins:
        found = [e for power in pin.groups("internal_power") if (e := _energy(power, unit)) is not None]
        if pin.title in inputs:
            pin_energy[pin.title] = sum(found) / len(found) if found else 0.0
    leakage = _number(group.get("cell_leakage_power") or "0") * unit.leakage
    return Cell(group.title, _number(group.get("area")), leakage, inputs, functions, pin_energy, energy, arcs, **kind)


def _middle(values: list[Any]) -> int:
    return min(len(values) // 3, max(len(values) - 1, 0))


def _energy(power: _Group, unit: _Units) -> float | None:
    found = []
    for name in ("rise_power", "fall_power"):
        for group in power.groups(name):
            _, loads, rows = unit.table(group)
            if rows:
                row = rows[_middle(rows)]
                found.append(row[0] if loads else row[_middle(row)])
    return sum(found) / len(found) * unit.joules if found else None


def _delay(timing: _Group, unit: _Units) -> Arc | None:
    lines = []
    for name in ("cell_rise", "cell_fall"):
        for group in timing.groups(name):
            _, loads, rows = unit.table(group)
            if not rows:
                continue
            row = rows[_middle(rows)]
            if len(loads) < 2:
                lines.append((row[0], 0.0))
                continue
            slope = (row[-1] - row[0]) / (loads[-1] - loads[0])
            lines.append((row[0] - slope * loads[0], slope))
    if not lines:
        return None
    intrinsic, slope = (max(line[i] for line in lines) for i in (0, 1))
    return Arc(max(intrinsic, 0.0) * unit.time, slope * unit.time / unit.farads)
