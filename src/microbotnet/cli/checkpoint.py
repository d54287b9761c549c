"""The options that name a network and say what its file cannot, the same in every command."""

from pathlib import Path
from typing import Annotated

import typer

from ..weights import DEFAULT

SUBJECT = (
    "A name of `microbotnet weights`; a file: .safetensors, .pth, .mbz, .pt2, .onnx, .tflite, .program; or your own "
    "module, my_net.py:Net."
)

Checkpoint = Annotated[str | None, typer.Option(help=f"{SUBJECT}  [default: {DEFAULT}]")]
NetName = Annotated[
    str | None,
    typer.Option("--net", metavar="NAME", help="The network of `microbotnet nets` in a file without a card."),
]
Weights = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A state dict (.pth, .safetensors) for my_net.py:Net, a .pt2 or an .onnx."),
]
InputShape = Annotated[
    str | None,
    typer.Option(metavar="3x32x32", help="What my_net.py:Net takes.  [default: its input_shape, or 3x32x32]"),
]
Mean = Annotated[
    str | None,
    typer.Option(metavar="R,G,B", help="From outside: what is subtracted from pixels of 0…1.  [default: CIFAR-10's]"),
]
Std = Annotated[str | None, typer.Option(metavar="R,G,B", help="And what they are divided by then.")]
Labels = Annotated[
    str | None,
    typer.Option(metavar="FILE|A,B,…", help="The classes' names, in the order of the outputs.  [default: the file's]"),
]
Calibrate = Annotated[
    str | None,
    typer.Option(
        metavar="SET|FOLDER|FILE.npy",
        help="What sets the activations' ranges, for floats trained without: a set, any folder of pictures, or inputs.",
    ),
]
