"""Why the notes' ternary network lost 6.5 points: retrainings that differ in one cause each.

    python benchmarks/ternary_study.py [--epochs 2] [--seeds 0,1,2] [--variants notes,sign,…] [--cache DIR]

Every run begins with the same float MicroBotNet ×0.32, trained here on the first 45,000 training pictures of CIFAR-10
(once, then kept in the cache), retrains it on those under the notes' policy, and is measured on the other 5,000. The
test pictures are never looked at. A stopped study goes on where it stopped; each finished run is one more line of
docs/results/ternary-study.csv, and a line that is there is not run again. At its end stand the means over the seeds.

The notes' whole recipe is `notes`. Those named after one cause mend it alone; `mended` mends all of them; `mended
without …` all but one. `float` is the mended recipe without quantizers, what a loss is measured against; `sgd` is
the mended one with this package's optimizer and averaged weights; `ones` are one-negative-one.
"""

import argparse
import csv
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean

import platformdirs
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from microbotnet import create_model
from microbotnet.data.augment import Batches, draw_view
from microbotnet.data.cifar10 import CLASSES, MEAN, STD, load_cifar10
from microbotnet.quant import bake, quantize
from microbotnet.quant.ternary import OneNegativeOne
from microbotnet.quant.ttq import TTQ, NegativeGradient, Start, ttq
from microbotnet.training.checkpoint import load_checkpoint, save_checkpoint
from microbotnet.training.loop import TrainingSet, top1, train
from microbotnet.training.recipe import Recipe, load_recipe
from microbotnet.training.teacher import Teacher

HOLDOUT = 5000
FLOAT_EPOCHS = 8
RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results" / "ternary-study.csv"


@dataclass(frozen=True)
class Variant:
    """One way to retrain. The defaults are the notes' recipe as their checkpoints show it (ternary_autopsy.py).

    Three Adams of one rate, as in the notes, are one Adam: its steps are taken weight by weight.
    """

    quantizer: str = "ttq"
    policy: str = "notes"
    gradient: NegativeGradient = "notes"
    start: Start = "one"
    gates_start: Start = "one"  # of the scales in squeeze-and-excite's linears
    share_of_mean: float | None = None  # None: Δ = 0.05·max|W|, else this share of mean|W|
    train_kernels: bool = False  # those left in float, the stem's among them; the classifier is always trained
    train_norms: bool = False  # γ and β of all, not only of `TRAINED_NORMS`; the statistics always follow
    anneal: bool = False
    augment: bool = False
    distil: bool = False  # from the float network that it begins with
    optimizer: str = "adam"
    average: float = 0.0


TRAINED_NORMS = {f"features.{i}" for i in ("0.1", "11.1", *(f"{block}.conv.8" for block in (3, 4, 5, 7, 8, 9, 10)))}
NOTES = Variant()
MENDS = {
    "sign": {"gradient": "derivative"},
    "scales": {"start": "mean", "gates_start": "mean"},
    "gates": {"gates_start": "mean"},
    "threshold": {"share_of_mean": 0.7},
    "kernels": {"train_kernels": True},
    "norms": {"train_norms": True},
    "annealing": {"anneal": True},
    "augmentation": {"augment": True},
    "distillation": {"distil": True},
}
MENDED = replace(NOTES, **{key: value for mend in MENDS.values() for key, value in mend.items()})  # type: ignore[arg-type]
ONES = {"quantizer": "one-negative-one", "share_of_mean": None}
VARIANTS = {
    "notes": NOTES,
    "mended": MENDED,
    "float": replace(MENDED, quantizer="none"),
    "sgd": replace(MENDED, optimizer="sgd", average=0.99),
    "sgd float": replace(MENDED, quantizer="none", optimizer="sgd", average=0.99),
    **{name: replace(NOTES, **mend) for name, mend in MENDS.items()},  # type: ignore[arg-type]
    **{
        f"mended without {name}": replace(MENDED, **{key: getattr(NOTES, key) for key in mend})
        for name, mend in MENDS.items()
    },
    "ones": replace(MENDED, **ONES),  # type: ignore[arg-type]
    "ones scaled": replace(MENDED, **ONES, policy="notes-scaled"),  # type: ignore[arg-type]
    "sgd ones": replace(MENDED, **ONES, optimizer="sgd", average=0.99),  # type: ignore[arg-type]
    "sgd ones scaled": replace(MENDED, **ONES, policy="notes-scaled", optimizer="sgd", average=0.99),  # type: ignore[arg-type]
}


