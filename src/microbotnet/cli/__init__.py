"""The command line. One file a command; each only reads options, calls the library and prints."""

import io
import os
import sys
import warnings
from typing import Annotated, Any

import typer

from .. import __version__
from ..errors import BadInput, Failed
from ..extras import extra_of
from . import (
    approach,
    chip,
    classify,
    compare,
    compress,
    data,
    demo,
    design,
    evaluate,
    export,
    firmware,
    import_,
    nets,
    profile,
    quantize,
    recommend,
    render,
    search,
    show,
    train,
    watch,
    weights,
)

app = typer.Typer(
    name="microbotnet",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
PANELS: dict[str, dict[str, Any]] = {
    "Networks and what they cost": {
        "nets": nets.nets, "weights": weights.weights, "profile": profile.profile, "compare": compare.compare,
        "render": render.render, "show": show.app, "design": design.design, "recommend": recommend.recommend,
    },
    "Pictures and answers": {
        "classify": classify.classify, "evaluate": evaluate.evaluate, "watch": watch.watch,
        "approach": approach.approach, "demo": demo.demo,
    },
    "Train and quantize": {
        "data": data.app, "train": train.train, "quantize": quantize.quantize, "compress": compress.compress,
        "search": search.search,
    },
    "To the chip": {
        "import": import_.import_, "export": export.export, "firmware": firmware.firmware, "chip": chip.chip,
    },
}  # fmt: skip
for panel, commands in PANELS.items():
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, rich_help_panel=panel)
        else:  # a paragraph of its docstring is one line: the terminal breaks lines where it ends
            words = "\n\n".join(" ".join(part.split()) for part in (command.__doc__ or "").split("\n\n"))
            app.command(name, help=words, rich_help_panel=panel)(command)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Image classifiers under a million multiply-accumulates: count, train, classify."""
    if version:
        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run the command line; errors a user can mend become one line and an exit code (2 bad input, 1 failed)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's odd name or a terminal without UTF-8 ends no command
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _show_warning
    try:
        app()
    except BadInput as error:
        print(f"microbotnet: {_one_line(error)}", file=sys.stderr)
        sys.exit(2)
    except (Failed, OSError) as error:
        print(f"microbotnet: {_one_line(error)}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if "MICROBOTNET_DEBUG" in os.environ:
            raise
        if isinstance(error, ModuleNotFoundError) and (extra := extra_of(error.name)):
            print(f"microbotnet: this needs {error.name}; pip install 'microbotnet[{extra}]'", file=sys.stderr)
            sys.exit(1)
        kind = type(error).__name__
        print(
            f"microbotnet: a fault of its own, {kind}: {error}; please report it with what MICROBOTNET_DEBUG=1 shows",
            file=sys.stderr,
        )
        sys.exit(1)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """One line, as errors are; where in the code it was given helps no user."""
    print(f"microbotnet: {message}", file=sys.stderr)


def _one_line(error: Exception) -> str:
    """What other packages say, quoted in ours, can have several."""
    return " ".join(str(error).splitlines())
