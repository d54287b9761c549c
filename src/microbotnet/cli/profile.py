"""`microbotnet profile`: what one picture costs, layer by layer."""

import csv as csv_format
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import BadInput
from .checkpoint import SUBJECT, InputShape, Weights
from .output import Json, print_json, stderr, stdout

if TYPE_CHECKING:
    from ..cost.profile import Profile


def profile(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NET|FILE",
            help="A network of `microbotnet nets`, or a design's file; weights in a file; a .pt2, .onnx, .tflite or "
            ".program; my_net.py:Net. For shipped weights give --checkpoint instead.",
        ),
    ] = None,
    width: Annotated[float | None, typer.Option(help="Multiplier of the channel counts.", show_default="1")] = None,
    input_size: Annotated[
        int | None, typer.Option(help="Side of the picture in pixels; the paper's if left out.")
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Outputs of the classifier.", show_default="10")] = None,
    checkpoint: Annotated[str | None, typer.Option(help=f"Profile a trained network. {SUBJECT}")] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    energy: Annotated[
        str, typer.Option(metavar="PRESET|FILE.toml", help="Energy model: horowitz-45nm, notes, or your own file.")
    ] = "horowitz-45nm",
    node: Annotated[
        float | None, typer.Option(metavar="NM", help="Scale the energy to a process of 7 to 130 nm.")
    ] = None,
    totals: Annotated[bool, typer.Option("--totals", help="Leave out the layers.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Explain every operator, with its cost formula.")] = False,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print the layers as CSV.")] = False,
) -> None:
    """Count parameters, multiply-accumulates, memory and energy of a network, layer by layer."""
    if totals + explain + json + csv > 1:
        raise BadInput("choose one of --totals, --explain, --json and --csv")
    from ..cost.describe import pixels
    from ..cost.preset import load_preset, scale
    from ..graph.graph import times
    from ..show.profiled import named
    from ..sources import Given

    preset = load_preset(energy)
    preset = preset if node is None else scale(preset, node)
    given = Given.of(weights=weights, input_shape=input_shape)
    network = named(name, checkpoint, given=given, width=width, input_size=input_size, classes=classes, preset=preset)
    found = network.profile
    for warning in found.graph.warnings:
        stderr.print(f"microbotnet: {escape(warning)}", soft_wrap=True)
    if json:
        what = {"name": network.name, "width": network.width, "checkpoint": network.checkpoint}
        print_json(
            what
            | {"input_shape": list(network.input_shape), "input_size": network.input_size, "classes": network.classes}
            | found.to_json()
        )
    elif csv:
        _print_csv(found)
    elif explain:
        _print_explained(found)
    else:
        sizes = (
            f"{pixels(network.input_shape)} pixels, {network.classes} classes"
            if network.input_size
            else f"{times(network.input_shape)} in, {network.classes} out"
        )
        stdout.print(f"[bold]{escape(network.label)}[/], {sizes}\n")
        console = stdout if stdout.is_terminal else Console(width=100, highlight=False)
        console.print(_totals(found) if totals else _layers(found))
        console.print(_memory(found))
        console.print(_energy(found))
        console.print(_verdict(found))


def _layers(found: "Profile") -> Table:
    from ..cost.describe import short
    from ..graph.graph import times

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
    return table


def _totals(found: "Profile") -> str:
    macs = (f"[bold]{count:,}[/] in {convention}" for convention, count in found.macs.items())
    return f"{'parameters':<12} [bold]{found.parameters:,}[/]\n{'MACs':<12} {', '.join(macs)}"


def _memory(found: "Profile") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_row()
    names = {"float32": "float32", "int8": "int8", "ternary_2bit": "2 bits", "sparse_ternary": "sparse ternary"}
    sizes = (f"{names[name]} [bold]{size / 1024:,.1f} kB[/]" for name, size in found.memory.weight_bytes.items())
    table.add_row("weights", "   ".join(sizes))
    if any(node.kind == "sign" for node in found.graph):
        kb = {part: f"{size / 1024:,.1f} kB" for part, size in found.memory.binary_kernel_bytes.items()}
        parts = f"{kb['convolutions']} of convolutions, {kb['linears']} of linears; without batch norms"
        table.add_row("at 1 bit", f"[bold]{kb['total']}[/] of kernels: {parts}")
    peak = f"int8 [bold]{found.memory.peak_activation_bytes / 1024:,.1f} kB[/] in use at the same time, at most"
    table.add_row("activations", f"{peak}: in {escape(found.memory.peak_step)}")
    if left := found.macs["conv_linear"] - found.effective_macs:
        table.add_row("zeros", f"{left:,} MACs (conv_linear) multiply by a weight that is zero")
    return table


def _energy(found: "Profile") -> Table:
    energy = found.energy
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True)
    table.add_column(f"\nenergy, {escape(energy.preset.name)}", "total")
    table.add_column("\ncount", justify="right")
    table.add_column("\npJ each", justify="right")
    table.add_column("\nµJ", f"{energy.total / 1e6:,.3f}", justify="right")
    table.add_column("\nshare", justify="right")
    for item in (item for item in energy.items if item.pj):
        each = f"{item.each:,.0f}" if item.each >= 100 else f"{item.each:.3g}"
        share = item.pj / energy.total if energy.total else 0.0
        bar = "█" * round(20 * share)
        cells = f"{item.count:,.0f}", each, f"{item.pj / 1e6:,.3f}", f"{share:.0%}"
        table.add_row(item.what, *cells, f"[cyan]{bar}[/]")
    return table


def _verdict(found: "Profile") -> str:
    from ..cost.energy import BUDGET_PJ, changes

    energy = found.energy
    holds = energy.total < BUDGET_PJ
    mark = "[bold green]Under 1 µJ[/]" if holds else "[bold red]Over 1 µJ[/]"
    lines = [f"\n{mark}: {energy.total / 1e6:,.2f} µJ a picture, {energy.memory_share:.0%} of it for memory."]
    for change in changes(found.graph, energy):
        total = change.energy.total
        under = ", under 1 µJ" if total < BUDGET_PJ and not holds else ""
        lines.append(f"  with {change.what}: {total / 1e6:,.2f} µJ, {1 - total / energy.total:.0%} less{under}")
    return "\n".join(lines)


def _print_explained(found: "Profile") -> None:
    from ..cost.describe import explain, signature
    from ..graph.graph import times

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
        energy = {f"{part}_pj": pj for part, pj in row.pop("energy_pj").items()}
        macs = {f"macs_{convention}": count for convention, count in row.pop("macs").items()}
        lists = {key: "×".join(map(str, value)) for key, value in row.items() if isinstance(value, list)}
        lists |= {"operators": "+".join(row["operators"]), "inputs": " ".join(row["inputs"])}
        rows.append(row | lists | macs | energy)
    writer = csv_format.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
