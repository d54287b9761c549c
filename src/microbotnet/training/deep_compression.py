"""Deep Compression of a checkpoint (Han et al. 2015, arXiv 1510.00149): prune, retrain, share, fine-tune, encode."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from .. import __version__
from ..compress.coding import fixed_width_bytes
from ..compress.file import SUFFIX, write_compressed
from ..compress.prune import Share, gradual, prune
from ..compress.share import share
from ..data.augment import Batches, draw_view
from ..data.cifar10 import has_cifar10
from ..data.resize import resized
from ..data.source import CIFAR10, Source, check_unseen, open_source
from ..errors import BadInput, Failed
from ..quant.parametrize import bake
from ..quant.policy import kernels
from ..sources import is_outside
from .checkpoint import Checkpoint, load_checkpoint
from .loop import TrainingSet, top1, train
from .norms import reestimate_norms
from .recipe import fitted, load_recipe
from .session import make_teacher

Record = dict[str, Any]

_MEASURED = 5000  # training pictures for batch norms that no training adapts


@dataclass(frozen=True)
class Plan:
    """What is done to a checkpoint.

    sparsity, per: the share of the kernels' weights that is pruned (0: none), and whether over the network or in each
        layer.
    bits: each kernel shares 2^bits centroids.
    retrain, rounds: epochs of training after pruning; with several rounds the sparsity grows from one to the next and
        each has its share of the epochs.
    tune: epochs of training the centroids, batch norms and biases.
    teacher: a checkpoint (name or file) whose outputs are followed while training.
    holdout: training pictures kept out, on which the stages are measured instead of the test pictures.
    """

    sparsity: float = 0.5
    per: Share = "network"
    bits: int = 6
    retrain: int = 0
    rounds: int = 1
    tune: int = 0
    teacher: str | None = None
    holdout: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Stage:
    """Bytes on disk after a stage, and top-1 (percent) where pictures were at hand."""

    name: str
    bytes: int
    top1: float | None


@dataclass(frozen=True)
class Layer:
    """A kernel in the file: its weights, those that are not zero, distinct values among them, and its bytes."""

    name: str
    weights: int
    kept: int
    values: int
    bytes: int


@dataclass(frozen=True)
class Report:
    """What `deep_compress` made.

    `other_bytes` are those of batch norms and biases, `header_bytes` those of names, card and code lengths. `measured`
    says on which pictures top-1 was taken.
    """

    checkpoint: str
    file: str
    plan: Plan
    stages: tuple[Stage, ...]
    layers: tuple[Layer, ...]
    other_bytes: int
    header_bytes: int
    measured: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def deep_compress(
    checkpoint: str,
    output: Path,
    plan: Plan,
    folder: Path,
    *,
    data: str | None = None,
    split: float | None = None,
    fabric: Fabric | None = None,
    on_step: Callable[[str, int, int], None] = lambda what, done, total: None,
    on_epoch: Callable[[str, Record], None] = lambda what, record: None,
) -> Report:
    """Compress `checkpoint` into the one file `output`, and read it back to the same weights, bit for bit.

    A stage that is not followed by training has its batch norms measured again, where there are pictures.

    Args:
        checkpoint: its name or file.
        output: a file that ends in .mbz.
        folder: for the snapshots of the trainings; the same command goes on from them.
        data, split: the pictures to train and measure with; see `open_source`. None takes the set that the checkpoint
            was trained on, and does without it where it is not at hand and nothing is trained.
        on_step, on_epoch: as `train`'s, with what is being trained.

    Raises:
        BadInput: see `load_checkpoint`, `prune`, `share` and `train`; or the plan or the output makes no sense.
        Failed: see `train`; or the file reads back otherwise than it was written.
    """
    if output.suffix != SUFFIX or output.is_dir():
        raise BadInput(f"{output}: a compressed checkpoint is written as a file that ends in {SUFFIX}")
    if output.resolve() == Path(checkpoint).resolve():
        raise BadInput(f"{output}: would write over the checkpoint that is read; choose another name")
    if plan.retrain and not plan.sparsity:
        raise BadInput("retraining follows pruning; give a sparsity over 0")
    if not 1 <= plan.rounds <= max(plan.retrain, 1):
        raise BadInput(f"--rounds {plan.rounds} needs --retrain {plan.rounds} or more, not {plan.retrain}")
    if is_outside(checkpoint):
        raise BadInput(f"{checkpoint}: compress takes checkpoints of the zoo's networks; this one is from outside")
    loaded = load_checkpoint(checkpoint)
    source = _source(loaded, plan, data, split)
    work = _Work(loaded, plan, folder, source, fabric or Fabric(accelerator="cpu", devices=1), on_step, on_epoch)
    model = loaded.model
    values = sum(tensor.numel() for tensor in _floats(model).values())
    stages = [Stage("float32", 4 * values, work.top1(model))]

    decides = {key: getattr(plan, key) for key in ("sparsity", "per", "retrain", "rounds")}
    for i, sparsity in enumerate(gradual(plan.sparsity, plan.rounds) if plan.sparsity else []):
        prune(model, sparsity, plan.per)
        epochs = plan.retrain * (i + 1) // plan.rounds - plan.retrain * i // plan.rounds
        what = f"pruned-{plan.sparsity:g}-{i + 1}of{plan.rounds}"
        model = bake(work.trained(model, "deep-compression", epochs, what, decides))
    stages.append(Stage("pruned", _bytes(model, codebook=False), work.top1(model)))

    share(model, plan.bits)
    what = f"shared-{plan.sparsity:g}-{plan.bits}bits"
    model = bake(work.trained(model, "centroids", plan.tune, what, decides | {"bits": plan.bits}))
    _halve(model)
    stages.append(Stage("shared", _bytes(model, codebook=True), work.top1(model)))

    state = model.state_dict()
    card = _card(loaded, checkpoint, plan, stages[-1].top1, work)
    sizes = write_compressed(output, {key: value.cpu().numpy() for key, value in state.items()}, card)
    again = load_checkpoint(output).model
    for key, value in _floats(again).items():
        if not torch.equal(value.view(torch.int32), state[key].cpu().contiguous().view(torch.int32)):
            raise Failed(
                f"{output}: {key} reads back otherwise than it was written; this is a fault of microbotnet: please "
                "report it"
            )
    stages.append(Stage("huffman", output.stat().st_size, work.top1(again)))

    layers = tuple(_layer(kernel.name, state[f"{kernel.name}.weight"], sizes) for kernel in kernels(again))
    other = sum(sizes.values()) - sizes[""] - sum(layer.bytes for layer in layers)
    return Report(checkpoint, str(output), plan, tuple(stages), layers, other, sizes[""], work.measured)


class _Work:
    """The pictures, to train and to measure with."""

    def __init__(
        self,
        loaded: Checkpoint,
        plan: Plan,
        folder: Path,
        source: Source | None,
        fabric: Fabric,
        on_step: Callable[[str, int, int], None],
        on_epoch: Callable[[str, Record], None],
    ) -> None:
        self.plan, self.folder, self.fabric = plan, folder, fabric
        self.on_step, self.on_epoch = on_step, on_epoch
        self.digest = _digest(loaded.model)
        self.measured: str | None = None
        if source is None:
            return
        self.source = source
        size = loaded.card["architecture"]["input_size"]
        mean, std = (tuple(loaded.card["data"][key]) for key in ("mean", "std"))
        images, labels = source.load("train")
        self.pictures = TrainingSet(source.name, resized(images, size), labels, mean, std)
        if plan.holdout:
            if plan.holdout >= len(labels):
                raise BadInput(f"a holdout of {plan.holdout} leaves none of the {len(labels)} training pictures")
            images, self.labels = self.pictures.images[-plan.holdout :], labels[-plan.holdout :]
        else:
            images, self.labels = source.load("test")
        self.measured = f"{len(self.labels):,} {'held-out training' if plan.holdout else 'test'} pictures"
        self.batches = Batches(resized(images, size), mean, std, device=fabric.device)

    def top1(self, model: nn.Module) -> float | None:
        if not self.measured:
            return None
        return round(top1(model.to(self.fabric.device), self.batches, self.labels), 2)

    def with_new_norms(self, model: nn.Module) -> nn.Module:
        """The model with its batch norms measured again on training pictures as they are augmented."""
        recipe, pictures = load_recipe("centroids"), self.pictures
        count = len(pictures.labels) - self.plan.holdout
        view = draw_view(count, recipe.crop, recipe.flip, 0, self.plan.seed)
        some = torch.randperm(count, generator=torch.Generator().manual_seed(self.plan.seed))[:_MEASURED]
        batches = Batches(
            pictures.images[:count], pictures.mean, pictures.std, pad=recipe.crop, device=self.fabric.device
        )
        inputs = (batches.take(index, view) for index in some.chunk(-(-len(some) // 500)))  # no last one of one picture
        reestimate_norms(model.to(self.fabric.device), inputs)
        return model.cpu()

    def trained(self, model: nn.Module, recipe_name: str, epochs: int, what: str, decides: Record) -> nn.Module:
        if epochs == 0:
            return self.with_new_norms(model) if self.measured else model
        recipe = load_recipe(recipe_name, {"epochs": epochs, "holdout": self.plan.holdout})
        recipe = fitted(recipe, len(self.pictures.labels) - recipe.holdout, self.fabric.world_size)
        teacher = self.plan.teacher
        kept, _ = train(
            model,
            self.pictures,
            recipe,
            self.folder / what,
            seed=self.plan.seed,
            fabric=self.fabric,
            teacher=make_teacher(teacher, recipe, self.pictures, self.source) if teacher else None,
            describe={"checkpoint": self.digest, **decides},
            on_step=lambda done, total: self.on_step(what, done, total),
            on_epoch=lambda record: self.on_epoch(what, record),
        )
        return kept.cpu()


def _source(loaded: Checkpoint, plan: Plan, data: str | None, split: float | None) -> Source | None:
    """The pictures; None where they are neither at hand nor needed."""
    card = loaded.card
    name = data or card["data"]["name"]
    needed = data is not None or plan.retrain or plan.tune or plan.holdout
    if not needed and not (name == CIFAR10 and has_cifar10()):
        return None
    source = open_source(name, size=card["architecture"]["input_size"], split=split, trained=card["data"])
    check_unseen(source, card["data"], "the checkpoint")
    if source.classes != tuple(card["data"]["classes"]):
        raise BadInput(f"{source.name} has other classes than the checkpoint; give the --data that it was trained on")
    return source


def _floats(model: nn.Module) -> dict[str, Tensor]:
    return {key: value for key, value in model.state_dict().items() if value.is_floating_point()}


def _bytes(model: nn.Module, *, codebook: bool) -> int:
    """Of the kernels without Huffman coding; other values have four bytes, or with a codebook what `_halve` left."""
    names = {f"{kernel.name}.weight" for kernel in kernels(model)}
    total = 0
    for key, value in _floats(model).items():
        if key in names:
            total += fixed_width_bytes(value.cpu().numpy(), codebook=codebook)
        else:
            total += value.numel() * (2 if codebook and torch.equal(value.half().float(), value) else 4)
    return total


@torch.no_grad()
def _halve(model: nn.Module) -> None:
    """Round every tensor to float16, unless one of its values is too large for that."""
    for value in _floats(model).values():
        half = value.half().to(value.dtype)
        if half.isfinite().all():
            value.copy_(half)


def _layer(name: str, weight: Tensor, sizes: Mapping[str, int]) -> Layer:
    kept = weight[weight != 0]
    return Layer(name, weight.numel(), kept.numel(), len(torch.unique(kept)), sizes[f"{name}.weight"])


def _digest(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for key, value in model.state_dict().items():
        digest.update(key.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _card(loaded: Checkpoint, name: str, plan: Plan, score: float | None, work: _Work) -> dict[str, Any]:
    card: dict[str, Any] = {
        "architecture": loaded.card["architecture"],
        "quantization": loaded.card.get("quantization", "unknown"),
        "compression": {"checkpoint": Path(name).name, **asdict(plan)},
        "data": {key: value for key, value in loaded.card["data"].items() if key != "training_pictures"},
        "versions": {"microbotnet": __version__, "torch": torch.__version__},
    }
    if score is not None and not plan.holdout:
        card["metrics"] = {"top1": score, "test_pictures": len(work.labels)}
    return card
