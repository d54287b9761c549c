"""A training from its name to its checkpoint: what `microbotnet train` does."""

import csv
import hashlib
import io
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .. import __version__
from ..atomic import cache_folder, write_atomically
from ..camera import Camera
from ..data.augment import Batches
from ..data.cifar10 import MEAN, STD
from ..data.resize import resized
from ..data.source import Source, check_unseen, positions
from ..data.unlabelled import load_unlabelled
from ..errors import BadInput
from ..inference import in_channels, shown, side_of
from ..nets import Fitted, create_model, input_shape_of
from ..nets import architecture as architecture_of
from ..quant.activations import quantize_activations
from ..quant.parametrize import bake, latent_kernels, make_quantizer, quantize
from ..quant.power_of_two import power_of_two_scales
from ..sources import NOTHING, Given, float_network
from .card import POWER_OF_TWO, activation_bits, has_power_of_two_scales, has_quantized_kernels
from .checkpoint import Checkpoint, save_checkpoint
from .loop import TrainingSet, top1, train
from .outside import outside_data
from .recipe import Recipe, fitted
from .redesign import redesigned
from .teacher import Ensemble, Renormalise, Teacher
from .transfer import network_for
from .tune import check_tune
from .views import views

if TYPE_CHECKING:
    from lightning_fabric import Fabric  # imports torch's compiler, for seconds

Record = dict[str, Any]
SCALES = ("any", POWER_OF_TWO)


@dataclass(frozen=True)
class Outcome:
    """A finished training: the checkpoint's path, its card, and the record of every epoch."""

    checkpoint: Path
    card: dict[str, Any]
    history: list[Record]


