"""`microbotnet compress`: Deep Compression into one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import BadInput
from .output import Json, print_json, stderr, stdout
from .pictures import Data, Split

if TYPE_CHECKING:
    from ..training.deep_compression import Report


def compress(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A name of `microbotnet weights` or a file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, which ends in .mbz.")],
    sparsity: Annotated[float, typer.Option(help="Share of the kernels' weights to prune, smallest first.")] = 0.5,
    per: Annotated[
        str, typer.Option(help="network: one threshold for all layers; layer: the same share of each.")
    ] = "network",
    bits: Annotated[int, typer.Option(help="The weights of a kernel share 2^BITS values, 1 to 8.")] = 6,
    retrain: Annotated[
        int, typer.Option(metavar="EPOCHS", help="Epochs to train the weights that are left after pruning.", min=0)
    ] = 0,
    rounds: Annotated[
        int, typer.Option(help="Prune gradually, with some of the epochs of --retrain after each round.", min=1)
    ] = 1,
    tune: Annotated[int, typer.Option(metavar="EPOCHS", help="Epochs to train the shared values.", min=0)] = 0,
    teacher: Annotated[
        str | None, typer.Option(help="A trained network whose outputs the training follows (distillation).")
    ] = None,
    holdout: Annotated[
        int,
        typer.Option(
            help="Measure on this many training pictures, which are kept out of training, instead of the test "
            "pictures.",
            min=0,
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    data: Data = None,
    split: Split = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the trainings; a stopped training in it is continued.", show_default="runs/compress-FILE"
        ),
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Also list the layers.")] = False,
    json: Json = False,
) -> None:
    """Prune a checkpoint, let its weights share values, Huffman code it: one small file that loads like any other.

    Deep Compression, Han et al. 2015. Without pictures at hand the accuracies are left out.
    """
    from ..training.deep_compression import Plan, deep_compress

    if per not in ("network", "layer"):
        raise BadInput(f"--per must be network or layer, not {per!r}")
    plan = Plan(sparsity, per, bits, retrain, rounds, tune, teacher, holdout, seed)  # type: ignore[arg-type]

    def on_epoch(what: str, record: dict[str, Any]) -> None:
        held = f"  held out {record['holdout_top1']:5.2f} %" if "holdout_top1" in record else ""
        stderr.print(
            f"{what}: epoch {record['epoch']}  loss {record['loss']:.4f}  train {record['train_top1']:5.2f} %{held}  "
            f"{record['seconds']:.1f} s"
        )

    folder = out or Path("runs") / f"compress-{output.stem}"
    report = deep_compress(checkpoint, output, plan, folder, data=data, split=split, on_epoch=on_epoch)
    if not retrain and sparsity:
        stderr.print("microbotnet: pruned without training again; --retrain EPOCHS wins accuracy back", soft_wrap=True)
    if json:
        print_json(report.to_json())
        return
    console = stdout if stdout.is_terminal else Console(width=100, highlight=False)
    if layers:
        console.print(_layers(report))
    console.print(_stages(report))
    stdout.print(_rest(report), soft_wrap=True)


def _stages(report: "Report") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("stage")
    for name in ("bytes", "smaller"):
        table.add_column(name, justify="right")
    if report.measured:
        table.add_column("top-1", justify="right")
    before = report.stages[0].bytes
    for stage in report.stages:
        score = () if stage.top1 is None else (f"{stage.top1:.2f} %",)
        table.add_row(stage.name, f"{stage.bytes:,}", f"{before / stage.bytes:.1f}×", *score)
    return table


def _layers(report: "Report") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("kernel", overflow="fold")
    for name in ("weights", "kept", "values", "bytes", "bits a weight"):
        table.add_column(name, justify="right")
    for layer in report.layers:
        counts = layer.weights, layer.kept, layer.values, layer.bytes
        table.add_row(escape(layer.name), *(f"{n:,}" for n in counts), f"{8 * layer.bytes / layer.weights:.2f}")
    return table


def _rest(report: "Report") -> str:
    kernels = sum(layer.bytes for layer in report.layers)
    weights, kept = (sum(getattr(layer, key) for layer in report.layers) for key in ("weights", "kept"))
    measured = f"top-1 on {report.measured}\n" if report.measured else ""
    return (
        f"{measured}{kept:,} of {weights:,} weights are left, {8 * kernels / weights:.2f} bits a weight in the file: "
        f"{kernels:,} bytes of kernels, {report.other_bytes:,} of batch norms and biases, "
        f"{report.header_bytes:,} of names, card and code lengths\n"
        f"{escape(report.file)}: reads back bit for bit; every command takes it as a checkpoint"
    )
