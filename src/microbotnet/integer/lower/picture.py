"""The picture: normalised by a table for each channel."""

from collections.abc import Sequence

import torch

from ...data.augment import Batches
from ...graph.graph import times
from ...quant.stages import Stage
from ..operators import Lookup
from ..program import Tensor
from .lowering import PICTURE, Lowering, lowers
from .refused import Refused


@lowers("input")
def picture(lowering: Lowering, stage: Stage) -> None:
    """uint8 in; tables out."""
    mean, std = lowering.mean, lowering.std
    channels, *size = stage.head.shape
    if len(size) != 2 or len(mean) != channels or len(std) != channels:
        raise Refused(f"takes {times(stage.head.shape)}, not pictures of {len(mean)} channels")
    tables = lowering.quantized(stage, stage.functions, _normalised(mean, std))
    shape = (channels, size[0], size[1])
    lowering.tensors[PICTURE] = Tensor(PICTURE, shape, "uint8", 1 / 255, 0, 0, 255)
    lowering.operators.append(Lookup(stage.head.name, PICTURE, stage.name, tables))
    lowering.hold(stage, shape, int(tables.min()), int(tables.max()))


def _normalised(mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """What the network sees for each brightness, (channels, 256), to the last bit."""
    grey = torch.arange(256, dtype=torch.uint8).expand(1, len(mean), 1, 256)
    return Batches(grey, mean, std).take(torch.arange(1))[0, :, 0]
