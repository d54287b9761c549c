"""The training loop: one for every network, float or quantized, with or without a teacher."""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.augment import Batches
from ..data.mixup import draw_mix, mixed_labels
from ..errors import BadInput, Failed
from ..quant.latent import clip_latent
from ..quant.parametrize import quantized_layers
from ..quant.policy import kernels
from .cpu import faster_on_cpu
from .memory import keep_freed_memory
from .muon import Muon
from .norms import BATCHES, reestimate_norms
from .recipe import Recipe
from .settle import settle, settles
from .snapshot import Progress, State, load_snapshot, save_snapshot
from .teacher import Ensemble, Teacher
from .threads import fastest_threads, free_to_choose
from .tune import freeze
from .views import views
from .weights import QuantizedWeights

if TYPE_CHECKING:
    from lightning_fabric import Fabric  # imports torch's compiler, for seconds

_LOSS_CHECK = 50  # steps between looks for a loss that is no number


@dataclass(frozen=True)
class TrainingSet:
    """Pictures to learn from.

    images: (N, 3, H, W) uint8. labels: (N,) int64, −1 where nobody has told the class: there the teacher's answer is
    all there is to follow. mean, std: of each channel on the scale 0…1.
    originals: the same pictures, larger, where there are such.
    """

    name: str
    images: Tensor
    labels: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    originals: Tensor | None = None


