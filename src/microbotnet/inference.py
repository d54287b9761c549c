"""Run a network on pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from .data.augment import Batches


def predict(
    model: nn.Module, pictures: np.ndarray[Any, np.dtype[np.uint8]], mean: Sequence[float], std: Sequence[float]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The probability of every class, float32, N×classes.

    Args:
        model: in eval mode, from normalised pictures to logits.
        pictures: uint8, N×3×H×W, all seen in one batch.
        mean, std: of each channel, on the scale 0…1.
    """
    batches = Batches(torch.from_numpy(pictures), mean, std)
    with torch.inference_mode():
        return model(batches.take(torch.arange(len(pictures)))).softmax(1).numpy()  # type: ignore[no-any-return]
