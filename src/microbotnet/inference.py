"""Run a network on pictures: what has an integer program as compiled C, other checkpoints in torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .weights import shipped_cards

if TYPE_CHECKING:
    from torch import nn

Pictures = np.ndarray[Any, np.dtype[np.uint8]]
Probabilities = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Predictor:
    """A checkpoint, ready to answer.

    predict: from pictures (N, 3, size, size) uint8 to probabilities (N, classes).
    engine: what runs it, for people.
    """

    predict: Callable[[Pictures], Probabilities]
    classes: Sequence[str]
    size: int
    engine: str


def predictor(checkpoint: str) -> Predictor:
    """Open a checkpoint. What is shipped, and a .program file, runs as integers and without torch.

    Raises:
        BadInput: see `open_program` and `load_checkpoint`.
    """
    if checkpoint in shipped_cards() or checkpoint.endswith(".program"):
        from .engine import load

        network = load(checkpoint)
        return Predictor(network.predict, network.labels, network.input_shape[1], network.engine)
    import torch

    from .training.checkpoint import load_checkpoint

    torch.set_num_threads(1)  # small networks: more threads wait for each other longer than they compute
    loaded = load_checkpoint(checkpoint)
    data, side = loaded.card["data"], loaded.card["architecture"]["input_size"]
    return Predictor(
        lambda pictures: predict(loaded.model, pictures, data["mean"], data["std"]), data["classes"], side, "torch"
    )


def predict(model: "nn.Module", pictures: Pictures, mean: Sequence[float], std: Sequence[float]) -> Probabilities:
    """The probability of every class, float32, N×classes.

    Args:
        model: in eval mode, from normalised pictures to logits.
        pictures: uint8, N×3×H×W, all seen in one batch.
        mean, std: of each channel, on the scale 0…1.
    """
    import torch

    from .data.augment import Batches

    batches = Batches(torch.from_numpy(pictures), mean, std)
    with torch.inference_mode():
        return model(batches.take(torch.arange(len(pictures)))).softmax(1).numpy()  # type: ignore[no-any-return]
