"""What to draw: a network by name, or the one in a checkpoint; and its drawing as a file."""

from pathlib import Path
from typing import Any

from ..atomic import write_atomically
from ..cost.profile import Profile, profile
from ..errors import BadInput
from .colouring import Colouring, by_macs, by_precision
from .network import draw_network

COLOURINGS = {"macs": by_macs, "precision": by_precision}


def render_network(
    name: str | None,
    output: Path,
    *,
    width: float | None = None,
    input_size: int | None = None,
    classes: int | None = None,
    color: str = "macs",
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Write the drawing of a network to `output`.

    Args:
        name: a registered network; None takes that of `checkpoint`.
        output: an .svg file.
        width: multiplier of the channels; None is 1, or the checkpoint's.
        input_size: side of the picture; None is the paper's, or the checkpoint's.
        classes: outputs; None is 10, or the checkpoint's.
        color: "macs" or "precision".
        checkpoint: shipped weights or a file.

    Returns:
        What was drawn: file, title, parameters, macs, layers.

    Raises:
        BadInput: neither or contradicting networks; another suffix than .svg.
    """
    if output.suffix.lower() != ".svg":
        raise BadInput(f"{output}: the picture is written as SVG; give a name that ends in .svg")
    found, title = profiled(name, width=width, input_size=input_size, classes=classes, checkpoint=checkpoint)
    colouring: Colouring = COLOURINGS[color](found)
    write_atomically(output, draw_network(found.graph, colouring, title).encode())
    return {
        "file": str(output),
        "title": title,
        "color": color,
        "parameters": found.parameters,
        "macs": found.macs,
        "layers": len(found.layers),
        "warnings": list(found.graph.warnings),
    }


def profiled(
    name: str | None,
    *,
    width: float | None = None,
    input_size: int | None = None,
    classes: int | None = None,
    checkpoint: str | None = None,
) -> tuple[Profile, str]:
    """The costs of a network, and a line that says which it is and how large.

    Raises:
        BadInput: neither a name nor a checkpoint, or they contradict each other.
    """
    from ..graph.trace import trace
    from ..nets import create_model, find_net

    if checkpoint is not None:
        from ..training.checkpoint import load_checkpoint

        asked = None
        if name is not None:
            size = find_net(name).input_size if input_size is None else input_size
            asked = {"name": name, "width": width or 1.0, "num_classes": classes or 10, "input_size": size}
        elif width is not None or input_size is not None or classes is not None:
            raise BadInput("a checkpoint knows its width, input size and classes; give NET too where it has no card")
        loaded = load_checkpoint(checkpoint, asked)
        made = loaded.card["architecture"]
        if asked and made != asked:
            words = ", ".join(f"{key} {value}" for key, value in made.items())
            raise BadInput(f"{checkpoint} holds another network: {words}; leave out NET and its options")
        model, size, label = loaded.model, made["input_size"], f"{made['name']} ×{made['width']:g}"
        label = f"{Path(checkpoint).name} · {label}"
    elif name is not None:
        net = find_net(name)
        size = net.input_size if input_size is None else input_size
        factor = 1.0 if width is None else width
        model = create_model(name, num_classes=10 if classes is None else classes, width=factor, input_size=size)
        label = f"{name} ×{factor:g}" if net.widths else name
    else:
        raise BadInput("which network? give a NET (`microbotnet nets` lists them) or --checkpoint")
    found = profile(trace(model, (3, size, size)))
    macs = found.macs["conv_linear"]
    return found, f"{label} · 3×{size}×{size} · {found.parameters:,} parameters · {macs:,} MACs (conv_linear)"
