"""Accuracy against MACs, modelled energy with memory, and flash: what is shipped, the zoo and what was published."""

from ..cost.energy import BUDGET_PJ
from ..design import design_names
from ..integer.source import open_program
from ..search.firmware_model import firmware_size
from ..weights import shipped_cards
from .charts import Point, scatter
from .comparison import Comparison, Row

TOP1 = "top-1 on CIFAR-10, %"
# Liberis et al., arXiv 2010.14246, reports about this much for networks of such budgets.
SEARCHED = (86.5, "about 86.5 %: μNAS, published, a search for such budgets")


def frontier_charts(found: Comparison) -> dict[str, str]:
    """The three charts as SVG, by file name; `found` is the comparison of the whole zoo at 32×32."""
    rows = found.small
    known = [row for row in rows if row.cifar10]
    unknown = [row for row in rows if not row.cifar10 and row.subject.name not in design_names()]
    macs = [_point(row, row.subject.profile.macs["conv_linear"]) for row in known]
    energy = [_point(row, row.subject.profile.energy.total / 1e6) for row in known]
    energy += [Point(f"{c.name}, {c.node_nm:g} nm", c.energy_pj / 1e6, c.top1, "silicon") for c in found.silicon]
    flash = [_point(row, _kilobytes(row)) for row in known if row.subject.checkpoint]
    return {
        "frontier-macs.svg": scatter(
            macs,
            "Accuracy against multiply-accumulates",
            "MACs a picture (conv_linear), logarithmic",
            TOP1,
            limit=(1e6, "1 M"),
            level=SEARCHED,
            unknown=[(row.subject.label, row.subject.profile.macs["conv_linear"]) for row in unknown],
        ),
        "frontier-energy.svg": scatter(
            energy,
            f"Accuracy against energy with memory ({found.preset.name})",
            "µJ a picture, logarithmic; modelled for weights as they are stored, 8 bits where they are float",
            TOP1,
            limit=(BUDGET_PJ / 1e6, "1 µJ"),
            level=SEARCHED,
            unknown=[(row.subject.label, row.subject.profile.energy.total / 1e6) for row in unknown],
        ),
        "frontier-flash.svg": scatter(
            flash,
            "Accuracy against flash on a Cortex-M0",
            "kB of code and constants, logarithmic; where C spares bytes",
            TOP1,
            limit=(64.0, "SCuM: 64 kB"),
            level=SEARCHED,
        ),
    }


def _point(row: Row, x: float) -> Point:
    assert row.cifar10 is not None
    top1, by = row.cifar10
    name = row.subject.label
    if by == "published":
        return Point(_short(name), x, top1, tip=f"{name} published")
    card = shipped_cards().get(name, {})
    return Point(_short(name), x, top1, "skip-tip" if "design" in card.get("architecture", {}) else "ours", tip=name)


def _short(label: str) -> str:
    """×0.32 ternary pointwise for microbotnet-0.32-one-negative-one-pointwise: most points are MicroBotNet's."""
    label = label.replace("microbotnet ×", "×").replace("microbotnet-", "×")
    return label.replace("one-negative-one", "ternary").replace("-", " ") if label.startswith("×") else label


def _kilobytes(row: Row) -> float:
    return firmware_size(open_program(row.subject.label), prefer="size").flash_bytes / 1024
