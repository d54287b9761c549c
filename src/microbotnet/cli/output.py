"""What every command prints through: one JSON object on standard output, or tables; the rest on standard error."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


def print_line(line: Text) -> None:
    """One of many lines, with its colours where they are seen: to lay them out takes longer than a small network."""
    if stdout.is_terminal:
        stdout.print(line, soft_wrap=True)
    else:
        print(line.plain, file=stdout.file, flush=True)


def working(words: str) -> Status:
    """Say in a terminal, while it lasts, what takes long; a context manager."""
    return stderr.status(escape(words))


def print_json(value: Any) -> None:
    """Write `value` as one JSON object."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
