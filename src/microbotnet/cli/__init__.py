"""The command line. One file a command; each only reads options, calls the library and prints."""

import os
import sys

import click
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
        code = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except click.Abort:
        code = 130
    except BadInput as error:
        print(f"microbotnet: {error}", file=sys.stderr)
        code = 2
    except (Failed, OSError) as error:
        print(f"microbotnet: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print("microbotnet: interrupted", file=sys.stderr)
        code = 130
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code or 0)
