"""Recipes: how a network is trained, as small TOML files."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from math import cos, pi
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..plain import parse_toml, read_text

_STEPS = 8  # an epoch, where a set is too small for the recipe's batch
_CHOICES = {"optimizer": ("sgd", "adam", "muon"), "schedule": ("one-cycle", "cosine", "steps")}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, given network, pictures and seed.

    epochs, batch: passes over the pictures, and pictures a step over all processes.
    optimizer: stochastic gradient descent, Adam (Kingma & Ba 2014, arXiv 1412.6980), or Muon (see `muon.Muon`).
    learning_rate, schedule, warmup, steps: the peak, and its course; `warmup` is a share of the run.
    momentum, nesterov, weight_decay: of the optimizer; Adam's first β is `momentum`, its second 0.999.
    decay_norms, decay_depthwise: weight decay for batch norms and biases too, and for kernels of one filter a channel,
        whose few weights have little to overfit with.
    label_smoothing: share of the target spread over all classes.
    average: decay a step of an exponential moving average of the weights; 0 keeps the last weights.
    reestimate_norms: before the weights are measured on held-out pictures, and at the end, take batch-norm
        statistics anew; see `norms.reestimate_norms`.
    crop, flip: padding in pixels before the random crop; mirror half of the pictures.
    zoom, jitter: instead of the crop, cut out at least this share of each picture and resize it (0 does not); and
        change brightness, contrast and saturation by factors within 1 ± jitter.
    mix: α of MixUp, which lays another picture over each; a teacher answers to the mixture. 0 does not.
    settle: share of the run, at its end, in which ternary and binary kernels stand still; see `settle.settle`.
    holdout: training pictures kept out and measured after every epoch.
    restart_from_best: begin each stage of `steps` with the best held-out weights so far.
    temperature, distillation, views: with a teacher, the softness of both outputs, the teacher's share of the
        loss, and how many augmented views to go round, mirrored every second time (0: a new one every epoch, the
        teacher run each time).
    """

    epochs: int = 100
    batch: int = 128
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    schedule: str = "one-cycle"
    warmup: float = 0.0
    steps: int = 1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    decay_norms: bool = True
    decay_depthwise: bool = True
    label_smoothing: float = 0.0
    average: float = 0.0
    reestimate_norms: bool = False
    crop: int = 4
    flip: bool = True
    zoom: float = 0.0
    jitter: float = 0.0
    mix: float = 0.0
    settle: float = 0.0
    holdout: int = 0
    restart_from_best: bool = False
    temperature: float = 1.0
    distillation: float = 0.5
    views: int = 0

    def pace(self, progress: float) -> float:
        """The share of the peak learning rate at `progress` 0…1 of the run.

        One-cycle: Smith & Topin 2017 (arXiv 1708.07120). Cosine: Loshchilov & Hutter 2016 (arXiv 1608.03983).
        """
        if self.schedule == "steps":
            return 0.1 ** min(int(progress * self.steps), self.steps - 1)
        if progress < self.warmup:
            return progress / self.warmup
        left = (1 - progress) / (1 - self.warmup)
        return left if self.schedule == "one-cycle" else (1 - cos(pi * left)) / 2


_BOUNDS: dict[str, tuple[float, float]] = {
    "epochs": (1, 1_000_000),
    "batch": (2, 65_536),
    "learning_rate": (0, 1000),
    "warmup": (0, 0.99),
    "steps": (1, 1000),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1),
    "label_smoothing": (0, 0.99),
    "average": (0, 0.999999),
    "crop": (0, 1024),
    "zoom": (0, 1),
    "jitter": (0, 1),
    "mix": (0, 100),
    "settle": (0, 1),
    "holdout": (0, 10_000_000),
    "temperature": (0.01, 1000),
    "distillation": (0, 1),
    "views": (0, 1000),
}


def recipe_names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(f.name.removesuffix(".toml") for f in files(__package__).joinpath("recipes").iterdir())


def load_recipe(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read the recipe `name`, one of `recipe_names()` or the path of a TOML file, and apply `changes`.

    Raises:
        BadInput: no such recipe, or a field that is unknown, of another type or out of range; it names the field.
    """
    path = Path(name)
    if name in recipe_names():
        text = files(__package__).joinpath("recipes", f"{name}.toml").read_text()
    elif path.suffix == ".toml" and path.is_file():
        text = read_text(path, "a recipe")
    else:
        raise BadInput(f"no recipe {name!r}; give a .toml file or one of: {', '.join(recipe_names())}")
    values = parse_toml(text, name)
    values |= {key: value for key, value in (changes or {}).items() if value is not None}
    return _checked(values, name)


def fitted(recipe: Recipe, count: int, processes: int = 1) -> Recipe:
    """The recipe, with a smaller batch where `count` pictures do not fill its own: _STEPS of them an epoch.

    On 120 pictures of four classes batches of 15 led to 66.8 % (three seeds), of 30 to 64.0 %, of 120 to 61.5 %.

    Warns:
        UserWarning: the batch is another.
    """
    if count >= recipe.batch or count < 2 * processes:  # too few to learn from at all: `train` says so
        return recipe
    batch = max(2, count // (_STEPS * processes)) * processes
    warnings.warn(
        f"{count} training pictures do not fill a batch of {recipe.batch}: batches of {batch} instead", stacklevel=2
    )
    return replace(recipe, batch=batch)


def _checked(values: dict[str, Any], name: str) -> Recipe:
    defaults = asdict(Recipe())
    for key, value in values.items():
        if key not in defaults:
            raise BadInput(f"{name}: unknown field {key!r}; there are: {', '.join(f.name for f in fields(Recipe))}")
        kind = type(defaults[key])
        fits = type(value) is kind or (kind is float and type(value) is int)
        if not fits:
            raise BadInput(f"{name}: {key} must be a {kind.__name__}, not {value!r}")
        if key in _BOUNDS and not _BOUNDS[key][0] <= value <= _BOUNDS[key][1]:
            raise BadInput(f"{name}: {key} must be from {_BOUNDS[key][0]:g} to {_BOUNDS[key][1]:g}, not {value!r}")
        values[key] = kind(value)
    for key, choices in _CHOICES.items():
        if values.get(key, choices[0]) not in choices:
            raise BadInput(f"{name}: {key} must be one of {', '.join(choices)}, not {values[key]!r}")
    recipe = replace(Recipe(), **values)
    if recipe.nesterov and (recipe.optimizer != "sgd" or not recipe.momentum):
        raise BadInput(f"{name}: nesterov needs sgd and a momentum over 0")
    if recipe.jitter and not recipe.zoom:
        raise BadInput(f"{name}: jitter needs zoom; 1 shows whole pictures")
    if recipe.restart_from_best and not recipe.holdout:
        raise BadInput(f"{name}: restart_from_best needs a holdout to find the best")
    if recipe.restart_from_best and recipe.settle:
        raise BadInput(f"{name}: settle and restart_from_best cannot be used together; leave one out")
    if recipe.steps > recipe.epochs:
        raise BadInput(f"{name}: steps = {recipe.steps} needs at least {recipe.steps} epochs, not {recipe.epochs}")
    return recipe
