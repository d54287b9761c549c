"""`microbotnet show`: what is inside a checkpoint, and what it looks at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ..errors import BadInput
from .checkpoint import SUBJECT, Checkpoint, InputShape, Labels, Mean, Std
from .checkpoint import Weights as StateDict
from .output import Json, print_json, stdout

if TYPE_CHECKING:
    from ..show.weights import Weights

app = typer.Typer(name="show", help="Show what is inside a checkpoint, and what it looks at.", no_args_is_help=True)


@app.callback()
def show() -> None:
    """Show what is inside a checkpoint, and what it looks at."""


@app.command()
def weights(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help=SUBJECT)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also draw histograms and ternary maps, an .svg file.")
    ] = None,
    weights: StateDict = None,
    input_shape: InputShape = None,
    json: Json = False,
) -> None:
    """List the weights of every layer: signs of ternary kernels, the spread of the others; and draw them."""
    from ..show.weights import weights_of, write_weights
    from ..sources import Given

    found = weights_of(checkpoint, Given.of(weights=weights, input_shape=input_shape))
    if output is not None:
        write_weights(found, output)
    if json:
        print_json({"checkpoint": checkpoint, **found.to_json(), "picture": str(output) if output else None})
        return
    stdout.print(_table(found))
    sums = found.to_json()
    ternary = sums["ternary"]
    stdout.print(
        f"{ternary['layers']} ternary layers: {ternary['positive']:,} of +, {ternary['zero']:,} of 0, "
        f"{ternary['negative']:,} of −; {sums['not_ternary']:,} of {found.parameters:,} parameters are not ternary",
        soft_wrap=True,
    )
    if output is not None:
        stdout.print(f"picture: {output}", markup=False, soft_wrap=True)


@app.command("map")
def activation_map(
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="A picture, or - for standard input.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The picture as the network sees it and the map on it, a .png file.")
    ],
    label: Annotated[str | None, typer.Option(help="The class to explain.", show_default="the likeliest")] = None,
    checkpoint: Checkpoint = None,
    weights: StateDict = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    json: Json = False,
) -> None:
    """Show where in a picture the answer comes from: a class activation map."""
    from ..atomic import write_atomically
    from ..graph.trace import trace
    from ..inference import side_of
    from ..nets import input_shape_of
    from ..preprocessing import read_picture
    from ..show.activation_map import beside
    from ..show.activity import observe
    from ..sources import Given, float_network, tell_assumed
    from ..weights import DEFAULT

    if output.suffix.lower() != ".png":
        raise BadInput(f"{output}: the map is a picture; give a name that ends in .png")
    given = Given.of(weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    loaded = float_network(checkpoint or DEFAULT, given)
    tell_assumed(loaded, checkpoint or DEFAULT)
    shape = input_shape_of(loaded.card["architecture"])
    size, channels = side_of(shape, checkpoint or DEFAULT)
    if channels != 3:
        raise BadInput(f"{checkpoint}: takes grey pictures; maps are drawn for networks that see colours")
    data = loaded.card["data"]
    classes = list(data["classes"])
    if label is not None and label not in classes:
        raise BadInput(f"{label}: the network does not know this class; it knows: {', '.join(classes)}")
    pixels = read_picture(picture, size)
    number = classes.index(label) if label is not None else None
    seen = observe(loaded.model, trace(loaded.model, shape), pixels, data["mean"], data["std"], number)
    if seen.map is None:
        raise BadInput("a map needs a layer with rows and columns, and this network has none")
    write_atomically(output, beside(pixels, seen.map.values))
    named, share = classes[seen.map.label], float(seen.probabilities[seen.map.label])
    if json:
        found = {"label": named, "probability": round(share, 6), "method": seen.map.method}
        print_json({"picture": picture, **found, "map": str(output)})
        return
    stdout.print(f"{named} {100 * share:.1f} %: {seen.map.method}", markup=False, soft_wrap=True)
    stdout.print(f"map: {output}", markup=False, soft_wrap=True)


def _table(found: "Weights") -> Table:
    from ..graph.graph import times

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("kernel", overflow="fold")
    for name in ("shape", "weights", "+", "0", "−", "min", "max", "std"):
        table.add_column(name, justify="right")
    for kernel in found.kernels:
        values = kernel.values
        signs = [f"{count:,}" for count in kernel.counts] if kernel.ternary else [""] * 3
        spread = [f"{value:.3f}" for value in (values.min(), values.max(), values.std())]
        name = escape(kernel.name.removesuffix(".weight"))
        table.add_row(name, times(values.shape), f"{values.size:,}", *signs, *spread)
    return table
