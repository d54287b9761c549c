"""The options that name a network and say what its file cannot, the same in every command."""

from pathlib import Path
from typing import Annotated

import typer

from ..weights import DEFAULT

SUBJECT = (
    "A trained network: a name that `microbotnet weights` lists; or a file: .safetensors, .pth, .mbz, .pt2, .onnx, "
    ".tflite, .program; or your own module, my_net.py:Net."
)

Checkpoint = Annotated[str | None, typer.Option(help=SUBJECT, show_default=DEFAULT)]
NetName = Annotated[
    str | None,
    typer.Option(
        "--net",
        metavar="NAME",
        help="Which network of `microbotnet nets` is in the file, if no card (.json) beside the file says so.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The weights to load into my_net.py:Net, a .pt2 or an .onnx: a state dict, as .pth or .safetensors.",
    ),
]
InputShape = Annotated[
    str | None,
    typer.Option(
        metavar="3x32x32",
        help="The shape of the input of my_net.py:Net, without the batch.",
        show_default="its input_shape, or 3x32x32",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        metavar="R,G,B",
        help="For a network from outside: the mean of the pixels in training, on the scale 0…1.",
        show_default="CIFAR-10's",
    ),
]
Std = Annotated[
    str | None,
    typer.Option(
        metavar="R,G,B",
        help="For a network from outside: the standard deviation of the pixels in training, on the scale 0…1.",
        show_default="CIFAR-10's",
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|A,B,…", help="The classes' names, in the order of the outputs.", show_default="the file's"
    ),
]
Calibrate = Annotated[
    str | None,
    typer.Option(
        metavar="SET|FOLDER|FILE.npy",
        help="Pictures or inputs that show how large the activations become; needed if the network was trained "
        "in floating point: a set, any folder of pictures, or an .npy file of inputs.",
    ),
]
