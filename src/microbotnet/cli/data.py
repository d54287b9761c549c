"""`microbotnet data`: fetch and check the pictures that networks learn from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .output import Json, print_json, stdout

app = typer.Typer(name="data", help="Fetch and check the pictures that networks learn from.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `cifar10` a word of its own although it is the only set so far."""


@app.command("cifar10")
def cifar10(
    data: Annotated[
        Path | None,
        typer.Option(help="Where it is, or is fetched to if absent.  [default: MICROBOTNET_DATA or the cache]"),
    ] = None,
    json: Json = False,
) -> None:
    """Fetch CIFAR-10 unless it is there, check every file, and say where it is."""
    from ..data.cifar10 import FILES, RECORDS, find_cifar10, read

    home = find_cifar10(data)
    rows = [
        {
            "file": file.name,
            "split": split,
            "pictures": RECORDS,
            "stand_ins": 0 if read(home, file)[1] else len(file.stand_ins),
        }
        for split, files in FILES.items()
        for file in files
    ]
    if json:
        print_json({"folder": str(home), "files": rows})
        return
    table = Table("file", "split", "pictures", "checked against its MD5", box=None, pad_edge=False)
    for row in rows:
        found = f"{row['stand_ins']} pictures are close, not exact" if row["stand_ins"] else "official"
        table.add_row(str(row["file"]), str(row["split"]), f"{row['pictures']:,}", found)
    stdout.print(table)
    stdout.print(f"in {home}", soft_wrap=True)
