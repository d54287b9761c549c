"""`microbotnet evaluate`: the score of a checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from .output import Json, print_json, stdout
from .pictures import Data, Split


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
    data: Data = None,
    split: Split = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Also write a page of classes, confusion and the worst mistakes, an .html file."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Measure a checkpoint's top-1 on test pictures: CIFAR-10's, or those of the set that it was trained on."""
    from ..data.source import open_source
    from ..show.report import check_report_name
    from ..training.checkpoint import load_checkpoint
    from ..training.session import evaluate_on
    from ..weights import shipped_name

    if output is not None:
        check_report_name(output)
    architecture = None
    if checkpoint is None:
        checkpoint = shipped_name(net or "microbotnet", 0.32 if width is None else width)
    elif net is not None or width is not None:
        architecture = {"name": net or "microbotnet", "width": 1.0 if width is None else width}
    loaded = load_checkpoint(checkpoint, architecture)
    source = open_source(
        data or loaded.card["data"].get("name"), size=loaded.card["architecture"]["input_size"], split=split
    )
    result = {"checkpoint": checkpoint, "data": source.name, **evaluate_on(loaded, source)}
    if output is not None:
        from ..show.data_report import judge, write_data_report

        judged = judge(loaded, source)
        write_data_report(output, loaded, Path(checkpoint).name, judged, source.name)
        result |= {**judged.to_json(), "report": str(output)}
    if json:
        print_json(result)
    else:
        pictures = f"{result['pictures']:,} test pictures of {source.name}"
        stdout.print(f"{checkpoint}: top-1 [bold]{result['top1']:.2f} %[/] on {pictures}")
        if output is not None:
            stdout.print(f"page: {output}", markup=False, soft_wrap=True)
