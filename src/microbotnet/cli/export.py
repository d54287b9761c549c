"""`microbotnet export`: a network as C99."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadInput
from .output import Json, print_json, stdout


def export(
    checkpoint: Annotated[
        str, typer.Argument(help="A name of `microbotnet weights`, or a file: .safetensors, or an integer .program.")
    ],
    c: Annotated[Path | None, typer.Option("--c", metavar="DIR", help="Write the C into this folder.")] = None,
    prefer: Annotated[str, typer.Option(help="What to spare: speed (instructions) or size (bytes).")] = "speed",
    name: Annotated[str, typer.Option(help="Begins the names of the files and of the C symbols.")] = "net",
    calibrate: Annotated[
        str | None,
        typer.Option(
            metavar="SET|FOLDER",
            help="Pictures that set the activations' ranges, for a checkpoint trained without: cifar10 or a folder.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write a network as C99 that needs stdint.h alone: a header, a source, the weights and a small example."""
    from ..backends.c import write_c
    from ..integer.source import open_program

    if c is None:
        raise BadInput("give --c DIR, the folder for the C")
    written = write_c(open_program(checkpoint, calibrate), c, prefer=prefer, name=name)
    if json:
        files = [str(file) for file in written.files]
        sizes = {"constant_bytes": written.constant_bytes, "arena_bytes": written.arena_bytes}
        print_json({"checkpoint": checkpoint, "prefer": prefer, "files": files, **sizes})
        return
    for file in written.files:
        stdout.print(str(file), markup=False, soft_wrap=True)
    stdout.print(
        f"constants {written.constant_bytes:,} bytes, arena {written.arena_bytes:,} bytes of RAM", soft_wrap=True
    )
