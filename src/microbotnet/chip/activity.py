"""How often each net of the mapped engine changes while it runs real pictures.

Gates answer at once, so hazards within a cycle are not seen. How much they add is found in some cycles, which are
simulated with the cells' delays.
"""

import ctypes
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Failed
from .build import compile_library
from .images import Image
from .netlist import Instance, Netlist, expression
from .simulate import chunks, pack

PARTS = ("engine", "walk", "columns", "rounder")


@dataclass(frozen=True)
class Activity:
    """Of one picture.

    joules: (passes, parts, 2), of the weights that were given: of flip-flops' nets and of gates'. open_cycles: (passes,
    clock gates). changes: of each net. cycles: of each pass. scores: as they came out, int16. delayed: of each part,
    joules of the gates with delays over those without, in the cycles that were simulated so; 1 if none were.
    """

    joules: NDArray[np.float64]
    open_cycles: NDArray[np.int64]
    changes: NDArray[np.int64]
    cycles: NDArray[np.int64]
    scores: NDArray[np.int16]
    delayed: NDArray[np.float64]

    @property
    def logic(self) -> NDArray[np.float64]:
        """Joules (passes, parts) of all nets, hazards counted."""
        found: NDArray[np.float64] = self.joules[..., 0] + self.joules[..., 1] * self.delayed
        return found

    @property
    def hazards(self) -> float:
        """Joules of the gates over what they would be without hazards."""
        gates = self.joules[..., 1].sum(0)
        return float((gates * self.delayed).sum() / gates.sum())

    def averaged(self, runs: Sequence["Activity"]) -> "Activity":
        """The mean of several pictures' energy; all else is the same for every picture, or this one's."""
        return replace(self, joules=np.mean([run.joules for run in runs], 0))


