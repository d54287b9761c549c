"""What circuits cost, from the table that benchmarks/circuit_energy.py writes: a table, and the answer in words."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KEY = ("gate-tip", "its circuit, simulated before layout")
NODE = 22.0  # nm, of the chip that it is held against


@dataclass(frozen=True)
class Circuit:
    """A row. Energies in µJ a picture. fingerprint: of what was simulated, see `chip.flow.fingerprint`."""

    checkpoint: str
    lanes: int
    requantizers: int
    banks: int
    cycles: int
    gates: int
    flip_flops: int
    node_nm: float
    clock_mhz: float
    items: dict[str, float]
    total: float
    top1: float
    bit_exact: bool
    fingerprint: str

    @property
    def label(self) -> str:
        """Its name in a chart."""
        return f"{self.checkpoint} circuit, {self.node_nm:g} nm"


def read_circuits(file: Path) -> tuple[Circuit, ...]:
    """The rows of docs/results/circuits.csv."""
    with file.open(encoding="utf-8", newline="") as stream:
        return tuple(
            Circuit(
                row["checkpoint"], int(row["lanes"]), int(row["requantizers"]), int(row["banks"]),
                int(row["cycles"]), int(row["gates"]), int(row["flip_flops"]),
                float(row["node_nm"]), float(row["clock_mhz"]),
                {item: float(row[f"{item}_uj"]) for item in ("logic", "memory", "clock", "leakage")},
                float(row["total_uj"]), float(row["top1"]), row["bit_exact"] == "True", row["fingerprint"],
            )
            for row in csv.DictReader(stream)
        )  # fmt: skip


def circuit_table(circuits: Sequence[Circuit]) -> str:
    """In Markdown, a row for each circuit and process."""
    lines = [
        "| network | lanes | top-1 | cycles a picture | a second at 1 MHz | gates | process | logic | memory | clock | "
        "leakage | total |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for c in circuits:
        items = " | ".join(f"{value:.3f}" for value in c.items.values())
        total = f"**{c.total:.2f} µJ**" if c.total < 1 else f"{c.total:.2f} µJ"
        lines.append(
            f"| {c.checkpoint} | {c.lanes} | {c.top1:.2f} % | {c.cycles:,} | {1e6 / c.cycles:.1f} | {c.gates:,} | "
            f"{c.node_nm:g} nm | {items} | {total} |"
        )
    return "\n".join(lines) + "\n"


def circuit_answer(circuits: Sequence[Circuit]) -> str:
    """Can we classify under 1 µJ? By the first circuit, in words."""
    mine = [c for c in circuits if (c.checkpoint, c.lanes) == (circuits[0].checkpoint, circuits[0].lanes)]
    best = next(c for c in mine if c.node_nm == NODE)
    nodes = " and ".join(f"{c.total:.2f} µJ at {c.node_nm:g} nm" for c in mine if c.node_nm != NODE)
    verdict = "under 1 µJ" if best.total < 0.9 else "about 1 µJ" if best.total < 1.1 else "over 1 µJ"
    engine = f"an engine of {best.lanes} ternary lanes, {best.gates:,} gates"
    return (
        f"**With a circuit: {verdict} at {NODE:g} nm. It was simulated before layout, so this is sure to a factor of "
        f"two.** `microbotnet chip {best.checkpoint}` writes {engine}. It gives the network's integers bit for bit, "
        f"and so its {best.top1:.2f} % of CIFAR-10's test pictures. Logic, clock, memories and leakage are all "
        f"counted. At {best.clock_mhz:g} MHz a picture takes {best.total:.2f} µJ at {NODE:g} nm, {nodes}. "
        "[The circuit](chip.md) says what each item rests on, and how sure it is.\n"
    )
