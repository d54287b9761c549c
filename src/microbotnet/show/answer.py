"""The answer to "can we classify under 1 µJ?": a chart and a table, made from the same comparison."""

from collections.abc import Sequence

from ..cost.energy import BUDGET_PJ
from .charts import Bar, log_bars
from .circuits import KEY, Circuit
from .comparison import Comparison

# What requantization would cost on a chip built for it, by preset; the headline stays with the strictest.
REQUANTIZED = {"horowitz-45nm-16-bit": "16-bit requantization", "horowitz-45nm-shift": "were scales powers of two"}


def energy_chart(
    found: Comparison, circuits: Sequence[Circuit] = (), *, width: float = 900, inline: bool = False
) -> str:
    """Every network that sees 32×32 pictures, circuits and the measured chips, from the least energy to the most."""
    bars = []
    for row in found.small or found.rows:
        total, two_bit, top1 = row.network.profile.energy.total / 1e6, row.two_bit_pj / 1e6, row.cifar10_integers
        note = f"{total:,.2f} · {two_bit:,.2f} µJ" + (f" · {top1[0]:.2f} % {top1[1]}" if top1 else "")
        mark = row.network.profile.macs["thop_2020"] / 1e6
        bars.append(Bar(row.network.label, ((total, "kind0"), (two_bit, "kind1")), note, mark))
    for chip in found.silicon:
        note = f"{chip.energy_pj / 1e6:.2f} µJ · {chip.top1:.2f} % measured"
        bars.append(Bar(f"{chip.name}, {chip.node_nm:g} nm", ((chip.energy_pj / 1e6, "silicon"),), note))
    for circuit in circuits:
        note = f"{circuit.total:.2f} µJ · {circuit.top1:.2f} % simulated"
        bars.append(Bar(circuit.label, ((circuit.total, KEY[0]),), note))
    bars.sort(key=lambda bar: bar.segments[-1][0])
    keys = [("kind0", "int8, modelled"), ("kind1", "weights at 2 bits, modelled"), ("silicon", "measured chip")]
    keys += [KEY] if circuits else []
    title = f"Energy of one 32×32 picture ({found.preset.name})"
    x_title = "µJ a picture, logarithmic; top-1 is that of the weights as trained, in integers"
    return log_bars(bars, title, x_title, keys, limit=(1.0, "1 µJ"), width=width, inline=inline)


def energy_table(found: Comparison) -> str:
    """The same as a table in Markdown."""
    headers = ["network", "MACs (conv_linear)", "weights, int8", "activations", "energy, int8", "of it memory"]
    headers += [*REQUANTIZED.values(), "energy, 2-bit weights", "1 pJ a MAC", "top-1, CIFAR-10"]
    lines = [f"| {' | '.join(headers)} |", f"|---|{'--:|' * (len(headers) - 1)}"]
    rows: list[tuple[float, str]] = []
    for row in found.small or found.rows:
        costs, top1 = row.network.profile, row.cifar10_integers
        cells = [
            row.network.label,
            f"{costs.macs['conv_linear']:,}",
            f"{costs.memory.weight_bytes['int8'] / 1024:,.1f} kB",
            f"{costs.memory.peak_activation_bytes / 1024:,.1f} kB",
            _microjoule(costs.energy.total),
            f"{costs.energy.memory_share:.0%}",
            *(_microjoule(row.energy_pj(preset)) for preset in REQUANTIZED),
            _microjoule(row.two_bit_pj),
            f"{costs.macs['thop_2020'] / 1e6:,.2f} µJ",
            f"{top1[0]:.2f} % {top1[1]}" if top1 else "",
        ]
        rows.append((row.two_bit_pj / 1e6, f"| {' | '.join(cells)} |"))
    for chip in found.silicon:
        energy = f"{chip.energy_pj / 1e6:.2f} µJ measured"
        cells = [f"{chip.name}, {chip.node_nm:g} nm", "", "", "", energy, "", *[""] * len(REQUANTIZED), "", ""]
        cells.append(f"{chip.top1:.2f} % measured")
        rows.append((chip.energy_pj / 1e6, f"| {' | '.join(cells)} |"))
    lines += [line for _, line in sorted(rows, key=lambda row: row[0])]
    lines += ["", *_reading(found)]
    return "\n".join(lines) + "\n"


def _reading(found: Comparison) -> list[str]:
    preset = found.preset
    sixteen, shift = REQUANTIZED
    return [
        "How to read the columns:",
        "",
        f"- Energy is modelled ({preset.name}: {preset.summary}). Bold is under 1 µJ.",
        "- “energy, int8” is with 8-bit weights, or with 2 bits where the shipped weights are ternary; “energy, 2-bit "
        "weights” is with all weights at two bits, none of them zero.",
        f"- The model's largest memory on the chip has {preset.kilobytes[-1]:,.0f} kB. Weights that take more are read "
        "from DRAM, which costs far more energy; activations likewise.",
        "- After each sum the result is brought back to 8 bits, by a multiplication of 32 bits. The two columns after "
        f"the memory's share say what it would be by a multiplication of 16 bits (preset {sixteen}), and by a shift "
        f"alone (preset {shift}). A network must be lowered, or trained, for these.",
        "- “1 pJ a MAC” is the estimate of the project's early notes: thop_2020 MACs, and no memory.",
        "- The two chips were measured by others. The binary networks stand here at 8 and 2 bits, as all the others, "
        "not at their 1 bit.",
        "- Top-1: “ours” is that of the integer program of the shipped weights, whose energy this is. “published” is "
        "what others report for the network as they trained it. None was measured with weights at two bits.",
    ]


def _microjoule(pj: float) -> str:
    return f"**{pj / 1e6:,.2f} µJ**" if pj < BUDGET_PJ else f"{pj / 1e6:,.2f} µJ"