class UnboundedTTQ(TTQ):
    """TTQ as in the notes: nothing keeps the scales over 0."""

    def forward(self, weight: Tensor) -> Tensor:
        scales = self.positive, self.negative
        return ttq(weight, *scales, self.threshold, measure=self.measure, negative_gradient=self.negative_gradient)


def float_network(pictures: TrainingSet, cache: Path) -> Path:
    """The checkpoint that every run begins with."""
    path = cache / "float" / "model.safetensors"
    if not path.exists():
        recipe = load_recipe("modern", {"epochs": FLOAT_EPOCHS, "holdout": HOLDOUT, "average": 0.998})
        torch.manual_seed(0)
        model, history = train(
            create_model("microbotnet", width=0.32), pictures, recipe, path.parent, on_epoch=partial(say, "float")
        )
        architecture = {"name": "microbotnet", "width": 0.32, "num_classes": len(CLASSES), "input_size": 32}
        data = {"name": "cifar10", "classes": CLASSES, "mean": MEAN, "std": STD}
        card = {"architecture": architecture, "quantization": "none", "data": data, "history": history}
        save_checkpoint(path, model, card)
    return path


def make_quantizer(variant: Variant) -> nn.Module:
    threshold, measure = (0.05, "max") if variant.share_of_mean is None else (variant.share_of_mean, "mean")
    if variant.quantizer == "one-negative-one":
        return OneNegativeOne(threshold, measure)  # type: ignore[arg-type]
    return UnboundedTTQ(threshold, measure=measure, negative_gradient=variant.gradient, start=variant.start)  # type: ignore[arg-type]


def prepared(variant: Variant, begin: Path) -> tuple[nn.Module, list[str]]:
    """The float network with its quantizers on, and what the variant freezes frozen; the quantized layers."""
    model = load_checkpoint(begin).model
    chosen = []
    if variant.quantizer != "none":
        chosen = quantize(model, variant.policy, partial(make_quantizer, variant))
    layers = [kernel.name for kernel in chosen]
    for kernel in chosen:
        if kernel.kind == "se" and variant.quantizer == "ttq":
            weight = model.get_submodule(f"{kernel.name}.parametrizations.weight")
            weight[0].start = variant.gates_start  # type: ignore[index, operator]
            weight[0].right_inverse(weight.original)  # type: ignore[index, operator]
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(variant.train_norms or name in TRAINED_NORMS)
        elif isinstance(module, nn.Conv2d | nn.Linear) and name not in (*layers, "classifier.1"):
            module.requires_grad_(variant.train_kernels)
    return model, layers


def recipe_of(variant: Variant, epochs: int) -> Recipe:
    """SGD's rate is what Adam's 1e-3 stands for in the shipped recipes of retraining."""
    sgd = variant.optimizer == "sgd"
    return Recipe(
        epochs=epochs,
        optimizer=variant.optimizer,
        learning_rate=0.02 if sgd else 1e-3,
        momentum=0.9,
        nesterov=sgd,
        weight_decay=5e-4 if sgd else 0.0,
        decay_norms=False,
        schedule="one-cycle" if variant.anneal else "steps",  # one step: a constant rate
        warmup=0.1 if variant.anneal else 0.0,
        average=variant.average,
        crop=4 if variant.augment else 0,
        flip=variant.augment,
        holdout=HOLDOUT,
        temperature=2.0,
        views=16,
    )


