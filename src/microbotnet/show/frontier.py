"""Accuracy against MACs, modelled energy with memory, and flash: what is shipped and what was published."""

from collections.abc import Sequence
from dataclasses import replace

from ..cost.energy import BUDGET_PJ
from ..search.firmware_model import firmware_size
from ..sources import open_program
from ..weights import shipped_cards
from .charts import KEYS, Point, pareto, scatter
from .circuits import KEY, Circuit
from .comparison import Comparison, Row

TOP1 = "top-1 on CIFAR-10, %"
INTEGERS = "top-1 on CIFAR-10 in integers, %"
NEAR = 5 * BUDGET_PJ / 1e6  # µJ: what a page's top shows at most
NOTES = ("microbotnet ×0.32", "microbotnet-0.32")  # the notes' network, as published and as shipped


def frontier_charts(found: Comparison, circuits: Sequence[Circuit] = ()) -> dict[str, str]:
    """The charts as SVG, by file name; `found` is the comparison of the whole zoo at 32×32.

    Against MACs stands the accuracy of the network as it was trained, against energy and flash that of its integers.

    The first is for a page's top, readable on a phone: within five times the budget, what no other beats, the measured
    chips, the designs that were trained in integers, the notes' network.
    """
    known = [row for row in found.small if row.cifar10]
    macs = [_point(row, row.network.profile.macs["conv_linear"], row.cifar10) for row in known]
    energy = [_point(row, row.network.profile.energy.total / 1e6, row.cifar10_integers) for row in known]
    chips = [Point(f"{c.name}, {c.node_nm:g} nm", c.energy_pj / 1e6, c.top1, "silicon") for c in found.silicon]
    simulated = [Point(_short(c.label), c.total, c.top1, KEY[0]) for c in circuits]
    flash = [_point(row, _kilobytes(row), row.cifar10_integers) for row in known if row.network.checkpoint]
    labels = {*NOTES, *(row.network.label for row in for_chips(found).rows)}
    named = [point for row, point in zip(known, energy, strict=True) if row.network.label in labels]
    shown = [*pareto([*energy, *chips]), *chips, *named]
    first = {(point.label, point.y): point for point in shown if point.x <= NEAR}
    budget = (BUDGET_PJ / 1e6, "1 µJ")
    return {
        "frontier-energy.svg": scatter(
            [replace(point, label=_shortest(point.label)) for point in first.values()],
            "Accuracy and energy of one picture",
            "µJ, logarithmic; modelled with memory, or measured",
            INTEGERS,
            limit=budget,
            keys=(
                ("skip-tip", "this project's grain-…"),
                ("ours", "this project's weights"),
                ("others", "published"),
                ("silicon", "measured chip"),
            ),
            width=480,
            height=540,
            size=14,
        ),
        "frontier-energy-all.svg": scatter(
            [*energy, *chips, *simulated],
            f"Accuracy against energy with memory ({found.preset.name})",
            "µJ a picture, logarithmic; modelled for weights as they are stored, 8 bits where they are float",
            INTEGERS,
            limit=budget,
            keys=(*KEYS, KEY),
        ),
        "frontier-macs.svg": scatter(
            macs,
            "Accuracy against multiply-accumulates",
            "MACs a picture (conv_linear), logarithmic",
            TOP1,
            limit=(1e6, "1 M"),
        ),
        "frontier-flash.svg": scatter(
            flash,
            "Accuracy against flash on a Cortex-M0",
            "kB of code and constants, logarithmic; where C spares bytes",
            INTEGERS,
            limit=(64.0, "SCuM: 64 kB"),
        ),
    }


def _point(row: Row, x: float, known: tuple[float, str] | None) -> Point:
    assert known is not None
    top1, by = known
    name = row.network.label
    if by == "published":
        return Point(_short(name), x, top1, tip=f"{name} published")
    card = shipped_cards().get(name, {})
    return Point(_short(name), x, top1, "skip-tip" if "design" in card.get("architecture", {}) else "ours", tip=name)


def for_chips(found: Comparison) -> Comparison:
    """The designs that no other with the same kind of kernels beats with no more energy, and the notes' network."""
    shipped = [row for row in found.rows if row.network.checkpoint]
    ours = [row for row in shipped if "design" in shipped_cards().get(row.network.label, {}).get("architecture", {})]
    kept = {row.network.label for row in ours if not any(_beats(other, row) for other in ours)} | {NOTES[1]}
    return replace(found, rows=tuple(row for row in shipped if row.network.label in kept))


def _beats(one: Row, other: Row) -> bool:
    """Kernels that are not quantized are rounded to 8 bits, as those are that were trained with the policy "none"."""
    kinds = [shipped_cards()[row.network.label]["quantization"] for row in (one, other)]
    names = [kind if isinstance(kind, str) else kind["policy"] for kind in kinds]
    a, b = one.network, other.network
    cheap = a.profile.energy.total <= b.profile.energy.total
    return names[0] == names[1] and cheap and (a.top1_integers or 0) > (b.top1_integers or 0)


def _short(label: str) -> str:
    """×0.32 ternary pointwise for microbotnet-0.32-one-negative-one-pointwise: most points are MicroBotNet's."""
    label = label.replace("microbotnet ×", "×").replace("microbotnet-", "×")
    return label.replace("one-negative-one", "ternary").replace("-", " ") if label.startswith("×") else label


def _shortest(label: str) -> str:
    """xl ternary for grain-xl-ternary: the key says whose it is."""
    if label.startswith("×"):
        return f"MicroBotNet {label}"
    return label.removeprefix("grain-").replace("-", " ") if label.startswith("grain-") else label


def _kilobytes(row: Row) -> float:
    return firmware_size(open_program(row.network.label), prefer="size").flash_bytes / 1024
