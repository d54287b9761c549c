"""From a checkpoint to its integer program."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data.augment import Batches
from ..errors import BadInput
from ..quant.activations import NAME, calibrate, quantize_activations
from ..training.checkpoint import Checkpoint, load_checkpoint
from .lower import lower
from .program import Program

_BATCH = 250  # pictures, so that a large calibration needs little memory


def lower_checkpoint(
    checkpoint: str | Path | Checkpoint,
    pictures: np.ndarray[Any, np.dtype[np.uint8]] | None = None,
    *,
    bits: int = 8,
    name: str | None = None,
) -> Program:
    """The integer program of a checkpoint.

    Args:
        checkpoint: its name, its file, or one that was loaded (which is changed: its activations are quantized).
        pictures: (N, 3, H, W) uint8, training pictures, a thousand or so: they set the ranges of activations where
            the checkpoint was trained without. Where it was trained with them they are not looked at.
        bits: of the activations then; 8 or 4.
        name: what a loaded checkpoint is called, for people.

    Raises:
        BadInput: see `load_checkpoint`, `calibrate` and `lower`; or pictures are needed and there are none.
    """
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(checkpoint)
    card, model = loaded.card, loaded.model
    name = name or ("the network" if isinstance(checkpoint, Checkpoint) else str(checkpoint))
    side = card["architecture"]["input_size"]
    data = card["data"]
    if getattr(model, NAME, None) is None:
        if pictures is None:
            raise BadInput(f"{name}: was trained without 8-bit activations; their ranges must be set from pictures")
        if pictures.dtype != np.uint8 or pictures.shape[1:] != (3, side, side):
            raise BadInput(f"{name}: takes (N, 3, {side}, {side}) uint8, not {pictures.shape} {pictures.dtype}")
        quantize_activations(model, bits, (3, side, side))
        batches = Batches(torch.from_numpy(pictures), data["mean"], data["std"])
        calibrate(model, (batches.take(index) for index in torch.split(torch.arange(len(pictures)), _BATCH)))
    architecture = card["architecture"]
    source = {
        "checkpoint": Path(name).name.removesuffix(".safetensors"),
        "network": f"{architecture['name']} ×{architecture.get('width', 1):g}",
    }
    return lower(model, data["mean"], data["std"], input_shape=(3, side, side), labels=data["classes"], source=source)