def run(variant: Variant, seed: int, epochs: int, pictures: TrainingSet, cache: Path, name: str) -> dict[str, object]:
    """Retrain and measure; the line for the results."""
    begin = float_network(pictures, cache)
    recipe = recipe_of(variant, epochs)
    teacher = None
    if variant.distil:
        kept = cache / f"teacher-{'augmented' if variant.augment else 'plain'}"
        teacher = Teacher(kept.name, load_checkpoint(begin).model, range(len(CLASSES)), kept)
    model, layers = prepared(variant, begin)
    folder = cache / f"{name.replace(' ', '-')}-{epochs}-{seed}"
    begun = time.monotonic()
    model, history = train(model, pictures, recipe, folder, seed=seed, teacher=teacher, on_epoch=partial(say, name))
    count = len(pictures.labels) - HOLDOUT
    held_out = Batches(pictures.images[count:], MEAN, STD)
    score = top1(model, held_out, pictures.labels[count:])
    scales = [p.item() for key, p in model.named_parameters() if key.endswith((".positive", ".negative"))]
    # the statistics again, as means over 100 batches under the final weights
    batches = Batches(pictures.images[:count], MEAN, STD, pad=recipe.crop)
    view = draw_view(count, recipe.crop, recipe.flip, epochs, seed)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).split(recipe.batch)[:100]
    update_bn((batches.take(index, view) for index in order), model)
    again = top1(model, held_out, pictures.labels[count:])
    state = bake(model).state_dict()
    quantized = torch.cat([torch.ones(0), *(state[f"{layer}.weight"].flatten() for layer in layers)])
    return {
        "variant": name,
        "seed": seed,
        "epochs": epochs,
        "holdout_top1": round(score, 2),
        "best_epoch_top1": round(max(record["holdout_top1"] for record in history), 2),
        "norms_again_top1": round(again, 2),
        "train_loss": round(history[-1]["loss"], 4),
        "zeros_percent": round(100 * (quantized == 0).sum().item() / max(1, len(quantized)), 1),
        "scales_under_0": sum(scale <= 0 for scale in scales),
        "largest_scale": round(max(scales, default=0.0), 2),
        "minutes": round((time.monotonic() - begun) / 60, 1),
    }


def say(name: str, record: dict[str, float]) -> None:
    told = ", ".join(f"{key} {value:.4g}" for key, value in record.items() if key != "learning_rate")
    print(f"  {name}: {told}", flush=True)


def finished() -> set[tuple[str, int, int]]:
    if not RESULTS.exists():
        return set()
    with RESULTS.open() as file:
        return {(row["variant"], int(row["seed"]), int(row["epochs"])) for row in csv.DictReader(file)}


def append(row: dict[str, object]) -> None:
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def summary(epochs: int) -> None:
    """Print the means over the seeds, as a table for docs/why-ternary-died.md."""
    runs: dict[str, list[dict[str, str]]] = {}
    with RESULTS.open() as file:
        for row in csv.DictReader(file):
            if int(row["epochs"]) == epochs:
                runs.setdefault(row["variant"], []).append(row)
    print(
        "| variant | seeds | held out | from … to | norms anew | training loss | zeros |\n|---|--:|--:|--:|--:|--:|--:|"
    )
    for name, rows in runs.items():
        top1 = [float(row["holdout_top1"]) for row in rows]
        again, loss, zeros = (
            mean(float(row[key]) for row in rows) for key in ("norms_again_top1", "train_loss", "zeros_percent")
        )
        span = f"{min(top1):.2f} … {max(top1):.2f}"
        print(f"| {name} | {len(rows)} | {mean(top1):.2f} | {span} | {again:.2f} | {loss:.3f} | {zeros:.0f} % |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", default="0", help="such as 0,1,2")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="names, with commas between them")
    default = Path(platformdirs.user_cache_dir("microbotnet")) / "ternary-study"
    parser.add_argument("--cache", type=Path, default=default)
    options = parser.parse_args()
    images, labels = load_cifar10(None, "train")
    pictures = TrainingSet("cifar10", images, labels, MEAN, STD)
    for seed in map(int, options.seeds.split(",")):
        for name in options.variants.split(","):
            if (name, seed, options.epochs) in finished():
                continue
            print(f"{name}, seed {seed}", flush=True)
            row = run(VARIANTS[name], seed, options.epochs, pictures, options.cache, name)
            append(row)
            print(row, flush=True)
    summary(options.epochs)


if __name__ == "__main__":
    main()
