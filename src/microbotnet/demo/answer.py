"""What the page shows of one picture, as HTML."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..cost.energy import BUDGET_PJ
from ..graph.steps import fuse
from ..preprocessing import Pixels, read_picture
from ..show.activation_map import enlarged, overlay
from ..show.activity import Activity
from ..show.colouring import Colouring
from ..show.network import draw_network
from ..show.svg import STYLE
from .networks import Network

if TYPE_CHECKING:
    from ..mcu.firmware import Run

SIDE = 224  # of the pictures on the page, in pixels
TOP = 5
ROW = 1160.0  # pixels after which the drawing begins a new row; searching for the best takes longer than all else

CSS = (
    """
.mbn{color:var(--body-text-color);line-height:1.4}
.mbn h3{font-size:1.02rem;margin:0 0 .5em;font-weight:600}
.mbn .quiet{opacity:.72;font-size:.86rem}
.mbn .class{display:grid;grid-template-columns:minmax(6.2em,auto) 1fr 5em;align-items:center;gap:10px;margin:.32em 0}
.mbn .class.first{font-weight:600}
.mbn .class .track{background:var(--border-color-primary);border-radius:5px;height:13px;overflow:hidden}
.mbn .class .track i{display:block;height:100%;background:#0969da;border-radius:5px}
.mbn .class span:last-child{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.mbn .pair{display:grid;grid-template-columns:1fr 1fr;gap:12px;max-width:480px;margin:1.1em 0 .3em}
.mbn .pair img{width:100%;aspect-ratio:1;border-radius:8px;display:block}
.mbn .tiles{display:flex;flex-wrap:wrap;gap:10px;margin:1.1em 0 .3em}
.mbn .tile{flex:1 1 max(130px,30%);border:1px solid var(--border-color-primary);border-radius:8px;padding:8px 12px}
.mbn .tile b{display:block;font-size:1.18rem;font-variant-numeric:tabular-nums}
.mbn .tile.under b{color:#1a7f37}
.dark .mbn .tile.under b{color:#3fb950}
.mbn .drawing{overflow-x:auto;contain:inline-size;padding-bottom:6px}
.mbn .drawing svg{width:100%;min-width:800px;height:auto;display:block}
.mbn .complaint,.mbn .note{border-left:4px solid #cf222e;padding:.5em 1em;font-size:1.02rem}
.mbn .note{border-color:#0969da}
.mbn .drawing{"""
    + STYLE.replace("svg{", "& svg{", 1)
    + "}"
)

_one = Lock()  # watching a network is for one picture at a time


@dataclass(frozen=True)
class Answer:
    """The page's two parts: what is in the picture and what it cost, and the network's drawing."""

    summary: str
    drawing: str


def answer(file: str, network: Network) -> Answer:
    """Classify the picture in `file` and show everything of it.

    Raises:
        BadInput: it is no picture.
    """
    picture = read_picture(file, network.size)
    with _one:
        start = perf_counter()
        seen = network.observe(picture)
        seconds = perf_counter() - start
        ran = network.firmware.run(picture[None]) if network.firmware else None
    if ran is None:
        said, costs = _classes(network, seen), _costs(network, seconds)
    else:
        said, costs = _scores(network, ran), _counts(ran)
    summary = said + _pictures(network, picture, seen) + costs
    return Answer(_page(summary), _page(_drawing(network, seen)))


def complaint(message: str) -> Answer:
    """What is shown in place of an answer."""
    return Answer(_page(f'<div class="complaint">{escape(message)}</div>'), "")


def note(message: str) -> str:
    """A summary that says what to do, or what is being done."""
    return _page(f'<div class="note">{escape(message)}</div>')


def _page(content: str) -> str:
    return f'<div class="mbn">{content}</div>'


def _classes(network: Network, seen: Activity) -> str:
    percents = [100 * float(p) for p in seen.probabilities]
    return _ranking(network, "What is in it", percents, [f"{percent:.1f} %" for percent in percents], percents)


def _scores(network: Network, ran: "Run") -> str:
    """The integers that the firmware wrote; the bars begin at the least of them."""
    scores = [int(score) for score in ran.execution.scores[0]]
    span = max(max(scores) - min(scores), 1)
    widths = [100 * (score - min(scores)) / span for score in scores]
    words = [f"{score:,}".replace("-", "−") for score in scores]
    return _ranking(network, "What the emulated Cortex-M0 says, in its integers", scores, words, widths)


def _ranking(
    network: Network, title: str, values: Sequence[float], words: Sequence[str], widths: Sequence[float]
) -> str:
    """The classes of the largest values, with words and bars (widths in percent)."""
    rows = []
    for place, index in enumerate(np.argsort(-np.asarray(values), kind="stable")[:TOP]):
        name = escape(network.classes[index].replace("_", " "))
        css = "class first" if place == 0 else "class"
        bar = f'<span class="track"><i style="width:{max(widths[index], 0.6):.1f}%"></i></span>'
        rows.append(f'<div class="{css}"><span>{name}</span>{bar}<span>{words[index]}</span></div>')
    return f"<h3>{title}</h3>" + "".join(rows)


def _pictures(network: Network, picture: Pixels, seen: Activity) -> str:
    file = BytesIO()
    Image.fromarray(enlarged(picture, SIDE)).save(
        file, "PNG", compress_level=1
    )  # quick; it goes no farther than the browser
    images = _img(file.getvalue(), f"what the network sees: {network.size}×{network.size} pixels")
    words = f"What the network sees, {network.size}×{network.size} pixels"
    if seen.map is not None:
        label = escape(network.classes[seen.map.label].replace("_", " "))
        images += _img(overlay(picture, seen.map.values, SIDE), f"where {label} comes from")
        words += f", and where “{label}” comes from ({escape(seen.map.method)})"
    return f'<div class="pair">{images}</div><div class="quiet">{words}.</div>'


def _img(png: bytes, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{b64encode(png).decode()}">'


def _costs(network: Network, seconds: float) -> str:
    costs = network.costs
    macs, energy = costs.macs["conv_linear"], costs.energy
    skipped = macs - costs.effective_macs
    bits = [kernel.ternary for step in fuse(costs.graph) for kernel in step.head.parameters if kernel.role == "weight"]
    weights = costs.memory.weight_bytes["int8"] if not any(bits) else energy.weight_memory_bytes
    tiles = [
        (f"{macs:,}", f"MACs, {skipped:,} of them by a weight of zero" if skipped else "MACs (conv_linear)", ""),
        (f"{weights / 1024:,.1f} kB", "weights, 2 bits where ternary" if any(bits) else "weights at int8", ""),
        (f"{costs.memory.peak_activation_bytes / 1024:,.1f} kB", "activations at int8, peak", ""),
        (
            f"{energy.total / 1e6:,.2f} µJ",
            f"modelled, {escape(energy.preset.name)}; the goal is 1 µJ",
            "under" if energy.total < BUDGET_PJ else "",
        ),
        (f"{1000 * seconds:,.0f} ms", "on this computer, in PyTorch, map included", ""),
    ]
    return _tiles(tiles)


def _counts(ran: "Run") -> str:
    """What the emulated core did for this picture."""
    board, image = ran.firmware.board, ran.firmware.image
    clock = f"{board.clock_hz / 1e6:g} MHz"
    equal = ("equal", "to the integer interpreter's scores, bit for bit", "under")
    return _tiles([
        (f"{ran.instructions[0]:,}", f"instructions for this picture on {escape(board.core)}, counted", ""),
        (f"{ran.seconds:,.2f} s", f"at {clock}, by the cycle model", ""),
        (f"{(image.code_bytes + image.constant_bytes) / 1024:,.1f} kB", "code and constants", ""),
        (f"{(image.ram_bytes + ran.execution.stack_bytes) / 1024:,.1f} kB", "RAM, stack included", ""),
        equal if ran.bit_exact else ("not equal", "to the integer interpreter: a fault of microbotnet", ""),
    ])  # fmt: skip


def _tiles(tiles: Sequence[tuple[str, str, str]]) -> str:
    """Boxes of a value, what it is, and their class."""
    shown = (
        f'<div class="tile {css}"><b>{value}</b><span class="quiet">{words}</span></div>' for value, words, css in tiles
    )
    return f'<div class="tiles">{"".join(shown)}</div>'


def _drawing(network: Network, seen: Activity) -> str:
    colouring = Colouring("activity: mean |output| of the layer, for this picture", seen.layers, ratio=100)
    svg = draw_network(network.costs.graph, colouring, network.name, row_width=ROW, inline=True)
    return f'<h3>The network, lit by this picture</h3><div class="drawing">{svg}</div>'
