"""From a checkpoint to its integer program."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..nets import input_shape_of
from ..quant.activations import NAME
from ..training.checkpoint import Checkpoint, load_checkpoint
from .convert import set_ranges
from .lower import lower
from .program import Program


def lower_checkpoint(
    checkpoint: str | Path | Checkpoint,
    inputs: NDArray[Any] | None = None,
    *,
    bits: int = 8,
    name: str | None = None,
) -> Program:
    """The integer program of a checkpoint.

    Args:
        checkpoint: its name, its file, or one that was loaded (which is changed: its activations are quantized).
        inputs: training pictures, (N, C, H, W) uint8, or features, (N, *shape) float32 as the network takes them; a
            thousand or so. They set the ranges of activations where the checkpoint was trained without; where it was
            trained with them they are not looked at.
        bits: of the activations then; 8 or 4.
        name: what a loaded checkpoint is called, for people.

    Raises:
        BadInput: see `load_checkpoint`, `calibrate` and `lower`; or pictures are needed and there are none.
    """
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(checkpoint)
    card, model = loaded.card, loaded.model
    name = name or ("the network" if isinstance(checkpoint, Checkpoint) else str(checkpoint))
    architecture, data = card["architecture"], card["data"]
    shape = input_shape_of(architecture)
    if getattr(model, NAME, None) is None:
        if inputs is None:
            raise BadInput(f"{name}: was trained without 8-bit activations; their ranges must be set from pictures")
        if inputs.dtype not in (np.uint8, np.float32) or inputs.shape[1:] != shape:
            sizes = ", ".join(map(str, shape))
            raise BadInput(f"{name}: takes (N, {sizes}) uint8 or float32, not {inputs.shape} {inputs.dtype}")
        set_ranges(model, inputs, data["mean"], data["std"], bits=bits)
    source = {
        "checkpoint": Path(name).name.removesuffix(".safetensors"),
        "network": f"{architecture['name']} ×{architecture.get('width', 1):g}",
    }
    features = inputs is not None and inputs.dtype == np.float32
    mean, std = (None, None) if features else (data["mean"], data["std"])
    numbered = data["classes"] == [str(number) for number in range(len(data["classes"]))]
    labels = [] if numbered else data["classes"]
    return lower(model, mean, std, input_shape=shape, labels=labels, source=source)
