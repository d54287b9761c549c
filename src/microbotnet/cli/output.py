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


class JsonRows:
    """One JSON object with a list without end: each row is written as it comes, a line of its own, and not kept."""

    def __init__(self, before: dict[str, Any], name: str) -> None:
        """Nothing is written yet. `before`, at least one value, will stand before the list called `name`."""
        opened = json.dumps(before, indent=2, ensure_ascii=False).removesuffix("\n}")
        self._next = f"{opened},\n  {json.dumps(name)}: ["

    def add(self, row: dict[str, Any]) -> None:
        """Write one more."""
        line = f"{self._next}\n    {json.dumps(row, ensure_ascii=False)}"
        self._next = ","
        print(line, end="", flush=True)

    def close(self, after: dict[str, Any]) -> None:
        """End the list and the object; `after`, at least one value, stands behind the list."""
        end = "\n  ]" if self._next == "," else f"{self._next}]"
        rest = json.dumps(after, indent=2, ensure_ascii=False).removeprefix("{\n")
        print(f"{end},\n{rest}", flush=True)
