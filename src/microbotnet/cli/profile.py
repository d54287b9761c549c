"""`microbotnet profile`: what one picture costs, layer by layer."""

import csv as csv_format
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import BadInput
from .output import Json, print_json, stderr, stdout

if TYPE_CHECKING:
    from ..cost.profile import Profile


def profile(
    name: Annotated[str, typer.Argument(help="A network; `microbotnet nets` lists them.")],
    width: Annotated[float, typer.Option(help="Multiplier of the channel counts.")] = 1.0,
    input_size: Annotated[
        int | None, typer.Option(help="Side of the picture in pixels; the paper's if left out.")
    ] = None,
    classes: Annotated[int, typer.Option(help="Outputs of the classifier.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Explain every operator, with its cost formula.")] = False,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print the layers as CSV.")] = False,
) -> None:
    """Count parameters and multiply-accumulates of a network, layer by layer."""
    if explain + json + csv > 1:
        raise BadInput("choose one of --explain, --json and --csv")
    from ..cost.profile import profile as cost
    from ..graph.trace import trace
    from ..nets import create_model, find_net

    size = find_net(name).input_size if input_size is None else input_size
    model = create_model(name, num_classes=classes, width=width, input_size=size)
    found = cost(trace(model, (3, size, size)))
    for warning in found.graph.warnings:
        stderr.print(f"microbotnet: {escape(warning)}", soft_wrap=True)
    if json:
        print_json({"name": name, "width": width, "input_size": size, "classes": classes, **found.to_json()})
    elif csv:
        _print_csv(found)
    elif explain:
        _print_explained(found)
    else:
        stdout.print(f"[bold]{escape(name)}[/] ×{width:.2f}, {size}×{size} pixels, {classes} classes\n")
        _print_layers(found)


def _print_layers(found: "Profile") -> None:
    from ..cost.words import short, times

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True)
    table.add_column("layer", "total", overflow="fold")
    table.add_column("operators")
    table.add_column("output")
    table.add_column("parameters", f"{found.parameters:,}", justify="right")
    table.add_column("conv_linear\nMACs", f"{found.macs['conv_linear']:,}", justify="right")
    table.add_column("thop_2020\nMACs", f"{found.macs['thop_2020']:,}", justify="right")
    for layer in found.layers:
        counts = layer.parameters, layer.macs["conv_linear"], layer.macs["thop_2020"]
        cells = [escape(layer.step.name), short(layer.step), times(layer.step.shape)]
        table.add_row(*cells, *(f"{count:,}" if count else "[dim]–[/]" for count in counts))
    (stdout if stdout.is_terminal else Console(width=100)).print(table)


def _print_explained(found: "Profile") -> None:
    from ..cost.words import explain, signature, times

    for node in found.graph:
        stdout.print(f"[bold]{escape(node.name)}[/]  [cyan]{escape(signature(node))}[/]  → {times(node.shape)}")
        for line in explain(found.graph, node):
            stdout.print(f"    {line}", markup=False, soft_wrap=True)
    for convention, macs in found.macs.items():
        stdout.print(f"[bold]total[/]  {macs:,} MACs in {convention}")
    stdout.print(f"[bold]total[/]  {found.parameters:,} parameters")


def _print_csv(found: "Profile") -> None:
    rows = []
    for layer in found.layers:
        row = layer.to_json()
        macs = {f"macs_{convention}": count for convention, count in row.pop("macs").items()}
        lists = {key: "×".join(map(str, value)) for key, value in row.items() if isinstance(value, list)}
        lists |= {"operators": "+".join(row["operators"]), "inputs": " ".join(row["inputs"])}
        rows.append(row | lists | macs)
    writer = csv_format.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
