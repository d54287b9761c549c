"""A design's worth by a short training, judged on pictures held out of the training set; never on test pictures."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data.cifar10 import MEAN, STD
from ..design import Design
from ..nets.designed import Designed
from ..training.launch import make_fabric
from ..training.loop import TrainingSet, train
from ..training.recipe import Recipe

SNAPSHOT = "snapshot.safetensors"


def short_training(
    design: Design,
    images: Tensor,
    labels: Tensor,
    classes: int,
    recipe: Recipe,
    folder: Path,
    *,
    seed: int = 0,
    on_epoch: Callable[[dict[str, Any]], None] = lambda record: None,
) -> list[dict[str, Any]]:
    """Train in float and return the record of every epoch, `holdout_top1` among it.

    A training that was stopped goes on from its snapshot in `folder`, as `train` does.

    Args:
        images: (N, 3, H, W) uint8; the recipe's hold-out is its end. labels: (N,) int64.
        on_epoch: told of all epochs, those before it was stopped included.
    """
    torch.manual_seed(seed)
    model = Designed(design, num_classes=classes)
    pictures = TrainingSet("search", images, labels, MEAN, STD)
    fabric = make_fabric("auto", 1, 1, "32-true")
    kept = replace(recipe, views=0, restart_from_best=False)
    describe = {"design": design.to_json()}

    def again(history: list[dict[str, Any]]) -> None:
        for record in history:
            on_epoch(record)

    _, history = train(
        model, pictures, kept, folder, seed=seed, fabric=fabric, describe=describe, on_epoch=on_epoch, on_resume=again
    )
    return history
