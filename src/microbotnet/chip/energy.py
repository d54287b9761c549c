"""Energy of a picture on the engine, from what it does: gates, clock, memories, leakage."""

import tomllib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cost.preset import Preset, gate_energy, load_preset, nominal_volts, scale
from .activity import PARTS, Activity
from .images import Image
from .netlist import Netlist
from .simulate import COUNTED

ITEMS = ("logic", "memory", "clock", "leakage")


@dataclass(frozen=True)
class Assumptions:
    """See assumptions.toml."""

    wire: float
    clock_tree: float
    gate_leakage: float
    byte_leakage: float
    sram_bit: float
    rom_bit: float


def load_assumptions() -> Assumptions:
    """Those that come with the package."""
    return Assumptions(**tomllib.loads(files(__package__).joinpath("assumptions.toml").read_text("utf-8")))


def weights_of(netlist: Netlist, assumed: Assumptions) -> NDArray[np.float64]:
    """Joules of a change of each net: inside the cells at both ends, and of the load."""
    volts = netlist.library.volts
    found = 0.5 * np.array(netlist.loads) * (1 + assumed.wire) * volts**2
    for i in netlist.instances:
        for pin, net in i.pins.items():
            if pin in i.cell.functions:
                found[net] += i.cell.energy[pin]
            elif pin != i.cell.clock:
                found[net] += i.cell.pin_energy[pin]
    clocks = {i.pins[i.cell.clock] for i in netlist.instances if i.cell.clock}
    found[list(clocks)] = 0  # counted as the clock
    return found


@dataclass(frozen=True)
class Bill:
    """Joules of a picture at one process, by pass and item. parts: of the logic, by part of the engine.

    accesses: of each memory: what, times a picture, joules each.
    """

    node_nm: float
    volts: float
    clock_hz: float
    passes: dict[str, NDArray[np.float64]]
    parts: dict[str, float]
    accesses: tuple[tuple[str, int, float], ...]

    @cached_property
    def items(self) -> dict[str, float]:
        """Joules of each item."""
        return {item: float(self.passes[item].sum()) for item in ITEMS}

    @property
    def total(self) -> float:
        """Joules."""
        return sum(self.items.values())

    def to_json(self) -> dict[str, Any]:
        """In pJ."""
        return {"node_nm": self.node_nm, "total": self.total * 1e12,
                **{item: joules * 1e12 for item, joules in self.items.items()}}  # fmt: skip


class Meter:
    """What an engine's parts cost, before the process is chosen."""

    def __init__(self, image: Image, netlist: Netlist, node_nm: float, activity: Activity,
                 counts: NDArray[np.int64], assumed: Assumptions) -> None:  # fmt: skip
        """node_nm: of the library. counts: of the simulated engine, see `simulate.COUNTED`."""
        self.image, self.netlist, self.node_nm = image, netlist, node_nm
        self.activity, self.counts, self.assumed = activity, counts, assumed

    def bill(self, node_nm: float, clock_hz: float, preset: Preset | None = None) -> Bill:
        """The energy at `node_nm` and its usual supply.

        Logic and clock are scaled from the library's process, memories from `preset`'s (45 nm), leakage by the
        square of the supply and by the node.
        """
        preset = preset or load_preset("horowitz-45nm")
        volts = 0.9 if node_nm == preset.node_nm else nominal_volts(node_nm)
        library = self.netlist.library
        factor = gate_energy(node_nm, volts) / gate_energy(self.node_nm, library.volts)
        memory = preset if node_nm == preset.node_nm else scale(preset, node_nm, volts)
        accesses, by_pass = self._memories(memory)
        parts = self.activity.logic * factor
        clock, leakage = self._clock() * factor, self._leakage(node_nm, volts, clock_hz)
        return Bill(
            node_nm, volts, clock_hz,
            {"logic": parts.sum(1), "memory": by_pass, "clock": clock, "leakage": leakage},
            dict(zip(PARTS, parts.sum(0).tolist(), strict=True)), tuple(accesses),
        )  # fmt: skip

    def _clock(self) -> NDArray[np.float64]:
        """Of each pass: clock pins of flip-flops whose gate is open, the gates', and the tree before them."""
        netlist, tree = self.netlist, 1 + self.assumed.clock_tree
        volts = netlist.library.volts
        gates = [i for i in netlist.instances if i.cell.is_gate]
        index = {i.pins[pin]: n for n, i in enumerate(gates) for pin in i.pins if pin in i.cell.functions}
        always, gated = 0.0, np.zeros(len(gates))
        for i in netlist.instances:
            if not i.cell.clock:
                continue
            cycle = 2 * i.cell.pin_energy[i.cell.clock] + i.cell.capacitance[i.cell.clock] * volts**2 * tree
            number = index.get(i.pins[i.cell.clock])
            if number is None:
                always += cycle
            else:
                gated[number] += cycle
        for number, i in enumerate(gates):
            gated[number] += 2 * sum(i.cell.energy.values())
        joules: NDArray[np.float64] = always * self.activity.cycles + self.activity.open_cycles @ gated
        return joules

    def _memories(self, preset: Preset) -> tuple[list[tuple[str, int, float]], NDArray[np.float64]]:
        image, banks = self.image, self.image.work.geometry.banks
        columns = {name: self.counts[:, number] for number, name in enumerate(COUNTED)}
        sizes = {"activations": image.activations.size_bytes / banks}
        lines = [("reads of activations", "reads", image.activations, False),
                 ("writes of activations", "writes", image.activations, True),
                 ("reads of constants", "constants", image.constants, False),
                 ("reads of tables", "tables", image.tables, False),
                 ("reads of passes", "passes", image.passes, False)]  # fmt: skip
        if not image.work.geometry.hardwired:
            lines.append(("reads of weights", "weights", image.weights, False))
        found, by_pass = [], np.zeros(len(self.counts))
        for what, column, memory, write in lines:
            size = sizes.get(memory.name, memory.size_bytes)
            each = preset.access_pj(size, write=write) * memory.width / preset.word_bits * 1e-12
            found.append((what, int(columns[column].sum()), each))
            by_pass += columns[column] * each
        return found, by_pass

    def _leakage(self, node_nm: float, volts: float, clock_hz: float) -> NDArray[np.float64]:
        memory = sum(self.image.memory_bytes.values())
        watts = self.netlist.gates * self.assumed.gate_leakage + memory * self.assumed.byte_leakage
        seconds: NDArray[np.float64] = self.activity.cycles / clock_hz
        return seconds * (watts * (node_nm / 45) * (volts / 0.9) ** 2)
