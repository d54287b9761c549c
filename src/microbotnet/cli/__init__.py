"""The command line. One file a command; each only reads options, calls the library and prints."""

import sys

import typer

from ..errors import BadInput, Failed
from . import nets

app = typer.Typer(
    name="microbotnet",
    help="Image classifiers under a million multiply-accumulates: count, train, classify.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("nets")(nets.nets)


def main() -> None:
    """Run the command line; errors a user can mend become one line and an exit code (2 bad input, 1 failed)."""
    try:
        app()
    except BadInput as error:
        print(f"microbotnet: {error}", file=sys.stderr)
        sys.exit(2)
    except (Failed, OSError) as error:
        print(f"microbotnet: {error}", file=sys.stderr)
        sys.exit(1)
