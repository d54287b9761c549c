"""The weights of a checkpoint as pictures: a histogram of each float kernel, a map of each ternary one."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..atomic import write_atomically
from ..cost.memory import kernels_of
from ..errors import BadInput
from ..graph.graph import times
from ..integer.graph import graph_of
from ..sources import NOTHING, Given, open_network
from .svg import Drawing, text_width

COLUMNS, PANEL, TALL, MARGIN = 4, 262.0, 168.0, 24.0
PLOT_WIDE, PLOT_TALL = 226.0, 96.0
POSITIVE, NEGATIVE = (0x44, 0x77, 0xAA, 255), (0xDD, 0x77, 0x33, 255)  # kind0 and kind4 of the palette
BINS = 41


@dataclass(frozen=True)
class Kernel:
    """The weights of one convolution or linear, float32, outputs first."""

    name: str
    values: "np.ndarray[Any, np.dtype[np.float32]]"
    ternary: bool

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many are positive, zero, negative."""
        signs = np.sign(self.values)
        return int((signs > 0).sum()), int((signs == 0).sum()), int((signs < 0).sum())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        positive, zero, negative = self.counts
        found = {"name": self.name, "shape": list(self.values.shape), "ternary": self.ternary}
        spread = {"min": float(self.values.min()), "max": float(self.values.max()), "std": float(self.values.std())}
        return found | {"positive": positive, "zero": zero, "negative": negative} | spread


@dataclass(frozen=True)
class Weights:
    """All kernels of a network in running order, and how many learned values it has in all."""

    title: str
    kernels: tuple[Kernel, ...]
    parameters: int

    @property
    def ternary(self) -> tuple[Kernel, ...]:
        """The kernels of −n, 0 and +p."""
        return tuple(kernel for kernel in self.kernels if kernel.ternary)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `ternary` sums over the ternary kernels."""
        sums = [sum(column) for column in zip(*(kernel.counts for kernel in self.ternary), strict=True)] or [0, 0, 0]
        names = ("positive", "zero", "negative")
        ternary = {"layers": len(self.ternary), "weights": sum(sums), **dict(zip(names, sums, strict=True))}
        kernels = [kernel.to_json() for kernel in self.kernels]
        return {"parameters": self.parameters, "not_ternary": self.parameters - sum(sums), "ternary": ternary} | {
            "kernels": kernels
        }


def weights_of(name: str, given: Given = NOTHING) -> Weights:
    """The kernels of a network: a quantizer's values where it has one, a program's integers.

    Raises:
        BadInput: as `open_network`.
    """
    from ..importers.imported import Imported

    opened = open_network(name, given)
    if isinstance(opened, Imported):
        kernels = [
            Kernel(op.name, values.astype(np.float32), bool((np.abs(values.astype(np.int16)) <= 1).all()))
            for op in opened.program.operators
            if isinstance(values := getattr(op, "weights", None), np.ndarray)
        ]
        parameters = graph_of(opened.program).parameter_count
        return Weights(f"{Path(name).name} · integers", tuple(kernels), parameters)
    from torch import Tensor

    from ..graph.trace import trace
    from ..nets import input_shape_of

    made, model = opened.card["architecture"], opened.model
    graph = trace(model, input_shape_of(made))
    kernels = []
    for kernel in kernels_of(graph):
        path, _, key = kernel.name.rpartition(".")
        value = getattr(model.get_submodule(path), key)
        assert isinstance(value, Tensor)
        kernels.append(Kernel(kernel.name, value.detach().float().numpy(), kernel.ternary))
    title = f"{Path(name).name} · {made['name']} ×{made['width']:.2f}"
    return Weights(title, tuple(kernels), graph.parameter_count)


def write_weights(found: Weights, path: Path) -> None:
    """Draw them into an .svg file.

    Raises:
        BadInput: another suffix.
    """
    if path.suffix.lower() != ".svg":
        raise BadInput(f"{path}: the picture is written as SVG; give a name that ends in .svg")
    write_atomically(path, draw_weights(found).encode())


def draw_weights(found: Weights, *, inline: bool = False) -> str:
    """All kernels as a sheet of small pictures."""
    draw = Drawing()
    draw.text(MARGIN, 30, f"{found.title} · {found.parameters:,} parameters", size=15, css="ink bold")
    x = MARGIN
    for css, words in (("kind0", "+"), ("kind4", "−"), ("others", "histogram of float weights")):
        draw.rect(x, 42, 12, 11, css, radius=2)
        draw.text(x + 18, 51, words, size=10, css="soft")
        x += text_width(words, 10) + 36
    words = "maps: a cell for each weight, one side the outputs, the other the inputs; the shorter stands upright"
    draw.text(x, 51, words, size=10, css="soft")
    for index, kernel in enumerate(found.kernels):
        left, top = MARGIN + index % COLUMNS * PANEL, 74 + index // COLUMNS * TALL
        draw.open(f"{kernel.name} {times(kernel.values.shape)}")
        draw.rect(left, top, PANEL - 12, TALL - 12, "panel rule", radius=6)
        draw.text(left + 12, top + 18, kernel.name, size=10, css="ink bold")
        (_map if kernel.ternary else _histogram)(draw, kernel, left + 12, top + 46)
        draw.close()
    height = 74 + -(-len(found.kernels) // COLUMNS) * TALL + 8
    return draw.svg(2 * MARGIN + COLUMNS * PANEL - 12, height, found.title, inline=inline)


def _map(draw: Drawing, kernel: Kernel, x: float, y: float) -> None:
    positive, zero, negative = kernel.counts
    text = f"{times(kernel.values.shape)} · {positive:,} of + · {zero:,} of 0 · {negative:,} of −"
    draw.text(x, y - 12, text, size=9.5, css="soft")
    grid = kernel.values.reshape(kernel.values.shape[0], -1)
    grid = grid.T if grid.shape[0] > grid.shape[1] else grid
    pixels = np.zeros((*grid.shape, 4), np.uint8)
    pixels[grid > 0], pixels[grid < 0] = POSITIVE, NEGATIVE
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG", optimize=True)
    cell = min(PLOT_WIDE / grid.shape[1], PLOT_TALL / grid.shape[0], 8)
    wide, tall = cell * grid.shape[1], cell * grid.shape[0]
    draw.rect(x, y, wide, tall, "paper")
    draw.image(x, y, wide, tall, file.getvalue())
    draw.rect(x, y, wide, tall, "outline edge thin")


def _histogram(draw: Drawing, kernel: Kernel, x: float, y: float) -> None:
    values = kernel.values.ravel()
    draw.text(x, y - 12, f"{times(kernel.values.shape)} · std {values.std():.3g}", size=9.5, css="soft")
    reach = float(np.abs(values).max()) or 1.0
    counts, _ = np.histogram(values, BINS, (-reach, reach))
    bottom, wide = y + PLOT_TALL - 12, PLOT_WIDE / BINS
    for index, count in enumerate(counts):
        tall = float(count / counts.max()) * (PLOT_TALL - 16)
        if count:
            draw.rect(x + index * wide, bottom - tall, wide - 0.6, tall, "others")
    draw.line([(x, bottom), (x + PLOT_WIDE, bottom)], "wire thin")
    for where, value, anchor in ((x, -reach, "start"), (x + PLOT_WIDE / 2, 0, "middle"), (x + PLOT_WIDE, reach, "end")):
        draw.text(where, bottom + 12, f"{value:.2g}".replace("-", "−"), size=9, css="soft", anchor=anchor)
