"""Pictures and tables of circuits."""

import re
from pathlib import Path

import numpy as np
import pytest

from microbotnet.cost.energy import estimate_energy
from microbotnet.cost.preset import load_preset, scale
from microbotnet.show.circuit import floor, layers, waves
from microbotnet.show.circuits import NODE, circuit_answer, circuit_table, read_circuits
from microbotnet.sources import open_program
from microbotnet.weights import shipped_graph

ROOT = Path(__file__).resolve().parents[2]


def rectangles(svg: str) -> list[tuple[float, float]]:
    return [
        (float(w), float(h)) for w, h in re.findall(r'<rect x="[^"]*" y="[^"]*" width="([^"]*)" height="([^"]*)"', svg)
    ]


def test_a_floor_is_in_proportion() -> None:
    areas = [600.0, 300.0, 200.0, 100.0]
    svg = floor([(f"block {n}", area, "kind0", "") for n, area in enumerate(areas)], "Floor", "")
    drawn = [(w + 2) * (h + 2) for w, h in rectangles(svg)]
    assert [d / sum(drawn) for d in drawn] == pytest.approx([a / sum(areas) for a in areas], abs=0.01)


def test_bars_are_as_high_as_their_energies() -> None:
    items = {"logic": 4e-9, "memory": 3e-9, "clock": 2e-9, "leakage": 1e-9}
    heights = [h for _, h in rectangles(layers([("layer", items, 5e-9)], "Energy"))][:5]
    assert [h / heights[0] for h in heights] == pytest.approx([1, 0.75, 0.5, 0.25, 1.25], abs=0.01)


def test_waves_show_each_number_once_while_it_stays() -> None:
    number = np.array([-1, 7, 7, 7, 8, -1])
    svg = waves([("read", (number >= 0).astype(np.int64))], [("address", number)], "Waves")
    assert "address 7, cycles 1 to 3" in svg
    assert "address 8, cycles 4 to 4" in svg
    assert svg.count("address ") == 2


def test_the_page_says_what_was_measured() -> None:
    circuits = read_circuits(ROOT / "docs" / "results" / "circuits.csv")
    assert all(c.bit_exact for c in circuits)
    assert all(c.total == pytest.approx(sum(c.items.values()), abs=1e-3) for c in circuits)
    assert circuit_table(circuits) in (ROOT / "docs" / "chip.md").read_text("utf-8")
    assert circuit_answer(circuits) in (ROOT / "docs" / "one-microjoule.md").read_text("utf-8")


def test_the_pictures_and_the_table_are_of_todays_circuit() -> None:
    pytest.importorskip("amaranth", reason="amaranth is not installed")
    from microbotnet.chip import flow
    from microbotnet.chip.geometry import Geometry

    again = "run python benchmarks/circuit_energy.py for the networks of docs/results/circuits.csv"
    first = next(c for c in read_circuits(ROOT / "docs" / "results" / "circuits.csv") if c.node_nm == NODE)
    image = flow.design(open_program(first.checkpoint), Geometry(first.lanes, first.banks, first.requantizers))
    assert flow.fingerprint(image) == first.fingerprint, again

    pictures = {name: (ROOT / "docs" / "pictures" / f"circuit-{name}.svg").read_text() for name in ("floor", "layers")}
    assert f"{first.gates:,} gates" in pictures["floor"], again
    assert f"Energy by layer, {first.total:.2f} µJ at {NODE:g} nm" in pictures["layers"], again
    preset = scale(load_preset("horowitz-45nm"), NODE)
    model = estimate_energy(shipped_graph(first.checkpoint)[0], preset).steps
    modelled = {
        name: float(nj) for name, nj in re.findall(r"<title>(\S+): .*; model (\S+) nJ</title>", pictures["layers"])
    }
    assert set(modelled) >= set(model)
    for name, items in model.items():
        assert modelled[name] == pytest.approx(sum(item.pj for item in items) / 1000, rel=0.006), again
