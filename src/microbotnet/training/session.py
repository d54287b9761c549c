"""A training from its name to its checkpoint: what `microbotnet train` does."""

import csv
import hashlib
import io
import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs
import torch
from lightning_fabric import Fabric

from .. import __version__
from ..atomic import write_atomically
from ..data.augment import Batches
from ..data.cifar10 import CLASSES, MEAN, STD, load_cifar10
from ..errors import BadInput
from ..nets import create_model
from ..quant.parametrize import bake, quantize
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .loop import TrainingSet, top1, train
from .recipe import Recipe
from .teacher import Teacher

Record = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A finished training: the checkpoint's path, its card, and the record of every epoch."""

    checkpoint: Path
    card: dict[str, Any]
    history: list[Record]


def train_on_cifar10(
    recipe: Recipe,
    recipe_name: str,
    folder: Path,
    *,
    net: str = "microbotnet",
    width: float = 1.0,
    seed: int = 0,
    teacher: str | None = None,
    begin: str | None = None,
    policy: str | None = None,
    quantizer: str = "one-negative-one",
    data: Path | None = None,
    fabric: Fabric | None = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
    on_epoch: Callable[[Record], None] = lambda record: None,
) -> Outcome:
    """Train a network on CIFAR-10 into `folder`: `model.safetensors`, its card, `log.csv` and TensorBoard curves.

    The test pictures are looked at once, when the training is over.

    Args:
        recipe, recipe_name: what to do, and what the card calls it.
        net, width: `create_model`'s.
        teacher: a checkpoint (name or file) whose outputs are followed.
        begin: a checkpoint whose network and weights training begins with, instead of `net` and `width`.
        policy, quantizer: train with quantized kernels (see `quant.quantize`); None trains in float.
        data: CIFAR-10's folder; see `load_cifar10`.

    Raises:
        BadInput, Failed: see `train`.
    """
    fabric = fabric or Fabric(accelerator="cpu", devices=1)
    architecture: dict[str, Any] = {"name": net, "width": width, "num_classes": len(CLASSES), "input_size": 32}
    torch.manual_seed(seed)
    if begin is None:
        model = create_model(**architecture)
    else:
        loaded = load_checkpoint(begin)
        model, architecture = loaded.model, loaded.card["architecture"]
        if architecture["num_classes"] != len(CLASSES):
            raise BadInput(f"{begin}: has {architecture['num_classes']} classes, CIFAR-10 {len(CLASSES)}")
    quantization: str | dict[str, Any] = "none"
    if policy is not None:
        quantize(model, policy, quantizer)
        quantization = {"policy": policy, "quantizer": quantizer, "retrained": True}
    images, labels = load_cifar10(data, "train")
    pictures = TrainingSet("cifar10", images, labels, MEAN, STD)
    curves = _Curves(folder) if fabric.is_global_zero else None

    def finish_epoch(record: Record) -> None:
        if curves:
            curves.add(record)
        on_epoch(record)

    kept, history = train(
        model,
        pictures,
        recipe,
        folder,
        seed=seed,
        fabric=fabric,
        teacher=_teacher(teacher, recipe, pictures, len(CLASSES)) if teacher else None,
        describe={
            "architecture": architecture,
            "pictures": pictures.name,
            "quantization": quantization if policy else None,
            "begin": begin,
        },
        on_step=on_step,
        on_epoch=finish_epoch,
    )
    test_images, test_labels = load_cifar10(data, "test")
    score = top1(kept, Batches(test_images, MEAN, STD, device=fabric.device), test_labels)
    held_out = [record["holdout_top1"] for record in history if recipe.holdout]
    card = {
        "architecture": architecture,
        "quantization": quantization,
        "recipe": {"name": recipe_name, "seed": seed, "begin": begin, "teacher": teacher, **asdict(recipe)},
        "data": {
            "name": "cifar10",
            "classes": list(CLASSES),
            "mean": list(MEAN),
            "std": list(STD),
            "training_pictures": len(labels) - recipe.holdout,
        },
        "metrics": {
            "top1": round(score, 2),
            "test_pictures": len(test_labels),
            **({"holdout_top1": max(held_out) if recipe.restart_from_best else held_out[-1]} if held_out else {}),
            "train_loss": history[-1]["loss"],
            "train_top1": history[-1]["train_top1"],
        },
        "versions": {
            "microbotnet": __version__,
            "torch": torch.__version__,
            "lightning-fabric": version("lightning-fabric"),
            "python": platform.python_version(),
        },
        "machine": f"{fabric.world_size} × {fabric.device.type} ({platform.machine()})",
    }
    checkpoint = folder / "model.safetensors"
    if fabric.is_global_zero:
        save_checkpoint(checkpoint, bake(kept), card)
        write_atomically(folder / "log.csv", _csv(history))
    return Outcome(checkpoint, card, history)


def evaluate_on_cifar10(checkpoint: Checkpoint, data: Path | None = None) -> dict[str, float | int]:
    """`top1` (percent) of a checkpoint on the 10,000 test pictures, normalised as its card says; and `pictures`."""
    images, labels = load_cifar10(data, "test")
    mean, std = checkpoint.card["data"]["mean"], checkpoint.card["data"]["std"]
    return {"top1": round(top1(checkpoint.model, Batches(images, mean, std), labels), 2), "pictures": len(labels)}


class _Curves:
    """TensorBoard's event file, opened when the first epoch ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tensorboard"
        self.writer: Any = None

    def add(self, record: Record) -> None:
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(self.folder), purge_step=record["epoch"])
        for key, value in record.items():
            if key != "epoch":
                self.writer.add_scalar(key, value, record["epoch"])
        self.writer.flush()


def _teacher(name: str, recipe: Recipe, pictures: TrainingSet, classes: int) -> Teacher:
    """The checkpoint as a teacher; its outputs are kept in the user's cache, apart for each way of augmenting."""
    loaded = load_checkpoint(name)
    card = loaded.card
    if card["architecture"]["num_classes"] != classes:
        raise BadInput(f"{name}: a teacher of {card['architecture']['num_classes']} classes cannot teach {classes}")
    if [*card["data"]["mean"], *card["data"]["std"]] != [*pictures.mean, *pictures.std]:
        raise BadInput(f"{name}: the teacher's pictures were normalised otherwise; see mean and std in its card")
    digest = hashlib.sha256(pictures.images.numpy().tobytes())
    for key, value in loaded.model.state_dict().items():
        digest.update(key.encode() + value.numpy().tobytes())
    digest.update(json.dumps([recipe.crop, recipe.flip, recipe.views, recipe.holdout]).encode())
    key = digest.hexdigest()[:16]
    return Teacher(key, loaded.model, Path(platformdirs.user_cache_dir("microbotnet")) / "teachers" / key)


def _csv(history: list[Record]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue().encode()