def train_on(
    source: Source,
    recipe: Recipe,
    recipe_name: str,
    folder: Path,
    *,
    net: str | None = None,
    width: float = 1.0,
    seed: int = 0,
    teacher: str | None = None,
    unlabelled: Sequence[str] = (),
    begin: str | None = None,
    given: Given = NOTHING,
    tune: str = "all",
    input_size: int | None = None,
    policy: str | None = None,
    quantizer: str = "one-negative-one",
    threshold: float | None = None,
    activations: int | None = None,
    scales: str = "any",
    fabric: "Fabric | None" = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
    on_epoch: Callable[[Record], None] = lambda record: None,
) -> Outcome:
    """Train a network on `source` into `folder`: `model.safetensors`, its card, `log.csv` and TensorBoard curves.

    With a policy also `latent.safetensors`, the full-precision kernels, from which quantized training can go on.

    The test pictures are looked at once, when the training is over.

    Args:
        source: the pictures; see `open_source`. They are resized to the network's size, and normalised as `begin`'s
            were, else as CIFAR-10's, so that weights carry over from one set to another.
        recipe, recipe_name: what to do, and what the card calls it; few pictures have a smaller batch (see `fitted`).
        net, width: `create_model`'s, or a design's file; None is MicroBotNet, or the network of `begin`.
        teacher: a checkpoint (name or file) whose outputs are followed; it must know all classes. Several, with commas
            between them, teach as one: the mean of their logits.
        unlabelled: names of sets and folders with more pictures, on which the teacher's answers alone are followed;
            see `load_unlabelled`. What is tested with is left out of them.
        begin: a checkpoint whose network and weights training begins with; where its classes are others, its last layer
            is new (see `network_for`). With `net` too, its weights begin that design (see `redesigned`).
        given: what `begin`'s file cannot say.
        tune: how much of the network is changed; see `freeze`.
        input_size: side of the network's pictures; None is that of `begin` or the design, else 32.
        policy, quantizer, threshold: train with quantized kernels (see `quant.quantize` and the quantizer's own
            threshold); a policy of None trains in float.
        activations: round activations to so many bits (see `quant.activations`); None does as `begin` was trained.
        scales: "any", or "power-of-two": all of them are, so that an integer engine shifts; needs activations.

    Raises:
        BadInput, Failed: see `train`.
    """
    if fabric is None:
        from lightning_fabric import Fabric

        fabric = Fabric(accelerator="cpu", devices=1)
    check_tune(tune)
    torch.manual_seed(seed)
    architecture: dict[str, Any]
    outside: list[str] = []
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    if begin is None:
        architecture = architecture_of(net or "microbotnet", len(source.classes), width=width, input_size=input_size)
        model = create_model(**architecture)
    else:
        loaded = float_network(begin, given)
        if policy is None and tune != "head" and has_quantized_kernels(loaded.card):
            raise BadInput(
                f"{begin}: its kernels are quantized and would be trained as floats; give --policy, and begin with the "
                "latent.safetensors that quantized training leaves beside its model.safetensors"
            )
        if policy is None and tune != "head" and (of := loaded.card.get("latent_of")):
            raise BadInput(
                f"{begin}: these are the full-precision kernels of quantized training, and would go on as floats; give "
                f"--policy {of['policy']} --quantizer {of['quantizer']}, or others"
            )
        check_unseen(source, loaded.card["data"], begin)
        if net is not None:
            loaded = redesigned(loaded, net, begin)
        model, architecture = network_for(loaded, begin, source.classes, input_size)
        mean, std = (tuple(loaded.card["data"][key]) for key in ("mean", "std"))
        if ".py:" not in begin or given.weights is not None:  # else nothing has been learned yet
            outside = outside_data(loaded.card, begin)
        activations = activations or activation_bits(loaded.card)
        scales = POWER_OF_TWO if has_power_of_two_scales(loaded.card) else scales
    if architecture["input_size"] is None:
        shape = "×".join(map(str, input_shape_of(architecture)))
        raise BadInput(f"{net}: takes {shape}, no pictures; train it in a loop of your own, then `import` it")
    if scales not in SCALES:
        raise BadInput(f"scales must be one of {', '.join(SCALES)}, not {scales!r}")
    power_of_two = scales == POWER_OF_TWO
    if power_of_two and activations is None:
        raise BadInput("power-of-two scales are those of integers; give --activations 8 too")
    originals, labels = source.load("train")
    told = len(labels) - recipe.holdout
    if told < 1:
        raise BadInput(f"{source.name} has {len(labels)} training pictures; a holdout of {recipe.holdout} leaves none")
    if unlabelled:
        more = load_unlabelled(unlabelled, originals.shape[-1], (originals, source.load("test")[0]))
        originals = torch.cat((originals[:told], more, originals[told:]))
        labels = torch.cat((labels[:told], torch.full((len(more),), -1), labels[told:]))
    recipe = fitted(recipe, len(labels) - recipe.holdout, fabric.world_size)
    images = resized(originals, architecture["input_size"])
    if begin is None and isinstance(model, Fitted):
        model.fit(Batches(images, mean, std).take(torch.arange(min(5000, len(images)))))
    if policy is not None:
        quantize(model, policy, make_quantizer(quantizer, threshold=threshold), images.shape[1:])
    if activations is not None:
        if power_of_two:
            power_of_two_scales(model, images.shape[1:])
        quantize_activations(model, activations, images.shape[1:], power_of_two=power_of_two)
    quantization = _quantization(policy, quantizer, threshold, activations, power_of_two)
    pictures = TrainingSet(source.name, images, labels, mean, std, originals)
    followed = make_teacher(teacher, recipe, pictures, source) if teacher else None
    outside = sorted({*outside, *(followed.outside if followed else [])})
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
        teacher=followed,
        tune=tune,
        describe={
            "architecture": architecture,
            "pictures": source.key,
            "quantization": None if quantization == "none" else quantization,
            "begin": begin,
            **({"tune": tune} if tune != "all" else {}),
        },
        on_step=on_step,
        on_epoch=finish_epoch,
    )
    test_images, test_labels = source.load("test")
    test_images = resized(test_images, architecture["input_size"])
    score = top1(kept, Batches(test_images, mean, std, device=fabric.device), test_labels)
    held_out = [record["holdout_top1"] for record in history if recipe.holdout]
    card = {
        "architecture": architecture,
        "quantization": quantization,
        "recipe": {
            "name": recipe_name,
            "seed": seed,
            "begin": begin,
            "tune": tune,
            "teacher": teacher,
            **asdict(recipe),
        },
        "data": {
            "name": source.name,
            "classes": list(source.classes),
            "mean": list(mean),
            "std": list(std),
            "training_pictures": told,
            **({"unlabelled": {"sets": list(unlabelled), "pictures": len(more)}} if unlabelled else {}),
            **({"outside": outside} if outside else {}),
            **({"split": source.share} if source.share is not None else {}),
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
        "machine": f"{fabric.world_size} × {fabric.device.type} ({platform.machine()}){_threads(fabric)}",
    }
    checkpoint = folder / "model.safetensors"
    if fabric.is_global_zero:
        latent = latent_kernels(kept)
        save_checkpoint(checkpoint, bake(kept), card)
        if latent:
            kept.load_state_dict(latent, strict=False)
            full = {"quantization": _quantization(None, quantizer, None, activations, power_of_two), "metrics": {}}
            full |= {"latent_of": quantization}
            save_checkpoint(folder / "latent.safetensors", kept, card | full)
        write_atomically(folder / "log.csv", _csv(history))
    return Outcome(checkpoint, card, history)


def _threads(fabric: "Fabric") -> str:
    return f", threads: {torch.get_num_threads()}" if fabric.device.type == "cpu" else ""


def _quantization(
    policy: str | None, quantizer: str, threshold: float | None, activations: int | None, power_of_two: bool
) -> str | dict[str, Any]:
    """As the card has it."""
    if policy is None and activations is None:
        return "none"
    found: dict[str, Any] = {"policy": "none", "quantizer": "float"}
    if policy is not None:
        found = {"policy": policy, "quantizer": quantizer, "retrained": True}
    if threshold is not None:
        found["threshold"] = threshold
    if activations is not None:
        found["activations"] = {"bits": activations} | ({"scales": POWER_OF_TWO} if power_of_two else {})
    return found


def evaluate_on(checkpoint: Checkpoint, source: Source, camera: Camera | None = None) -> dict[str, float | int]:
    """`top1` (percent) of a checkpoint on the test pictures of `source`, normalised as its card says; and `pictures`.

    Args:
        camera: through which it sees them.

    Raises:
        BadInput: it does not know a class of the pictures (named).
    """
    card = checkpoint.card
    check_unseen(source, card["data"], "the checkpoint")
    rows = torch.tensor(positions(card["data"]["classes"], source.classes, "the checkpoint"))
    images, labels = source.load("test")
    size, channels = side_of(input_shape_of(card["architecture"]), "the checkpoint")
    pictures = shown(images, size, camera)
    images = torch.from_numpy(in_channels(pictures, channels))
    batches = Batches(images, card["data"]["mean"], card["data"]["std"])
    return {"top1": round(top1(checkpoint.model, batches, rows[labels]), 2), "pictures": len(labels)}


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


def make_teacher(names: str, recipe: Recipe, pictures: TrainingSet, source: Source) -> Teacher | Ensemble:
    """One checkpoint, or several with commas between them, as a teacher."""
    members = [_member(name, recipe, pictures, source) for name in names.split(",")]
    return Ensemble(members) if len(members) > 1 else members[0]


def _member(name: str, recipe: Recipe, pictures: TrainingSet, source: Source) -> Teacher:
    """The checkpoint as a teacher; its outputs are kept in the user's cache, apart for each way of augmenting.

    One that looks at another size is shown the student's views cut out of the originals at that size, where the recipe
    zooms and there are such, else the student's views resized.
    """
    loaded = float_network(name)
    card = loaded.card
    check_unseen(source, card["data"], name)
    columns = positions(card["data"]["classes"], source.classes, f"{name}: the teacher")
    model, own = loaded.model, (card["data"]["mean"], card["data"]["std"])
    if own != (list(pictures.mean), list(pictures.std)):
        model = nn.Sequential(Renormalise(pictures.mean, pictures.std, *own), model)
    digest = hashlib.sha256(pictures.images.numpy().tobytes())
    for key, value in model.state_dict().items():
        digest.update(key.encode() + value.numpy().tobytes())
    kind = "both mirror images" if recipe.flip else "as it is"
    described = [kind, recipe.crop, recipe.zoom, recipe.jitter, recipe.views, recipe.holdout, columns]
    described += [recipe.mix] if recipe.mix else []  # answers that were kept before there was MixUp stay good
    size, draw = card["architecture"]["input_size"], None
    if size != pictures.images.shape[-1] and recipe.zoom and pictures.originals is not None:
        count = len(pictures.labels) - recipe.holdout
        larger = pictures.originals[:count]
        draw = views(resized(larger, size), larger, pictures.mean, pictures.std, recipe, torch.device("cpu"))
        described += [size, hashlib.sha256(larger.numpy().tobytes()).hexdigest()]
    digest.update(json.dumps(described).encode())
    key = digest.hexdigest()[:16]
    folder = cache_folder("teachers") / key
    outside = outside_data(card, name)
    return Teacher(key, model, columns, folder, size=size, draw=draw, mirror=recipe.flip, outside=outside)


def _csv(history: list[Record]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue().encode()
