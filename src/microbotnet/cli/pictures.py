"""The options that name pictures, the same in every command."""

from typing import Annotated

import typer

Data = Annotated[
    str | None,
    typer.Option(
        metavar="SET|FOLDER",
        help="cifar10 (looked for in MICROBOTNET_DATA or the cache) or its folder; micro-robot/outdoor, …/indoor, "
        "…/combined, …/micro; or a folder of pictures: train/CLASS and test/CLASS, or CLASS.",
        show_default="cifar10",
    ),
]
Split = Annotated[
    float | None,
    typer.Option(
        help="Share of a folder's pictures to test with, where it has no test/ of its own.", show_default="0.1"
    ),
]
Camera = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="FORMAT:WIDTHxHEIGHT[:crop=…]",
        help="The camera in front of the network: rgb565, rgb888, grey8, yuv422 or bayer8 frames, as rgb565:160x120; "
        "crop=square, letterbox or stretch.",
    ),
]
