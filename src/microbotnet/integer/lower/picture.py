"""What the network is given: pixels, normalised by a table for each channel, or features that are integers already."""

from collections.abc import Sequence

import torch

from ...data.augment import Batches
from ...graph.graph import times
from ...quant.stages import Stage
from ..operators import Lookup
from ..program import LIMITS, Tensor
from .lowering import Lowering, lowers
from .refused import Refused
from .value import canonical, whole

PICTURE = "picture"


@lowers("input")
def given(lowering: Lowering, stage: Stage) -> None:
    """Pixels where there is a mean, else features."""
    if lowering.mean is None or lowering.std is None:
        _features(lowering, stage)
    else:
        _picture(lowering, stage, lowering.mean, lowering.std)


def _picture(lowering: Lowering, stage: Stage, mean: Sequence[float], std: Sequence[float]) -> None:
    channels, *size = stage.head.shape
    if not size or len(mean) != channels or len(std) != channels:
        raise Refused(f"takes {times(stage.head.shape)}, not pictures of {len(mean)} channels")
    tables = lowering.quantized(stage, stage.functions, _normalised(mean, std))
    shape = canonical(stage.head.shape)
    lowering.tensors[PICTURE] = Tensor(PICTURE, shape, "uint8", 1 / 255, 0, 0, 255)
    operator = Lookup(stage.head.name, PICTURE, stage.name, tables)
    lowering.hold(stage, operator, shape, int(tables.min()), int(tables.max()))
    lowering.input = PICTURE


def _features(lowering: Lowering, stage: Stage) -> None:
    if stage.functions:
        raise Refused("applies a function to features; apply it before they become integers", stage.functions[0])
    scale, zero_point = lowering.scales[stage.name]
    shape = canonical(stage.head.shape)
    lowering.tensors[stage.name] = Tensor(stage.name, shape, "int8", scale, zero_point, *LIMITS["int8"])
    lowering.values[stage.name] = whole(stage.name, stage.head.shape)
    lowering.input = stage.name


def _normalised(mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """What the network sees for each brightness, (channels, 256), to the last bit."""
    grey = torch.arange(256, dtype=torch.uint8).expand(1, len(mean), 1, 256)
    return Batches(grey, mean, std).take(torch.arange(1))[0, :, 0]
