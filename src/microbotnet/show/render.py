"""A network's drawing as a file."""

from pathlib import Path
from typing import Any

from ..atomic import write_atomically
from ..cost.preset import Preset
from ..errors import BadInput
from ..sources import NOTHING, Given, is_outside
from .colouring import COLOURINGS
from .network import draw_network
from .profiled import outside, trained, untrained


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
        name: a registered network; None takes that of `checkpoint`.
        output: an .svg file.
        width: multiplier of the channels; None is 1, or the checkpoint's.
        input_size: side of the picture; None is the paper's, or the checkpoint's.
        classes: outputs; None is 10, or the checkpoint's.
        color: "macs", "energy" or "precision".
        checkpoint: shipped weights, a checkpoint's file, or a network from outside (see `sources`).
        given: what a file from outside cannot say.
        preset: the energy model.

    Returns:
        What was drawn: file, title, parameters, macs, layers.

    Raises:
        BadInput: neither or contradicting networks; another suffix than .svg.
    """
    if output.suffix.lower() != ".svg":
        raise BadInput(f"{output}: the picture is written as SVG; give a name that ends in .svg")
    options = {"width": width, "input_size": input_size, "classes": classes}
    file = next((word for word in (name, checkpoint) if word is not None and is_outside(word)), None)
    if file is not None:
        if None not in (name, checkpoint) or width is not None or classes is not None:
            raise BadInput(f"{file}: is a network itself; leave out NET, --width and --classes")
        network = outside(file, given, preset)
    elif given != NOTHING:
        raise BadInput("--weights and --input-shape are for my_net.py:Net, a .pt2 or an .onnx")
    elif checkpoint is not None:
        network = trained(checkpoint, name, **options, preset=preset)  # type: ignore[arg-type]
    elif name is not None:
        network = untrained(name, **options, preset=preset)  # type: ignore[arg-type]
    else:
        raise BadInput("which network? give a NET (`microbotnet nets` lists them) or --checkpoint")
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