class GateSimulator:
    """The mapped engine, compiled."""

    def __init__(self, image: Image, netlist: Netlist, wire: float = 1.0) -> None:
        """wire: farads of wire for each of the pins, for delays.

        Raises:
            Failed: the compiler failed.
        """
        self.image, self.netlist, self.wire = image, netlist, wire
        self.gates = [i for i in netlist.instances if i.cell.is_gate]
        self.kinds = list({i.cell.name: i.cell for i in netlist.ordered}.values())
        self.parts = np.array(self._parts(), np.int32)
        self.roms = [chunks(memory) for memory in image.memories[1:]]
        with tempfile.TemporaryDirectory() as temporary:
            source = Path(temporary) / "gates.cc"
            source.write_text(self._text(), "utf-8")
            self.library = compile_library(source, "-O2")

    def run(self, picture: NDArray[Any], weigh: NDArray[np.float64], every: int = 0, watched: int = 0) -> Activity:
        """One picture (channels, rows, columns), see `Simulator.run`. weigh: joules of a change of each net.

        every, watched: of so many cycles so many are simulated with the cells' delays, for `hazards`.

        Raises:
            Failed: the engine does not end.
        """
        work, side = self.image.work, self.image.work.geometry.side
        memory = np.zeros((self.image.activations.depth, side), np.uint8)
        place = work.storage.places[work.program.input]
        memory[place.address : place.address + place.words] = pack(picture, side)
        count = len(work.passes)
        joules = np.zeros((count, len(PARTS), 2))
        gates = np.zeros((count, len(self.gates)), np.uint64)
        changes, cycles = np.zeros(self.netlist.nets + 1, np.uint64), np.zeros(count, np.uint64)
        length = sum(int(np.prod(t.shape)) for t in work.program.tensors.values() if t.dtype == "int16")
        scores = np.zeros(length + 16, np.int16)
        arrays: list[Any] = [*self.roms, memory, np.append(weigh, 0.0), self.parts, 2 * len(PARTS),
                             joules, gates, changes, scores, cycles]  # fmt: skip
        pointers = [ctypes.c_int(a) if isinstance(a, int) else a.ctypes.data_as(ctypes.c_void_p) for a in arrays]
        timed, untimed = np.zeros((2, self.netlist.nets + 1), np.uint64)
        ends = [a.ctypes.data_as(ctypes.c_void_p) for a in (timed, untimed)]
        numbers = [ctypes.c_uint64(n) for n in (10**9, every, watched)]
        code = self.library.simulate(*pointers, *numbers, *ends)
        if code:
            raise Failed(f"the netlist {'does not end' if code == 1 else 'reads and writes one bank at once'}")
        spent, seen = (
            np.bincount(self.parts, np.append(weigh, 0.0) * changed, 2 * len(PARTS))[1::2]
            for changed in (timed, untimed)
        )
        delayed = np.divide(spent, seen, out=np.ones(len(PARTS)), where=seen > 0)
        return Activity(joules, gates.astype(np.int64), changes[:-1].astype(np.int64), cycles.astype(np.int64),
                        scores[:length], delayed)  # fmt: skip

    def _parts(self) -> list[int]:
        """Of each net, twice the part of the engine that drives it, and 1 more if a gate does."""
        found = [0] * (self.netlist.nets + 1)
        for i in self.netlist.instances:
            for pin, net in i.pins.items():
                if pin in i.cell.functions:
                    part = PARTS.index(i.part) if i.part in PARTS else 0
                    found[net] = 2 * part + (not (i.cell.is_flip_flop or i.cell.is_gate))
        return found

    def _text(self) -> str:
        netlist, geometry = self.netlist, self.image.work.geometry
        hardwired = geometry.hardwired
        named = {
            "NETS": netlist.nets + 1, "GATES": len(self.gates), "SIDE": geometry.side,
            "ROUNDERS": min(geometry.requantizers, geometry.side), "TABLE": self.image.tables.address_bits,
            "BANKS": geometry.banks, "WEIGHT": self.image.weights.width, "CONSTANT": self.image.constants.width,
            "PASS": self.image.passes.width, "PORTS": self._ports(),
            "TABLES": "\n".join([self._tables(), self._sets(), self._readers()]),
            "CASES": self._cases(), "VALUES": self._values(),
            "WEIGHTS_SEEN": "" if hardwired else "const uint32_t weight = v[port_weights_enable[0]], weight_at = "
                            "number(port_weights_address, W_weights_address);",
            "WEIGHTS_PUT": "" if hardwired else "if (weight) put(port_weights_data, W_weights_data, weights + wide * "
                           "weight_at);",
        }  # fmt: skip
        text = files(__package__).joinpath("gates.cc").read_text("utf-8")
        for key, value in named.items():
            text = text.replace(f"@{key}@", str(value))
        return text

    def _cases(self) -> str:
        """What each kind of cell does to the bytes of its nets, for as many as stand after each other."""
        lines = []
        for number, cell in enumerate(self.kinds):
            pins = list(cell.capacitance)
            outputs = list(cell.functions)
            width, names = len(pins) + len(outputs), {pin: f"v[pin[{at}]]" for at, pin in enumerate(pins)}
            lines.append(f"        case {number}: for (int i = 0; i < set_size[g]; i++, pin += {width}) {{")
            for at, output in enumerate(outputs):
                made = expression(cell.functions[output], names.__getitem__)
                lines.append(f"            v[pin[{len(pins) + at}]] = {made};")
            lines.append("        } break;")
        return "\n".join(lines)

    def _values(self) -> str:
        """Each output of each kind of cell, alone."""
        lines = []
        for number, cell in enumerate(self.kinds):
            names = {pin: f"v[pin[{at}]]" for at, pin in enumerate(cell.capacitance)}
            for output, function in enumerate(cell.functions.values()):
                case = number * self._most_outputs + output
                lines.append(f"    case {case}: return {expression(function, names.__getitem__)};")
        return "\n".join(lines)

    @property
    def _most_outputs(self) -> int:
        return max(len(cell.functions) for cell in self.kinds)

    def _readers(self) -> str:
        """Which cells read each net, in the order of `pins`, and each net's delay in femtoseconds."""
        numbers = {cell.name: number for number, cell in enumerate(self.kinds)}
        readers: list[list[int]] = [[] for _ in range(self.netlist.nets + 1)]
        delays = [0] * (self.netlist.nets + 1)
        starts, at = [], 0
        for place, i in enumerate(self.placed):
            starts.append(at)
            at += len(i.cell.capacitance) + len(i.cell.functions)
            for net in {i.pins[pin] for pin in i.cell.capacitance}:
                readers[net].append(place)
            for (output, _), arc in i.cell.arcs.items():
                net = i.pins.get(output, self.netlist.nets)
                seconds = (
                    arc.intrinsic + arc.slope * self.netlist.loads[net] * (1 + self.wire) if output in i.pins else 0
                )
                delays[net] = max(delays[net], round(seconds * 1e15))
        first = np.cumsum([0, *(len(cells) for cells in readers)]).tolist()
        return "\n".join([
            _array("reader_first", first), _array("reader", [cell for cells in readers for cell in cells]),
            _array("cell_pins", starts), _array("cell_kind", [numbers[i.cell.name] for i in self.placed]),
            _array("kind_inputs", [len(cell.capacitance) for cell in self.kinds]),
            _array("kind_outputs", [len(cell.functions) for cell in self.kinds]), _array("delay", delays),
            f"enum {{ MOST_OUTPUTS = {self._most_outputs} }};",
        ])  # fmt: skip

    def _sets(self) -> str:
        """Cells of a kind that wait for none of each other, set after set, and their nets, inputs first."""
        level = [0] * (self.netlist.nets + 1)
        sets: dict[tuple[int, int], list[int]] = {}
        cells: dict[tuple[int, int], list[Instance]] = {}
        numbers = {cell.name: number for number, cell in enumerate(self.kinds)}
        for i in self.netlist.ordered:
            inputs = [i.pins[pin] for pin in i.cell.capacitance]
            outputs = [i.pins.get(pin, self.netlist.nets) for pin in i.cell.functions]  # what is open goes nowhere
            at = 1 + max((level[net] for net in inputs), default=0)
            for net in outputs:
                level[net] = at
            sets.setdefault((at, numbers[i.cell.name]), []).extend(inputs + outputs)
            cells.setdefault((at, numbers[i.cell.name]), []).append(i)
        ordered = sorted(sets.items())
        self.placed = [i for _, some in sorted(cells.items(), key=lambda item: item[0]) for i in some]
        width = [len(cell.capacitance) + len(cell.functions) for cell in self.kinds]
        return "\n".join([
            _array("set_cell", [kind for (_, kind), _ in ordered]),
            _array("set_size", [len(nets) // width[kind] for (_, kind), nets in ordered]),
            _array("pins", [net for _, nets in ordered for net in nets]), f"enum {{ SETS = {len(ordered)} }};",
        ])  # fmt: skip

    def _ports(self) -> str:
        ports = self.netlist.inputs | self.netlist.outputs
        return "\n".join(f"{_array(f'port_{name}', nets)}\nenum {{ W_{name} = {len(nets)} }};"
                         for name, nets in ports.items())  # fmt: skip

    def _tables(self) -> str:
        """Flip-flops in groups by clock gate, and the gates' enables."""
        by_clock = {i.pins[pin]: n for n, i in enumerate(self.gates) for pin in i.pins if pin in i.cell.functions}
        groups: dict[int, list[tuple[int, int, int]]] = {}
        for i in self.netlist.instances:
            if i.cell.is_flip_flop:
                group = groups.setdefault(by_clock.get(i.pins[i.cell.clock], -1), [])
                group += [
                    (i.pins[i.cell.data], net, int(i.cell.functions[pin].strip("() ") != i.cell.state))
                    for pin, net in i.pins.items()
                    if pin in i.cell.functions
                ]
        flops = [flop for group in groups.values() for flop in group]
        first = np.cumsum([0, *(len(group) for group in groups.values())]).tolist()
        return "\n".join([
            _array("flop_data", [f[0] for f in flops]), _array("flop_output", [f[1] for f in flops]),
            _array("flop_inverts", [f[2] for f in flops]), _array("group_first", first),
            _array("group_gate", list(groups)), _array("gate_enable", [i.pins[i.cell.enable] for i in self.gates]),
            f"enum {{ GROUPS = {len(groups)}, FLOPS = {len(flops)} }};",
        ])  # fmt: skip


def _array(name: str, values: Any) -> str:
    return f"static const int {name}[] = {{{', '.join(map(str, values)) or '0'}}};"
