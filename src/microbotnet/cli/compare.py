"""`microbotnet compare`: networks side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .output import Json, print_json, stderr, stdout

if TYPE_CHECKING:
    from ..show.comparison import Comparison


def compare(
    nets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NET",
            help="Names (with a width: microbotnet@0.32), shipped weights or files.",
            show_default="the whole zoo",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write a page with charts and drawings, an .html file.")
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(
            help="Side of the input pictures in pixels, the same for all networks.", show_default="the paper's"
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(help="Number of classes, the same for all networks.", show_default="as published, else 10"),
    ] = None,
    energy: Annotated[
        str, typer.Option(metavar="PRESET|FILE.toml", help="Energy model: horowitz-45nm, notes, or your own file.")
    ] = "horowitz-45nm",
    json: Json = False,
) -> None:
    """Put networks side by side: parameters, MACs, memory, energy, accuracy, and the published numbers beside ours."""
    from ..show.comparison import compare as side_by_side
    from ..show.report import check_report_name, write_report

    if output is not None:
        check_report_name(output)
    found = side_by_side(nets or (), input_size=input_size, classes=classes, preset=energy)
    for warning in dict.fromkeys(text for row in found.rows for text in row.network.profile.graph.warnings):
        stderr.print(f"microbotnet: {escape(warning)}", soft_wrap=True)
    if output is not None:
        write_report(found, output)
    if json:
        print_json(found.to_json() | {"report": str(output) if output else None})
        return
    wide = Console(width=400, highlight=False)
    for columns in _fitting(found, wide, stdout.width if stdout.is_terminal else wide.width):
        wide.print(_table(found, columns))
    preset = f"{found.preset.name}: {found.preset.summary}"
    notes = [f"Energy is modelled ({preset}); the two chips are measured. 2-bit: all kernels −1, 0 or +1, none zero."]
    notes += ["kB are 1,024 bytes. = after a published number: ours is the same."]
    notes += [f"page: {output}"] if output is not None else []
    for note in notes:
        stdout.print(note, markup=False, soft_wrap=True)


COLUMNS = (
    "\nnetwork",
    "\ninput",
    "\nparameters",
    "\npublished",
    "MACs\nconv_linear",
    "\npublished",
    "MACs\nthop_2020",
    "\npublished",
    "weights\nint8 kB",
    "\n2-bit kB",
    "peak acti-\nvations kB",
    "energy\nint8 µJ",
    "\n2-bit µJ",
    "top-1 %, CIFAR-10\nours",
    "\npublished",
)


def _fitting(found: "Comparison", wide: Console, width: int) -> list[list[int]]:
    """The columns of each table: one, or as many as it takes in a terminal of `width`, each with the names."""
    tables = [[0]]
    for column in range(1, len(COLUMNS)):
        if len(tables[-1]) > 1 and wide.measure(_table(found, [*tables[-1], column])).maximum > width:
            tables.append([0])
        tables[-1].append(column)
    return tables


def _table(found: "Comparison", shown: Sequence[int]) -> Table:
    from ..show.comparison import cells

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index in shown:
        table.add_column(COLUMNS[index], justify="right" if index else "left", overflow="fold")
    for rows in (found.small, found.large):
        for row in rows:
            texts = [escape(text) for text in cells(row)]
            table.add_row(*(texts[index] for index in shown))
        if rows:
            table.add_row()
    for chip in found.silicon:
        texts = [f"{chip.name}, {chip.node_nm:g} nm", *[""] * 10, f"{chip.energy_pj / 1e6:.2f} measured", "", "", ""]
        texts[-1] = f"{chip.top1:.2f} measured"
        table.add_row(*(texts[index] for index in shown), style="yellow")
    return table
