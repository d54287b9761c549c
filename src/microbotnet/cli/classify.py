"""`microbotnet classify`: what is in a picture."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from ..errors import BadInput
from .checkpoint import Checkpoint, InputShape, Labels, Mean, Std, Weights
from .output import Json, print_json, stdout, working


def classify(
    images: Annotated[
        list[str], typer.Argument(metavar="PICTURE", help="Pictures, folders of pictures, or - for standard input.")
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 3,
    checkpoint: Checkpoint = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    width: Annotated[
        float | None, typer.Option(help="Use the shipped MicroBotNet of this width instead of --checkpoint.")
    ] = None,
    json: Json = False,
) -> None:
    """Name what is in pictures, with probabilities.

    Any common format and size: the largest centred square is scaled to what the network takes, after the EXIF
    orientation. A file that is no picture gets a line on standard error; the others are still classified (exit code 2).
    """
    from ..classify import classify as answers
    from ..inference import predictor
    from ..preprocessing import printable
    from ..sources import Given
    from ..weights import DEFAULT, shipped_name

    if checkpoint is not None and width is not None:
        raise BadInput("give --checkpoint or --width, not both; a checkpoint has its own width")
    name = checkpoint or (shipped_name("microbotnet", width) if width is not None else DEFAULT)
    given = Given.of(weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    with working(f"loading {name}; the first time it is compiled for this machine"):
        network = predictor(name, given)
    longest = max(map(len, network.classes))
    files, errors = [], []
    for answer in answers(images, network.predict, network.classes, size=network.size, top=top):
        if answer.error:
            errors.append({"file": answer.file, "error": answer.error})
            print(f"microbotnet: {answer.error}", file=sys.stderr)
            continue
        if json:
            likeliest = [{"label": label, "probability": round(p, 6)} for label, p in answer.predictions]
            files.append({"file": answer.file, "predictions": likeliest})
            continue
        stdout.print(Text(printable(answer.file), "bold"), soft_wrap=True)
        for label, p in answer.predictions:
            stdout.print(Text(f"  {label:<{longest}}  {100 * p:5.1f} %  ").append(_bar(p), "cyan"), soft_wrap=True)
    if json:
        print_json({"files": files, "errors": errors})
    if errors:
        raise typer.Exit(2)


def _bar(p: float) -> str:
    """A bar of 24 characters at 1, drawn to an eighth of a character and never empty."""
    full, part = divmod(max(1, round(24 * 8 * p)), 8)
    return "█" * full + " ▏▎▍▌▋▊▉"[part].strip()
