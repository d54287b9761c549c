"""`microbotnet evaluate`: the score of a checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from .output import Json, print_json, stdout


def evaluate(
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="A name of `microbotnet weights` or a file: ours (.safetensors) or a published PyTorch state dict."
        ),
    ] = None,
    net: Annotated[
        str | None, typer.Option(help="The network in a file without a card.  [default: the MicroBotNet that fits]")
    ] = None,
    width: Annotated[
        float | None, typer.Option(help="Its width; without --checkpoint, picks the shipped MicroBotNet.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="CIFAR-10's folder.  [default: MICROBOTNET_DATA or the cache]")
    ] = None,
    json: Json = False,
) -> None:
    """Measure a checkpoint's top-1 on the 10,000 test pictures of CIFAR-10."""
    from ..training.checkpoint import load_checkpoint
    from ..training.session import evaluate_on_cifar10
    from ..weights import shipped_name

    architecture = None
    if checkpoint is None:
        checkpoint = shipped_name(net or "microbotnet", 0.32 if width is None else width)
    elif net is not None or width is not None:
        architecture = {
            "name": net or "microbotnet",
            "width": 1.0 if width is None else width,
            "num_classes": 10,
            "input_size": 32,
        }
    result = evaluate_on_cifar10(load_checkpoint(checkpoint, architecture), data)
    if json:
        print_json({"checkpoint": checkpoint, **result})
    else:
        stdout.print(f"{checkpoint}: top-1 [bold]{result['top1']:.2f} %[/] on {result['pictures']:,} test pictures")
