"""The comparison as a page: one HTML file, no scripts, nothing fetched, light and dark, phone and desktop."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from ..atomic import write_atomically
from ..cost.describe import pixels
from ..cost.energy import BUDGET_PJ
from ..errors import BadInput
from .answer import energy_chart
from .charts import PARTS, Bar, Point, layer_bars, log_bars, scatter
from .colouring import by_macs
from .comparison import Comparison, Row, cells, one_bit_bytes
from .network import draw_network
from .svg import STYLE

SCUM_BYTES = 64 * 1024  # SCuM, the target chip, has so much SRAM for code, and as much for data

PAGE = """
body{margin:0;background:#fff;color:#1f2328;font:16px/1.5 Helvetica,Arial,'DejaVu Sans',sans-serif}
main{max-width:1380px;margin:0 auto;padding:16px}
h1{font-size:1.7rem;line-height:1.2;margin:.6em 0 .3em}h2{font-size:1.25rem;margin:2em 0 .5em}
p{max-width:46em}.soft{color:#57606a}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.79rem;white-space:nowrap}
th,td{text-align:right;padding:.3em .42em;border-bottom:1px solid #d0d7de}
th{vertical-align:bottom;font-weight:600}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:#fff}
td.published{color:#57606a}tr.under td:first-child{box-shadow:inset 3px 0 #0969da}
tr.measured td{color:#bc4c00}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:16px}
figure{margin:0;overflow-x:auto}figure svg{max-width:100%;height:auto;min-width:min(560px,170%)}
figure.drawing svg{max-width:none;min-width:0}
details{border:1px solid #d0d7de;border-radius:8px;margin:.6em 0;padding:.2em .8em}
summary{cursor:pointer;padding:.4em 0}
@media (prefers-color-scheme:dark){
body,th:first-child,td:first-child{background:#0d1117;color:#e6edf3}
.soft,td.published{color:#9aa4af}th,td{border-color:#30363d}details{border-color:#30363d}
tr.under td:first-child{box-shadow:inset 3px 0 #4d9fff}tr.measured td{color:#f0883e}
}
"""


def check_report_name(path: Path) -> None:
    """Refuse a name that no browser would open as a page."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"{path}: the report is a page; give a name that ends in .html")


def write_report(found: Comparison, path: Path) -> None:
    """Write the page to `path`.

    Raises:
        BadInput: the name does not end in .html.
    """
    check_report_name(path)
    write_atomically(path, report(found).encode())


def report(found: Comparison) -> str:
    """The page."""
    rows = found.small or found.rows
    parts = [
        "<!doctype html>",
        '<html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>microbotnet compare</title><style>{PAGE}{STYLE}</style>",
        "<main><h1>Can we classify under 1 µJ?</h1>",
        f"<p>{_answer(found)}</p>",
        f'<p class="soft">Energy is modelled with the preset <b>{escape(found.preset.name)}</b> '
        f"({escape(found.preset.summary)}), int8, and once more with all kernels at 2 bits and none of them zero. "
        "The two chips are measured, as published. MACs: conv_linear counts convolutions and linears, thop_2020 is "
        "what the notes quote. Memory: the peak of live int8 activations in the best order; kB are 1,024 bytes. "
        "= means that our count is the published one. The model's largest memory on the chip has "
        f"{found.preset.kilobytes[-1]:,.0f} kB; weights or activations that take more are read from DRAM. "
        "Top-1 is on CIFAR-10: ours is that of the shipped weights as they are stored, published what others report "
        "for the network as they trained it.</p>",
        "<h2>The table</h2>",
        _table(found),
        "<h2>Energy</h2>",
        _figure(energy_chart(found, inline=True)),
        "<h2>Accuracy</h2>",
        '<div class="charts">',
        *(_figure(chart) for chart in accuracy_charts(found)),
        "</div>",
        "<h2>Memory</h2>",
        _figure(memory_chart(rows)),
        "<h2>Layer by layer</h2>",
        *(_details(row) for row in (*found.small, *found.large)),
        "</main></html>",
    ]
    return "\n".join(parts) + "\n"


def accuracy_charts(found: Comparison) -> list[str]:
    """Accuracy against MACs, and against energy with the measured chips; none where no accuracy is known."""
    known = [(row, row.cifar10) for row in found.small]
    points = [(row, top1) for row, top1 in known if top1]
    if not points:
        return []
    css = {"ours": "ours", "published": "others"}
    macs = [Point(r.network.label, r.network.profile.macs["conv_linear"], t[0], css[t[1]]) for r, t in points]
    energy = [
        Point(r.network.label, r.network.profile.energy.total / 1e6, t[0], css[t[1]])
        for r, t in points
        if not _published_on_silicon(r)
    ]
    energy += [Point(chip.name, chip.energy_pj / 1e6, chip.top1, "silicon") for chip in found.silicon]
    y = "top-1 on CIFAR-10, %"
    return [
        scatter(macs, "Accuracy against MACs", "MACs (conv_linear)", y, inline=True),
        scatter(energy, "Accuracy against energy", "µJ a picture", y, limit=(1.0, "1 µJ"), inline=True),
    ]


def memory_chart(rows: tuple[Row, ...]) -> str:
    """Weights and live activations of each network against the 64 kB that SCuM has for each."""
    bars = []
    for row in rows:
        memory = row.network.profile.memory
        sizes = memory.weight_bytes["int8"], memory.weight_bytes["ternary_2bit"], memory.peak_activation_bytes
        fits = "fits" if memory.peak_activation_bytes <= SCUM_BYTES else "data too large"
        if fits == "fits" and sizes[0] > SCUM_BYTES:
            fits = "fits at 2 bits" if sizes[1] <= SCUM_BYTES else "weights too large"
        segments = tuple((size / 1024, css) for size, css in zip(sizes, ("kind4", "kind3", "kind2"), strict=True))
        bars.append(Bar(row.network.label, segments, fits))
    keys = [("kind4", "weights at int8"), ("kind3", "weights at 2 bits"), ("kind2", "activations at int8, peak")]
    return log_bars(
        bars,
        "Memory against SCuM's 64 kB of code and 64 kB of data",
        "kB of 1,024 bytes; code of the program itself not counted",
        keys,
        limit=(64, "64 kB"),
        inline=True,
    )


def _published_on_silicon(row: Row) -> bool:
    """Its accuracy belongs to one-bit arithmetic on the chip that has its own point."""
    return row.network.name == "binarynet-chip"


def _answer(found: Comparison) -> str:
    int8 = _under(found, lambda row: row.network.profile.energy.total)
    two_bit = _under(found, lambda row: row.two_bit_pj)
    return f"By this model 1 µJ holds, with int8 weights, for {int8}; with weights at 2 bits for {two_bit}."


def _under(found: Comparison, energy: Callable[[Row], float]) -> str:
    rows = sorted(found.rows, key=energy)
    under = [row for row in rows if energy(row) < BUDGET_PJ]
    if not under:
        return f"none of {len(rows)} (the least is {escape(rows[0].network.label)}, {energy(rows[0]) / 1e6:.2f} µJ)"
    names = (f"{escape(row.network.label)} {energy(row) / 1e6:.2f} µJ" for row in under)
    return f"{len(under)} of {len(rows)} ({', '.join(names)})"


def _figure(svg: str, css: str = "") -> str:
    return f'<figure class="{css}">{svg}</figure>' if css else f"<figure>{svg}</figure>"


def _table(found: Comparison) -> str:
    headers = ["network", "input →<br>classes", "parameters", "published", "MACs<br>conv_linear", "published"]
    headers += ["MACs<br>thop_2020", "published", "weights<br>int8, kB", "<br>2 bits, kB", "activations<br>peak, kB"]
    headers += ["energy<br>int8, µJ", "of it<br>memory", "2-bit weights<br>µJ", "top-1 %<br>ours", "<br>published"]
    lines = ["<tr>" + "".join(f"<th>{header}</th>" for header in headers) + "</tr>"]
    for row in (*found.small, *found.large):
        energy = row.network.profile.energy
        texts = [escape(text) for text in cells(row)]
        texts.insert(12, f"{energy.memory_share:.0%}")
        marked = (
            f'<td class="published">{c}</td>' if i in (3, 5, 7, 15) else f"<td>{c}</td>" for i, c in enumerate(texts)
        )
        css = ' class="under"' if min(energy.total, row.two_bit_pj) < BUDGET_PJ else ""
        lines.append(f"<tr{css}>{''.join(marked)}</tr>")
    for chip in found.silicon:
        texts = [f"{escape(chip.name)}, {chip.node_nm:g} nm, measured", *[""] * 10, f"{chip.energy_pj / 1e6:.2f}"]
        body = "".join(f"<td>{cell}</td>" for cell in [*texts, "", "", "", f"{chip.top1:.2f}"])
        lines.append(f'<tr class="measured" title="{escape(chip.source)}">{body}</tr>')
    known = [(row, row.published.weights) for row in found.rows if row.published and row.published.weights]
    sizes = (f"{escape(r.network.label)} {escape(text)}{_one_bit(r) if '1 bit' in text else ''}" for r, text in known)
    note = f'<p class="soft">Weights as published: {"; ".join(sizes)}.</p>' if known else ""
    return '<div class="wide"><table>' + "\n".join(lines) + f"</table></div>{note}"


def _one_bit(row: Row) -> str:
    kilobytes = one_bit_bytes(row.network) / 1024
    return f" (ours: {kilobytes:,.1f} kB)" if kilobytes < 1000 else f" (ours: {kilobytes / 1024:,.2f} MB)"


def _details(row: Row) -> str:
    costs = row.network.profile
    layers = [(layer.step.name, {part: layer.energy_pj[part] for part in PARTS}) for layer in costs.layers]
    chart = layer_bars(layers, f"Energy by layer: {costs.energy.total / 1e6:,.2f} µJ", inline=True)
    drawing = draw_network(costs.graph, by_macs(costs), row.network.title, inline=True)
    return (
        f"<details><summary>{escape(row.network.label)}, {pixels(row.network.input_shape)}: "
        f"{costs.energy.total / 1e6:,.2f} µJ</summary>{_figure(chart)}{_figure(drawing, 'drawing')}</details>"
    )
