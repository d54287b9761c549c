"""The option that names a trained network where there is a default, the same in every command."""

from typing import Annotated

import typer

from ..weights import DEFAULT

Checkpoint = Annotated[
    str | None, typer.Option(help=f"A name of `microbotnet weights` or a file.  [default: {DEFAULT}]")
]
