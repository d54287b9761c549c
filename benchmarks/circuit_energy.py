"""Energy, gates and cycles of circuits, into docs/results/circuits.csv; the first one's pictures into docs/pictures.

    python benchmarks/circuit_energy.py grain-xl-ternary grain-m microbotnet-0.32-one-negative-one-all

A checkpoint may be followed by lanes, requantizers and banks.
With --liberty FILE.lib --library-node NM another library's figures are printed beside those of the shipped one, and
nothing is written.
"""

import argparse
import csv
import io
from pathlib import Path

from microbotnet.atomic import write_atomically
from microbotnet.chip import flow
from microbotnet.chip.energy import load_assumptions
from microbotnet.chip.geometry import Geometry
from microbotnet.chip.liberty import load_library
from microbotnet.chip.simulate import Simulator
from microbotnet.cost.energy import estimate_energy
from microbotnet.cost.preset import load_preset, scale
from microbotnet.show.chip import pictures_of
from microbotnet.sources import open_program
from microbotnet.weights import shipped_cards, shipped_graph

ROOT = Path(__file__).resolve().parents[1]
NODES = (45.0, 28.0, 22.0)
PICTURES = 2  # their energies differ by some percent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--clock", type=float, default=20.0, help="MHz")
    parser.add_argument("--liberty", type=Path)
    parser.add_argument("--library-node", type=float)
    options = parser.parse_args()
    library = load_library(options.liberty) if options.liberty else flow.shipped_library()
    rows = []
    for place, asked in enumerate(options.checkpoints):
        name, *numbers = asked.split(":")
        lanes, requantizers, banks = (int(n) for n in (*numbers, *["128", "4", "2"][len(numbers) :]))
        program = open_program(name)
        image = flow.design(program, Geometry(lanes, banks, requantizers))
        inputs = flow.pictures_for(program, None, PICTURES)
        simulator = Simulator(image)
        checked = flow.check(simulator, inputs)
        netlist = flow.synthesized(image, library)
        metered, right = flow.meter(image, netlist, options.library_node or flow.SHIPPED_NM, inputs, checked.counts)
        bills = [metered.bill(nm, options.clock * 1e6) for nm in NODES]
        delay, _ = netlist.critical_path(load_assumptions().wire)
        for bill in bills:
            rows.append({
                "checkpoint": name, "lanes": lanes, "requantizers": requantizers,
                "banks": banks, "bit_exact": right and not checked.differ, "cycles": checked.cycles,
                "gates": netlist.gates, "flip_flops": netlist.flip_flops, "longest_path_ns": f"{delay * 1e9:.1f}",
                "hazards": f"{metered.activity.hazards:.2f}",
                "node_nm": f"{bill.node_nm:g}", "volts": f"{bill.volts:.2f}", "clock_mhz": f"{options.clock:g}",
                **{f"{item}_uj": f"{value * 1e6:.4f}" for item, value in bill.items.items()},
                "total_uj": f"{bill.total * 1e6:.4f}", "top1": f"{_top1(name):.2f}",
                "fingerprint": flow.fingerprint(image),
            })  # fmt: skip
            print(rows[-1], {what: f"{n} × {each * 1e12:.2f} pJ" for what, n, each in bill.accesses}, bill.parts,
                  flush=True)  # fmt: skip
        if place == 0 and not options.liberty:
            pictures = ROOT / "docs" / "pictures"
            model = estimate_energy(shipped_graph(name)[0], scale(load_preset("horowitz-45nm"), 22))
            drawn = pictures_of(image, netlist, bills[-1], model, simulator, inputs[0])
            for file, text in drawn.items():
                write_atomically(pictures / f"circuit-{file}", text.encode())
    if options.liberty:
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(ROOT / "docs" / "results" / "circuits.csv", text.getvalue().encode())


def _top1(name: str) -> float:
    metrics = shipped_cards()[name]["metrics"]
    return float(metrics.get("top1_integers", metrics["top1"]))


if __name__ == "__main__":
    main()
