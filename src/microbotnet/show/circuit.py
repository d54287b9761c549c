"""Pictures of a circuit: its floor, its energy layer by layer, and some cycles of a pass."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .svg import Drawing, text_width

Box = tuple[float, float, float, float]  # left, top, width, height
ITEM_CSS = {"logic": "kind0", "memory": "kind4", "clock": "kind2", "leakage": "kind3"}


def floor(blocks: Sequence[tuple[str, float, str, str]], title: str, note: str) -> str:
    """Blocks in proportion to their areas.

    Args:
        blocks: name, area in µm², class of the colour, what to say under the name.
        note: a line under the title.
    """
    draw, width, height = Drawing(), 760.0, 430.0
    draw.text(16, 24, title, size=14, css="ink bold")
    draw.text(16, 42, note, size=10, css="soft")
    ordered = sorted(blocks, key=lambda block: -block[1])
    for (name, area, css, words), (x, y, wide, high) in zip(
        ordered, _tiled([block[1] for block in ordered], (16, 56, width - 32, height - 72)), strict=True
    ):
        draw.open(f"{name}: {area / 1e6:.4f} mm², {words}")
        draw.rect(x + 1, y + 1, max(wide - 2, 0.5), max(high - 2, 0.5), css, radius=2)
        for line, (text, size) in enumerate(((name, 12.0), (f"{area / 1e6:.3f} mm²", 10.0), (words, 10.0))):
            if text_width(text, size) < wide - 12 and 18 + 15 * line < high - 4:
                draw.text(x + 8, y + 18 + 15 * line, text, size=size, css="ink bold" if not line else "ink")
        draw.close()
    return draw.svg(width, height, title)


def _tiled(areas: Sequence[float], box: Box) -> list[Box]:
    """Boxes that fill `box` in proportion to `areas`, largest first: halves that are as equal as can be, and so on."""
    if len(areas) == 1:
        return [box]
    sums = np.cumsum(areas)
    half = int(np.abs(sums[:-1] - sums[-1] / 2).argmin()) + 1
    share = float(sums[half - 1] / sums[-1])
    x, y, width, height = box
    if width > height:
        first, second = (x, y, width * share, height), (x + width * share, y, width * (1 - share), height)
    else:
        first, second = (x, y, width, height * share), (x, y + height * share, width, height * (1 - share))
    return [*_tiled(areas[:half], first), *_tiled(areas[half:], second)]


def layers(found: Sequence[tuple[str, Mapping[str, float], float]], title: str) -> str:
    """Of each layer a stacked bar of the circuit's items, and beside it the model's.

    Args:
        found: name, joules of each item, joules that the energy model has for it (0 for none).
    """
    draw, width, height = Drawing(), 760.0, 260.0
    left, right, top, bottom = 52.0, width - 16, 54.0, height - 44
    most = max(max(sum(items.values()), model) for _, items, model in found) or 1.0
    draw.text(16, 22, title, size=13, css="ink bold")
    draw.text(
        16, 40, "nJ a layer, in running order: the circuit, simulated before layout, and the energy model", css="soft"
    )
    step = _step(most * 1e9 / 4)
    for tick in range(int(most * 1e9 / step) + 1):
        y = bottom - tick * step / (most * 1e9) * (bottom - top)
        draw.line([(left, y), (right, y)], "rule")
        draw.text(left - 6, y + 3.5, f"{tick * step:g}", css="soft", anchor="end")
    pitch = (right - left) / len(found)
    wide = pitch * 0.4
    for index, (name, items, model) in enumerate(found):
        draw.open(f"{name}: " + ", ".join(f"{item} {value * 1e9:.3g} nJ" for item, value in items.items())
                  + f"; model {model * 1e9:.3g} nJ")  # fmt: skip
        y, x = bottom, left + index * pitch + pitch * 0.08
        for item, value in items.items():
            tall = value / most * (bottom - top)
            draw.rect(x, y - tall, wide, tall, ITEM_CSS[item])
            y -= tall
        tall = model / most * (bottom - top)
        draw.rect(x + wide + pitch * 0.04, bottom - tall, wide, tall, "others")
        draw.close()
    draw.line([(left, bottom), (right, bottom)], "wire")
    at = left
    for css, text in [*((css, item) for item, css in ITEM_CSS.items()), ("others", "energy model")]:
        draw.rect(at, bottom + 18, 10, 10, css)
        draw.text(at + 15, bottom + 27, text, css="soft")
        at += 34 + text_width(text, 10)
    return draw.svg(width, height, title)


def waves(levels: Sequence[tuple[str, NDArray[np.int64]]], numbers: Sequence[tuple[str, NDArray[np.int64]]],
          title: str) -> str:  # fmt: skip
    """Signals over cycles: levels of 0 and 1, and numbers, -1 where there is none."""
    cycles = len(levels[0][1])
    left, pitch, high, top = 128.0, max(620 / cycles, 8), 15.0, 54.0
    draw, width = Drawing(), 128 + max(620 / cycles, 8) * cycles + 16
    draw.text(16, 24, title, size=14, css="ink bold")
    y = top
    for name, values in levels:
        draw.text(left - 8, y + high - 3, name, css="ink", anchor="end")
        points: list[tuple[float, float]] = []
        for cycle, value in enumerate(values):
            edge = y + (0 if value else high - 3)
            points += [(left + cycle * pitch, edge), (left + (cycle + 1) * pitch, edge)]
        draw.line(points, "ours-line")
        y += high + 7
    for name, values in numbers:
        draw.text(left - 8, y + high - 3, name, css="ink", anchor="end")
        begin = 0
        for cycle in range(1, cycles + 1):
            if cycle == cycles or values[cycle] != values[begin]:
                if values[begin] >= 0:
                    x, wide = left + begin * pitch, (cycle - begin) * pitch
                    draw.open(f"{name} {values[begin]}, cycles {begin} to {cycle - 1}")
                    draw.rect(x + 0.5, y, wide - 1, high - 2, "kind1", radius=2)
                    if text_width(str(values[begin]), 7) < wide:
                        draw.text(x + wide / 2, y + high - 5.5, str(values[begin]), size=7, css="ink", anchor="middle")
                    draw.close()
                begin = cycle
        y += high + 7
    for cycle in range(0, cycles, 8):
        draw.text(left + cycle * pitch, y + 8, str(cycle), size=8, css="soft")
    draw.text(left - 8, y + 8, "cycle", size=8, css="soft", anchor="end")
    return draw.svg(width, y + 20, title)


def _step(value: float) -> float:
    """The largest of 1, 2, 5, 10, … that is at most `value`, or the next smaller power."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(m * power for m in (1, 2, 5) if m * power <= value))