def train(
    model: nn.Module,
    pictures: TrainingSet,
    recipe: Recipe,
    folder: Path,
    *,
    seed: int = 0,
    fabric: "Fabric | None" = None,
    teacher: Teacher | Ensemble | None = None,
    tune: str = "all",
    describe: dict[str, Any] | None = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
    on_epoch: Callable[[dict[str, Any]], None] = lambda record: None,
    on_resume: Callable[[list[dict[str, Any]]], None] = lambda history: None,
) -> tuple[nn.Module, list[dict[str, Any]]]:
    """Train `model` by `recipe`; return the network to keep, in eval mode, and a record of every epoch.

    A snapshot of everything is kept in `folder`; a training that was stopped goes on from it, and on the same
    machine ends with the same weights as one that was not. All randomness is a function of `seed` and the epoch.

    Args:
        fabric: where and how it runs; the default is one process. The recipe's batch is shared by all processes.
        teacher: its outputs are followed as the recipe says.
        tune: how much of the network is changed; see `freeze`.
        describe: what else decides the training (architecture, data), for the snapshot to be recognised by.
        on_step, on_epoch: told of (steps done, steps in all), and of each epoch's record.
        on_resume: told of the records of the epochs before the training was stopped.

    Raises:
        BadInput: `folder` holds another training, or the recipe and the pictures do not go together.
        Failed: the loss is no longer a number, or the disk is full; the last snapshot stays good.
    """
    if fabric is None:
        from lightning_fabric import Fabric

        fabric = Fabric(accelerator="cpu", devices=1)
    count = len(pictures.labels) - recipe.holdout
    steps = count // recipe.batch
    if steps < 1:
        raise BadInput(
            f"{pictures.name}: {count} training pictures do not fill a batch of {recipe.batch}; --batch {count} at most"
        )
    if recipe.batch % fabric.world_size or recipe.batch < 2 * fabric.world_size:
        raise BadInput(
            f"a batch of {recipe.batch} cannot be shared by {fabric.world_size} processes equally, two pictures at "
            "least for each"
        )
    if tune == "gradual" and fabric.world_size > 1:
        raise BadInput("gradual unfreezing needs one process; leave out --devices and --nodes")
    if recipe.settle and fabric.world_size > 1 and settles(model):
        raise BadInput("ternary kernels settle in one process only; leave out --devices and --nodes")
    keep_freed_memory()
    device = fabric.device
    originals = None if pictures.originals is None else pictures.originals[:count]
    draw = views(pictures.images[:count], originals, pictures.mean, pictures.std, recipe, device)
    held_out = Batches(pictures.images[count:], pictures.mean, pictures.std, device=device)
    told, labels = pictures.labels >= 0, pictures.labels.relu()
    if teacher is None and not told.all():
        raise BadInput("nobody says what is in unlabelled pictures; give --teacher too")
    distilled = torch.where(told, recipe.distillation, 1.0)  # the share of each picture's loss

    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(model, recipe)
    if tune == "gradual":
        for group in optimizer.param_groups:
            group["fused"] = False  # a fused step wants the momentum of all its parameters to begin at once
    averaged = copy.deepcopy(model) if recipe.average else model
    best: State = {}
    progress = Progress()
    snapshot = folder / "snapshot.safetensors"
    config = {"recipe": asdict(recipe), "seed": seed, "teacher": teacher and teacher.name, **(describe or {})}
    if snapshot.exists():
        progress, states = load_snapshot(snapshot, config, optimizer)
        on_resume(progress.history)
        model.load_state_dict(states["model"])
        averaged.load_state_dict(states.get("averaged", states["model"]))
        best = states.get("best", {})
    freeze(model, tune, progress.epochs, recipe.epochs)
    network, stepper = fabric.setup(model, optimizer)
    quantized, faster = QuantizedWeights(quantized_layers(model)), faster_on_cpu()

    def save() -> None:
        states = {"model": model.state_dict()}
        if averaged is not model:
            states["averaged"] = averaged.state_dict()
        if recipe.restart_from_best:
            states["best"] = best
        if fabric.is_global_zero:
            save_snapshot(snapshot, config, progress, states, optimizer)

    if progress.threads is not None:
        torch.set_num_threads(min(progress.threads, torch.get_num_threads()))
    elif device.type == "cpu" and fabric.world_size == 1 and free_to_choose():
        step_alone = _step_alone(model, draw(0, seed)(torch.arange(recipe.batch)), labels[: recipe.batch])
        progress.threads = fastest_threads(step_alone, torch.get_num_threads())
        save()

    for epoch in range(progress.epochs, recipe.epochs):
        begun = time.monotonic()
        stage_length = recipe.epochs // recipe.steps
        if recipe.restart_from_best and best and epoch % stage_length == 0:
            model.load_state_dict(best)
            averaged.load_state_dict(best)
            optimizer.state.clear()
        cached = teacher is not None and recipe.views > 0
        view = (epoch % recipe.views, 0) if cached else (epoch, seed)
        take = draw(*view)
        mix = draw_mix(count, recipe.mix, *view) if recipe.mix else None
        soft = teacher.outputs(take, count, epoch % recipe.views) if teacher and cached else None
        mirrored = cached and recipe.flip and epoch // recipe.views % 2 == 1  # every second time round
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 200_003 + epoch))
        torch.manual_seed((seed * 300_007 + epoch) * 1009 + fabric.global_rank)  # dropout
        freeze(model, tune, epoch, recipe.epochs)
        settle(model, averaged, recipe, epoch)
        old, new = _floats(averaged), _floats(model)
        total, right = torch.zeros((), device=device), torch.zeros((), device=device)
        shown = order[: steps * recipe.batch]
        for step, batch in enumerate(shown.reshape(steps, recipe.batch)):
            index = batch[fabric.global_rank :: fabric.world_size]
            done = epoch * steps + step
            rate = recipe.learning_rate * recipe.pace((done + 0.5) / (recipe.epochs * steps))
            for group in optimizer.param_groups:
                group["lr"] = rate
            inputs, targets = take(index), labels[index].to(device)
            if mirrored:
                inputs = inputs.flip(-1)
            with quantized.computed(), faster:
                logits = network(inputs)
            wanted = targets if mix is None else mixed_labels(labels, index, mix, logits.shape[1]).to(device)
            loss = F.cross_entropy(logits, wanted, label_smoothing=recipe.label_smoothing, reduction="none")
            if teacher is not None:
                followed = teacher(inputs) if soft is None else soft[index].to(device).float()
                share = distilled[index] if mix is None else distilled[index].maximum(distilled[mix.partner[index]])
                loss = torch.lerp(loss, _divergence(logits, followed, recipe.temperature), share.to(device))
            loss = loss.mean()
            stepper.zero_grad()
            fabric.backward(loss)
            stepper.step()
            if averaged is not model:
                _average(old, new, min(recipe.average, (1 + done) / (10 + done)))
            total += loss.detach()
            right += (told[index].to(device) & (logits.detach().argmax(1) == targets)).sum()
            if step % _LOSS_CHECK == 0 or step == steps - 1:
                _refuse_nan(total, epoch, snapshot)
            on_step(done + 1, recipe.epochs * steps)

        if recipe.reestimate_norms and (recipe.holdout or epoch == recipe.epochs - 1):
            some = torch.split(shown, recipe.batch)[:BATCHES]
            reestimate_norms(averaged, (take(index) for index in some))
        record = {
            "epoch": epoch + 1,
            "learning_rate": rate,
            "loss": _reduced(fabric, total, "mean") / steps,
            "train_top1": 100 * _reduced(fabric, right, "sum") / max(1, int(told[shown].sum())),
        }
        if recipe.holdout:
            record["holdout_top1"] = top1(averaged, held_out, labels[count:])
            if record["holdout_top1"] > progress.best:
                progress.best = record["holdout_top1"]
                best = {key: value.clone() for key, value in averaged.state_dict().items()}
        record["seconds"] = round(time.monotonic() - begun, 1)
        progress.epochs, progress.history = epoch + 1, [*progress.history, record]
        save()
        on_epoch(record)
    if recipe.restart_from_best:
        averaged.load_state_dict(best)
    return averaged.eval(), progress.history


