"""A network's drawing as a file."""

from pathlib import Path
from typing import Any

from ..atomic import write_atomically
from ..cost.preset import Preset
from ..errors import BadInput
from ..sources import NOTHING, Given
from .colouring import COLOURINGS
from .network import draw_network
from .profiled import named


def render_network(
    name: str | None,
    output: Path,
    *,
    width: float | None = None,
    input_size: int | None = None,
    classes: int | None = None,
    color: str = "macs",
    checkpoint: str | None = None,
    given: Given = NOTHING,
    preset: Preset | str = "horowitz-45nm",
) -> dict[str, Any]:
    """Write the drawing of a network to `output`.

    Args:
        name, checkpoint, width, input_size, classes, given: which network; see `named`.
        output: an .svg file.
        color: "macs", "energy" or "precision".
        preset: the energy model.

    Returns:
        What was drawn: file, title, parameters, macs, layers.

    Raises:
        BadInput: neither or contradicting networks; another suffix than .svg.
    """
    if output.suffix.lower() != ".svg":
        raise BadInput(f"{output}: the picture is written as SVG; give a name that ends in .svg")
    network = named(name, checkpoint, given=given, width=width, input_size=input_size, classes=classes, preset=preset)
    found = network.profile
    write_atomically(output, draw_network(found.graph, COLOURINGS[color](found), network.title).encode())
    return {
        "file": str(output),
        "title": network.title,
        "color": color,
        "parameters": found.parameters,
        "macs": found.macs,
        "layers": len(found.layers),
        "warnings": list(found.graph.warnings),
    }
