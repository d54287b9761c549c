"""`microbotnet data`: fetch and check the pictures that networks learn from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .output import Json, print_json, stdout

app = typer.Typer(name="data", help="Fetch and check the pictures that networks learn from.", no_args_is_help=True)


@app.command("cifar10")
def cifar10(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder where CIFAR-10 is, or is put.", show_default="MICROBOTNET_DATA or the cache"),
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


@app.command("micro-robot")
def micro_robot(
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="tiny-imagenet-200.zip, or its folder.", show_default="fetched, unless it is there"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="MICROBOTNET_DATA or the cache")
    ] = None,
    json: Json = False,
) -> None:
    """Build the Micro Robot Dataset from Tiny ImageNet: one file, with the views outdoor, indoor, combined, micro."""
    from ..data.micro_robot import COUNTS, SETS, build_micro_robot, find_micro_robot

    path = build_micro_robot(source, out) if source else find_micro_robot(out)
    if json:
        pictures = {split: {name: len(SETS[name]) * COUNTS[split] for name in SETS} for split in COUNTS}
        sets = [
            {"name": name, "classes": list(classes), **{split: pictures[split][name] for split in COUNTS}}
            for name, classes in SETS.items()
        ]
        print_json({"file": str(path), "sets": sets})
        return
    table = Table("set", "train", "test", "classes", box=None, pad_edge=False)
    for name, classes in SETS.items():
        words = ", ".join(classes) if len(classes) <= 10 else "those of outdoor and indoor"
        table.add_row(name, *(f"{len(classes) * count:,}" for count in COUNTS.values()), words)
    stdout.print(table)
    stdout.print(f"in {path}", soft_wrap=True)
