"""What is drawn of a program's circuit, taken together from what was counted."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chip.energy import ITEMS, Assumptions, Bill, load_assumptions
from ..chip.images import Image
from ..chip.netlist import Netlist
from ..chip.passes import KINDS, TERNARY
from ..chip.simulate import WATCHED, Simulator
from ..cost.energy import Energy
from .circuit import floor, layers, waves

_WORDS = {"columns": "lanes and sums", "rounder": "requantizers", "engine": "buffer, constants, control",
          "walk": "addresses"}  # fmt: skip
_CSS = {"columns": "kind0", "rounder": "kind1", "engine": "kind6", "walk": "kind7"}


def pictures_of(
    image: Image, netlist: Netlist, bill: Bill, model: Energy | None, simulator: Simulator, picture: NDArray[Any]
) -> dict[str, str]:
    """The floor, the energy by layer, and the waves of a pass that keeps its weights, as SVG by file name.

    model: of the same network at the bill's process, if there is one. picture: that the simulator runs.
    """
    kept = [n for n, one in enumerate(image.work.passes) if one.kind == TERNARY and one.dense and one.held]
    return {
        "floor.svg": floor_of(image, netlist, load_assumptions()),
        "layers.svg": layers_of(image, bill, model),
        "waves.svg": waves_of(image, simulator, picture, kept[min(1, len(kept) - 1)] if kept else 0),
    }


def floor_of(image: Image, netlist: Netlist, assumed: Assumptions) -> str:
    """The engine's parts and memories in proportion, at the library's process."""
    geometry = image.work.geometry
    areas: dict[str, float] = {}
    for i in netlist.instances:
        areas[i.part] = areas.get(i.part, 0.0) + i.cell.area
    blocks = [(name, area, _CSS.get(name, "kind6"), _WORDS.get(name, "")) for name, area in areas.items()]
    for memory in image.memories:
        count = image.copies[memory.name]
        if not count:
            continue
        bit = assumed.rom_bit if memory.rows is not None else assumed.sram_bit
        words = f"{memory.depth:,} × {memory.width} bits" + (f", {count} times" if count > 1 else "")
        blocks.append((memory.name, memory.width * memory.depth * count * bit, "kind4" if bit > 1 else "kind3", words))
    total = sum(area for _, area, _, _ in blocks)
    note = (f"{total / 1e6:.2f} mm² at the library's process, {netlist.gates:,} gates; {geometry.lanes} lanes, "
            f"{geometry.banks} banks, before layout; memories by area a bit")  # fmt: skip
    return floor(blocks, "Floor of the circuit, in proportion", note)


def layers_of(image: Image, bill: Bill, model: Energy | None) -> str:
    """Energy by operator. model: of the same network at the same process."""
    operators = image.work.program.operators
    items = [dict.fromkeys(ITEMS, 0.0) for _ in operators]
    for number, one in enumerate(image.work.passes):
        for item in ITEMS:
            items[one.operator][item] += float(bill.passes[item][number])
    modelled: Mapping[str, float] = {}
    if model is not None:
        modelled = {name: sum(i.pj for i in step) * 1e-12 for name, step in model.steps.items()}
    found = [(o.name, each, modelled.get(o.name, 0.0)) for o, each in zip(operators, items, strict=True)]
    return layers(found, f"Energy by layer, {bill.total * 1e6:.2f} µJ at {bill.node_nm:g} nm")


def waves_of(image: Image, simulator: Simulator, picture: NDArray[Any], number: int, cycles: int = 64) -> str:
    """The first cycles of pass `number`."""
    seen = simulator.run(picture, number, cycles).watch
    of = {name: seen[:, at] for at, name in enumerate(WATCHED)}
    levels = [(name, (of[name] != 0).astype(np.int64)) for name in ("constants", "weights", "read", "tables", "write")]
    numbers = [(f"{name} address", np.where(of[name] != 0, of[f"{name} address"], -1)) for name in ("read", "write")]
    one = image.work.passes[number]
    layer = image.work.program.operators[one.operator].name
    return waves(levels, numbers, f"{layer}: {KINDS[one.kind]}, {one.tiles} tiles of {one.pixels} pixels, "
                                  f"{one.steps} steps each")  # fmt: skip
