"""`microbotnet quantize`: kernels of two bits or one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import BadInput
from .checkpoint import SUBJECT, InputShape, Weights
from .output import Json, print_json, stderr, stdout

if TYPE_CHECKING:
    from ..quant.policy import Choice


def quantize(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT|NET",
            help=f"{SUBJECT} With --dry-run also a name of `microbotnet nets`.",
        ),
    ],
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Which layers: notes, notes-scaled, notes-conv, pointwise, pointwise-but-last, all, with-stem, "
            "or your file.",
        ),
    ] = "notes",
    quantizer: Annotated[
        str, typer.Option(help="How: ttq, one-negative-one, twn, absmean or binary.")
    ] = "one-negative-one",
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Weights up to this share become 0: of the kernel's largest (ttq, one-negative-one) or of its mean "
            "(twn).",
            show_default="0.05; twn 0.7",
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="How ttq's two scales start: mean or one.", show_default="mean")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the layers that would be quantized, with totals.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The checkpoint to write, a .safetensors file.")
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(
            help="Which network of `microbotnet nets` is in the file, if no card (.json) beside the file says so.",
            show_default="the MicroBotNet that fits",
        ),
    ] = None,
    width: Annotated[
        float | None, typer.Option(help="Width of NET, or of the network in a file without a card.", show_default="1")
    ] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    json: Json = False,
) -> None:
    """Quantize the weights of a trained network without training; or list which layers a policy chooses."""
    from ..quant.parametrize import QUANTIZERS, make_quantizer
    from ..quant.policy import load_policy
    from ..sources import Given
    from ..training.post_training import choose_in, quantize_checkpoint

    rules = load_policy(policy)
    given = Given.of(net=net, width=width, weights=weights, input_shape=input_shape)
    options = {"threshold": threshold, "start": start}
    make_quantizer(quantizer, **options)
    if dry_run:
        if output is not None:
            raise BadInput("--dry-run writes nothing; leave out --output")
        choice = choose_in(subject, rules, given)
    elif output is None:
        raise BadInput("give --output FILE.safetensors for the result, or --dry-run to only list the kernels")
    else:
        choice = quantize_checkpoint(subject, output, rules, quantizer, options, given)
        stderr.print("microbotnet: quantized as it is, not trained again: expect a low accuracy", soft_wrap=True)
    bits = QUANTIZERS[quantizer].bits
    if json:
        what = {"subject": subject, "quantizer": quantizer, "checkpoint": None if output is None else str(output)}
        print_json(what | choice.to_json(bits))
        return
    console = stdout if stdout.is_terminal else Console(width=100, highlight=False)
    console.print(_table(choice))
    stdout.print(_totals(choice, quantizer, bits), soft_wrap=True)
    if output is not None:
        stdout.print(f"checkpoint: {output}", markup=False, soft_wrap=True)


def _table(choice: "Choice") -> Table:
    from ..graph.graph import times

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("kernel", overflow="fold")
    table.add_column("kind")
    for name in ("shape", "weights", "share"):
        table.add_column(name, justify="right")
    for kernel in choice.chosen:
        cells = times(kernel.shape), f"{kernel.weights:,}", f"{kernel.weights / choice.parameters:.1%}"
        table.add_row(escape(kernel.name), kernel.kind, *cells)
    return table


def _totals(choice: "Choice", quantizer: str, bits: int) -> str:
    before, after = choice.weight_bytes(bits)
    share = f"{choice.weights / choice.parameters:.0%} of {choice.parameters:,} parameters"
    rest = "the other kernels at 8 bits" if choice.policy.others == 8 else "the rest in float32"
    unit = "bit" if bits == 1 else "bits"
    return (
        f"[bold]{len(choice.chosen)} layers, {choice.weights:,} weights[/]: {share}\n"
        f"weight bytes {before:,} in float32 → [bold]{after:,}[/] with {quantizer} at {bits} {unit} a weight, {rest}"
    )
