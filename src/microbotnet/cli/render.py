"""`microbotnet render`: a network as a picture."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from .checkpoint import SUBJECT, InputShape, Weights
from .output import Json, print_json, stderr, stdout


class Color(StrEnum):
    """What colour can show."""

    macs = "macs"
    energy = "energy"
    precision = "precision"


def render(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NET|FILE",
            help="A network of `microbotnet nets`, or a design's file; weights in a file; a .pt2, .onnx, .tflite or "
            ".program; my_net.py:Net. For shipped weights give --checkpoint instead.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture, an .svg file.")] = Path("net.svg"),
    width: Annotated[float | None, typer.Option(help="Multiplier of the channel counts.", show_default="1")] = None,
    input_size: Annotated[
        int | None, typer.Option(help="Side of the picture in pixels; the paper's if left out.")
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Outputs of the classifier.", show_default="10")] = None,
    color: Annotated[Color, typer.Option(help="What the colours show.")] = Color.macs,
    checkpoint: Annotated[str | None, typer.Option(help=f"Draw a trained network. {SUBJECT}")] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    energy: Annotated[
        str, typer.Option(metavar="PRESET|FILE.toml", help="Energy model: horowitz-45nm, notes, or your own file.")
    ] = "horowitz-45nm",
    json: Json = False,
) -> None:
    """Draw a network the way papers do: volumes in proportion, shapes on the wires, gates and shortcuts."""
    from ..show.render import render_network
    from ..sources import Given

    drawn = render_network(
        name,
        output,
        width=width,
        input_size=input_size,
        classes=classes,
        color=color.value,
        checkpoint=checkpoint,
        given=Given.of(weights=weights, input_shape=input_shape),
        preset=energy,
    )
    for warning in drawn["warnings"]:
        stderr.print(f"microbotnet: {escape(warning)}", soft_wrap=True)
    if json:
        print_json(drawn)
    else:
        stdout.print(f"{output}: {drawn['title']}", markup=False, soft_wrap=True)
