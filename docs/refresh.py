"""Make every figure and table of README and docs again, from the shipped weights' cards and the traced networks.

    python docs/refresh.py

Pictures go to docs/pictures, the frontier's to docs/images; tables go between the pages' markers.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from microbotnet.atomic import write_atomically
from microbotnet.backends.c import prepare
from microbotnet.integer.fold import fold
from microbotnet.show.answer import energy_chart, energy_table
from microbotnet.show.arena import draw_arena
from microbotnet.show.circuits import NODE, Circuit, circuit_answer, circuit_table, read_circuits
from microbotnet.show.colouring import by_energy
from microbotnet.show.comparison import Comparison, compare
from microbotnet.show.convolutions import figures
from microbotnet.show.convolutions import pictures as convolution_pictures
from microbotnet.show.frontier import for_chips, frontier_charts
from microbotnet.show.network import draw_network
from microbotnet.show.profiled import untrained
from microbotnet.show.results import results_table, robot_table, ternary_table
from microbotnet.sources import open_program

ROOT = Path(__file__).resolve().parents[1]


def spliced(text: str, name: str, content: str) -> str:
    """`text` with `content` between the markers of `name`."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    assert pattern.search(text), f"no markers of {name}"
    return pattern.sub(lambda _: f"{begin}{content}{end}", text)


def answer(found: Comparison) -> str:
    """Can we classify under 1 µJ? In words, with the numbers of MicroBotNet ×0.32."""
    row = next(row for row in found.rows if row.network.label == "microbotnet ×0.32")
    energy = row.network.profile.energy
    macs = row.network.profile.macs["thop_2020"]
    return (
        "**By the model: MicroBotNet can with ternary weights; with 8-bit weights only a network designed for it "
        f"can.** The early notes' estimate, 1 pJ a MAC, gives MicroBotNet ×0.32 {macs / 1e6:.2f} µJ. With memory "
        f"counted, it takes {energy.total / 1e6:.2f} µJ at 45 nm. Memory takes {energy.memory_share:.0%} of that, and "
        "most of the memory's part is for reading weights. With all kernels at two bits it takes "
        f"{row.two_bit_pj / 1e6:.2f} µJ. These shipped networks take less than 1 µJ as they are: "
        f"{_under_a_microjoule(found)}.\n\nThe networks whose accuracy is known, the least energy first:\n\n"
    )


def _under_a_microjoule(found: Comparison) -> str:
    rows = [row for row in found.rows if row.network.checkpoint and row.network.profile.energy.total < 1e6]
    return "; ".join(
        f"{r.network.label} {r.network.top1_integers:.2f} % at {r.network.profile.energy.total / 1e6:.2f} µJ"
        for r in rows
    )


def pictures(found: Comparison, circuits: list[Circuit]) -> dict[str, str]:
    """Every drawn picture of the docs, by its place in them."""
    drawn = [circuit for circuit in circuits if circuit.node_nm == NODE and circuit.lanes == circuits[0].lanes]
    network = untrained("microbotnet", width=0.32)
    program = fold(open_program("microbotnet-0.25"))
    return {
        "pictures/microjoule.svg": energy_chart(for_chips(found), drawn[:1], width=540),
        "pictures/microbotnet.svg": draw_network(network.profile.graph, by_energy(network.profile), network.title),
        "pictures/arena.svg": draw_arena(program, prepare(program).plan, "microbotnet-0.25: the arena"),
        **{f"pictures/{name}": picture for name, picture in convolution_pictures().items()},
        **{f"images/{name}": picture for name, picture in frontier_charts(found, drawn).items()},
    }


def reliability_table() -> str:
    """What the long runs of benchmarks/ have counted so far."""
    rows = ["| command | commits, seeds of each | counted | measured | failures |\n|---|---|---|---|---:|\n"]
    for file in sorted((ROOT / "docs" / "results" / "reliability").glob("*.json")):
        kept = json.loads(file.read_text("utf-8"))
        counts = "<br>".join(f"{name}: {count:,}" for name, count in sorted(kept["counts"].items()))
        measured = "<br>".join(f"{name}: {value}" for name, value in kept.get("measured", {}).items())
        commits = "<br>".join(f"{commit}: {seeds:,}" for commit, seeds in kept["commits"].items())
        rows.append(f"| `{kept['command']}` | {commits} | {counts} | {measured} | {len(kept['failures'])} |\n")
    return "".join(rows)


def main() -> None:
    """Write the pictures and the pages."""
    found = compare(input_size=32, classes=10)
    circuits = read_circuits(ROOT / "docs" / "results" / "circuits.csv")
    known = replace(found, rows=tuple(row for row in found.rows if row.cifar10))
    for name, picture in pictures(found, circuits).items():
        write_atomically(ROOT / "docs" / name, picture.encode())
    pages = {
        "docs/results/README.md": {"results": results_table(), "ternary": ternary_table()},
        "docs/micro-robot.md": {"robot": robot_table()},
        "docs/one-microjoule.md": {
            "circuit": circuit_answer(circuits),
            "answer": answer(found) + energy_table(known),
            "zoo": energy_table(found),
        },
        "docs/chip.md": {"circuits": circuit_table(circuits)},
        "docs/what-a-convolution-costs.md": figures(),
        "docs/reliability.md": {"reliability": reliability_table()},
    }
    for page, contents in pages.items():
        text = (ROOT / page).read_text()
        for name, content in contents.items():
            text = spliced(text, name, content)
        write_atomically(ROOT / page, text.encode())


if __name__ == "__main__":
    main()
