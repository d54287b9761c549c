"""Functions of one variable, drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np

from .svg import Drawing, text_width

Function = Callable[["np.ndarray[Any, np.dtype[np.float64]]"], "np.ndarray[Any, np.dtype[np.float64]]"]
COLOURS = (("ours-line", "ours"), ("gate", "gate-tip"), ("skip dashes", "skip-tip"))


@dataclass(frozen=True)
class Curve:
    """A function and its name."""

    label: str
    function: Function


def draw_curves(curves: Sequence[Curve], title: str, span: tuple[float, float]) -> str:
    """The curves over `span`, on equal scales of x and y."""
    x = np.linspace(*span, 241)
    ys = [curve.function(x) for curve in curves]
    low, high = floor(min(y.min() for y in ys)), ceil(max(y.max() for y in ys))
    unit = 420 / (span[1] - span[0])
    left, top = 44.0, 56.0
    right, bottom = left + 420, top + (high - low) * unit

    draw = Drawing()
    draw.text(16, 26, title, size=14, css="ink bold")
    for value in range(ceil(span[0]), floor(span[1]) + 1):
        at = left + (value - span[0]) * unit
        draw.line([(at, top), (at, bottom)], "rule" if value else "wire")
        if value % 2 == 0:
            draw.text(at, bottom + 14, f"{value}".replace("-", "−"), size=10, css="soft", anchor="middle")
    for value in range(low, high + 1):
        at = bottom - (value - low) * unit
        draw.line([(left, at), (right, at)], "rule" if value else "wire")
        if value % 2 == 0:
            draw.text(left - 6, at + 3.5, f"{value}".replace("-", "−"), size=10, css="soft", anchor="end")
    key = left
    for curve, y, (line, fill) in zip(curves, ys, COLOURS, strict=False):
        draw.line([(left + (a - span[0]) * unit, bottom - (b - low) * unit) for a, b in zip(x, y, strict=True)], line)
        draw.rect(key, bottom + 26, 12, 10, fill, radius=2)
        draw.text(key + 18, bottom + 35, curve.label, size=11)
        key += text_width(curve.label, 11) + 36
    return draw.svg(right + 20, bottom + 50, title)