def _step_alone(model: nn.Module, inputs: Tensor, targets: Tensor) -> Callable[[], None]:
    """Forward and back through a copy of the model, which learns nothing."""
    copied = copy.deepcopy(model)
    quantized, faster = QuantizedWeights(quantized_layers(copied)), faster_on_cpu()

    def step() -> None:
        with quantized.computed(), faster:
            loss = F.cross_entropy(copied(inputs), targets)
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]

    return step


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer.

    Norms and biases are the parameters of one dimension. Those of none are scales of quantized kernels, which decay
    would draw to zero with the kernel.
    """
    free = set() if recipe.decay_depthwise else depthwise_kernels(model)
    undecayed = [p for p in model.parameters() if p in free]
    groups: list[dict[str, Any]] = [
        {
            "params": [p for p in model.parameters() if p.ndim > 1 and p not in free],
            "weight_decay": recipe.weight_decay,
        },
        {
            "params": [p for p in model.parameters() if p.ndim == 1],
            "weight_decay": recipe.weight_decay if recipe.decay_norms else 0.0,
        },
        {"params": [p for p in model.parameters() if p.ndim == 0], "weight_decay": 0.0},
        *([{"params": undecayed, "weight_decay": 0.0}] if undecayed else []),
    ]
    rate, beta = recipe.learning_rate, recipe.momentum
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "adam":
        optimizer = torch.optim.Adam(groups, lr=rate, betas=(beta, 0.999), fused=True)
    elif recipe.optimizer == "muon":
        matrices = {"params": [p for p in model.parameters() if p.ndim == 4], "orthogonal": True}  # of a fixed norm
        rest = [group | {"params": [p for p in group["params"] if p.ndim != 4]} for group in groups]
        optimizer = Muon([matrices, *rest], lr=rate, momentum=beta)
    else:
        optimizer = torch.optim.SGD(groups, lr=rate, momentum=beta, nesterov=recipe.nesterov, fused=True)
    quantizers: list[Any] = [layer.parametrizations for layer in quantized_layers(model)]
    bounded = nn.ModuleList(found for found in quantizers if getattr(found.weight[0], "bound", None))
    if bounded:  # found once: a walk over all modules costs 2 % of a step
        optimizer.register_step_post_hook(lambda *_: clip_latent(bounded))
    return optimizer


def depthwise_kernels(model: nn.Module) -> set[nn.Parameter]:
    """The kernels of one filter a channel; of those that are quantized, the full-precision ones."""
    layers = [model.get_submodule(kernel.name) for kernel in kernels(model) if kernel.kind == "depthwise"]
    return {p for layer in layers for p in layer.parameters() if p.ndim > 1}


def top1(model: nn.Module, batches: Batches, labels: Tensor, batch: int = 500) -> float:
    """Percent of the pictures whose first class is right; the model is left in eval mode."""
    model.eval()
    with torch.inference_mode():
        right = [
            int((model(batches.take(index)).argmax(1).cpu() == labels[index]).sum())
            for index in torch.split(torch.arange(len(labels)), batch)
        ]
    return 100 * sum(right) / len(labels)


def _reduced(fabric: "Fabric", value: Tensor, how: str) -> float:
    """`value` brought together from all processes."""
    return float(cast(Tensor, fabric.all_reduce(value, reduce_op=how)))


def _divergence(logits: Tensor, followed: Tensor, temperature: float) -> Tensor:
    """Each picture's distillation loss (Hinton et al. 2015, arXiv 1503.02531), times T² to keep its gradients' size."""
    ours, theirs = F.log_softmax(logits / temperature, 1), F.log_softmax(followed / temperature, 1)
    return F.kl_div(ours, theirs, reduction="none", log_target=True).sum(1) * temperature**2


def _floats(model: nn.Module) -> list[Tensor]:
    """The weights and batch-norm statistics themselves."""
    return [value for value in model.state_dict().values() if value.is_floating_point()]


def _average(averaged: list[Tensor], new: list[Tensor], decay: float) -> None:
    """Move every tensor of `averaged` towards its like in `new`."""
    same = [b if b.dtype is a.dtype else b.to(a.dtype) for a, b in zip(averaged, new, strict=True)]
    torch._foreach_lerp_(averaged, same, 1 - decay)


def _refuse_nan(loss: Tensor, epoch: int, snapshot: Path) -> None:
    if not torch.isfinite(loss):
        kept = f"the state after epoch {epoch} is safe in {snapshot}" if epoch else "no epoch was finished"
        raise Failed(f"the loss became {float(loss)} in epoch {epoch + 1}; lower the learning rate; {kept}")
