"""`microbotnet show`: what is inside a checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from .output import Json, print_json, stdout

if TYPE_CHECKING:
    from ..show.weights import Weights

app = typer.Typer(name="show", help="Show what is inside a checkpoint.", no_args_is_help=True)


@app.callback()
def show() -> None:
    """Show what is inside a checkpoint."""


@app.command()
def weights(
    checkpoint: Annotated[str, typer.Argument(help="A name of `microbotnet weights` or a file.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also draw histograms and ternary maps, an .svg file.")
    ] = None,
    json: Json = False,
) -> None:
    """List the weights of every layer: signs of ternary kernels, the spread of the others; and draw them."""
    from ..show.weights import weights_of, write_weights

    found = weights_of(checkpoint)
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


def _table(found: "Weights") -> Table:
    from ..cost.words import times

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("kernel", overflow="fold")
    for name in ("shape", "weights", "+", "0", "−", "min", "max", "std"):
        table.add_column(name, justify="right")
    for kernel in found.kernels:
        values = kernel.values
        signs = [f"{count:,}" for count in kernel.counts] if kernel.ternary else [""] * 3
        spread = [f"{value:.3f}" for value in (values.min(), values.max(), values.std())]
        table.add_row(escape(kernel.name), times(values.shape), f"{values.size:,}", *signs, *spread)
    return table
