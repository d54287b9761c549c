"""A program that takes int8 as one that takes the pixels of a picture."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import BadInput
from ..integer.operators import Lookup
from ..integer.program import Program, Tensor

PICTURE = "picture"


def taking_pixels(
    program: Program, name: str, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> Program:
    """`program` with a table before it that makes its int8 of pixels 0…255; one that takes pixels is left as it is.

    Without `mean` and `std` a pixel p becomes p − 128, as int8 files of pictures have it whether they take 0…255, 0…1
    or −1…1. With them it becomes the integer nearest to (p / 255 − mean) / std.

    Raises:
        BadInput: the scale of its int8 is that of none of the three, and no mean and std are given; or they are not as
            many as its channels.
    """
    x = program.tensors[program.input]
    if x.dtype == "uint8":
        return program
    pixels = np.arange(256)
    if mean is None and std is None:
        centred = abs(x.scale * 128 - 1) < 0.02 and x.zero_point in (-1, 0)
        if x.zero_point != -128 and not centred:
            raise BadInput(
                f"{name}: its int8 input, {x.scale:.4g}·(q − {x.zero_point}), is of pixels that were normalised; say "
                "how: --mean R,G,B --std R,G,B"
            )
        tables = (pixels - 128)[None]
    else:
        channels = x.shape[0]
        mean, std = (_each(values, channels, name) for values in (mean or (0.0,), std or (1.0,)))
        real = (pixels[None] / 255 - np.array(mean)[:, None]) / np.array(std)[:, None]
        tables = np.clip(np.rint(real / x.scale) + x.zero_point, -128, 127)
    operator = Lookup(PICTURE, PICTURE, x.name, tables.astype(np.int8))
    entry = Tensor(PICTURE, x.shape, "uint8", 1 / 255, 0, 0, 255)
    return replace(
        program, tensors={PICTURE: entry, **program.tensors}, operators=(operator, *program.operators), input=PICTURE
    )


def _each(values: Sequence[float], channels: int, name: str) -> list[float]:
    found = list(values) * channels if len(values) == 1 else list(values)
    if len(found) != channels:
        raise BadInput(f"{name}: has {channels} channels, and {len(found)} numbers of --mean or --std are given")
    return found
