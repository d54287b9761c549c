"""The part of a search that speaks to Ray Tune. Import it once the environment is set (`run`)."""

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search import Searcher

from ..design import Design, design_from
from ..errors import BadInput, Failed
from ..training.recipe import Recipe
from .evaluate import short_training
from .plan import Plan
from .study import Proposal, Study, Trained

RETRIES = 5  # of a design whose worker died


@dataclass
class Progress:
    """What the searcher and the watcher share with who started the search.

    on_epoch, on_trained: see `run.search`. ends: when to stop, by the monotonic clock.
    """

    study: Study
    plan: Plan
    folder: Path
    on_epoch: Callable[[dict[str, Any]], None]
    on_trained: Callable[[Trained, list[Trained]], None]
    ends: float
    left: int
    asked: dict[str, Proposal] = field(default_factory=dict)
    curves: dict[str, dict[int, float]] = field(default_factory=dict)
    failed: list[Exception] = field(default_factory=list)


class Proposals(Searcher):
    """Hands out the study's designs and tells it how they did."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(metric="holdout_top1", mode="max")
        self.progress = progress

    def suggest(self, trial_id: str) -> Any:
        """The next design for Ray, or that there is none."""
        progress = self.progress
        if progress.left <= 0 or time.monotonic() > progress.ends or progress.failed:
            return Searcher.FINISHED
        try:
            progress.asked[trial_id] = found = progress.study.ask()
        except (BadInput, OSError) as error:
            progress.failed.append(error)
            return Searcher.FINISHED
        progress.left -= 1
        return {"number": found.number, "design": found.design.to_json()}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """A training ended, or was stopped."""
        progress, last = self.progress, result or {}
        found = progress.asked.pop(trial_id)
        epoch, held = last.get("epoch", 0), last.get("holdout_top1")
        if time.monotonic() > progress.ends and epoch != progress.plan.recipe.epochs and not error:
            return  # cut short by the clock: the next run goes on with it
        progress.study.tell(found, held, epoch, [*progress.curves.pop(trial_id, {}).values()])
        shutil.rmtree(trial_folder(progress.folder, found.design), ignore_errors=True)
        if held is not None:
            everything = progress.study.trained()
            progress.on_trained(next(one for one in everything if one.number == found.number), everything)

    def save(self, checkpoint_path: str) -> None:
        """The study keeps a journal of its own."""

    def restore(self, checkpoint_path: str) -> None:
        """The study keeps a journal of its own."""

    def __getstate__(self) -> dict[str, Any]:
        """Ray keeps a copy, which nobody reads."""
        return {}


class Watch(tune.Callback):
    """Passes every epoch on."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any) -> None:
        """Ray's result, of one epoch; of those that a worker that died had told of, once more."""
        curve = self.progress.curves.setdefault(trial.trial_id, {})
        curve[result["epoch"]] = result["holdout_top1"]
        self.progress.on_epoch(result)

    def __getstate__(self) -> dict[str, Any]:
        """Ray keeps a copy, which nobody reads."""
        return {}


def run_trials(progress: Progress, images: Any, labels: Any, classes: int, scratch: Path) -> None:
    """Train until the plan's trials or minutes are used up.

    Args:
        images, labels: arrays, which Ray hands to the workers. scratch: a folder for what Ray writes.

    Raises:
        Failed: Ray gave up. BadInput: there was nothing to propose.
    """
    plan = progress.plan
    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = there.get("GPU", 0)
    concurrent = plan.concurrent or int(gpus or there.get("CPU", 1)) or 1
    share: dict[str, float] = {"cpu": 1.0, "gpu": min(1.0, gpus / concurrent)} if gpus else {"cpu": 1.0}
    settings = {
        "classes": classes,
        "recipe": asdict(plan.recipe),
        "folder": str(progress.folder.resolve()),
        "seed": plan.seed,
    }
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(train, images=images, labels=labels, settings=settings), share),
        tune_config=tune.TuneConfig(
            search_alg=Proposals(progress),
            scheduler=_scheduler(progress),
            num_samples=-1,
            max_concurrent_trials=concurrent,
            reuse_actors=True,  # a worker imports PyTorch once, not for each design
            time_budget_s=60 * plan.minutes or None,
        ),
        run_config=tune.RunConfig(
            name="search",
            storage_path=str(scratch),
            verbose=0,
            callbacks=[Watch(progress)],
            failure_config=tune.FailureConfig(max_failures=RETRIES),
        ),
    )
    try:
        tuner.fit()
    except (OSError, ray.exceptions.RayError, tune.TuneError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise Failed(f"the search stopped: {lines[-1]}; the same command goes on with it") from None
    if progress.failed and not progress.study.trained():
        raise progress.failed[0]


@dataclass(frozen=True)
class _Past:
    """A training of an earlier run, as far as a scheduler asks."""

    trial_id: str


def _scheduler(progress: Progress) -> ASHAScheduler:
    """Stops bad trainings early, by what those of earlier runs had reached, too."""
    epochs = progress.plan.recipe.epochs
    made = ASHAScheduler(
        time_attr="epoch",
        metric="holdout_top1",
        mode="max",
        max_t=epochs,
        grace_period=max(1, epochs // 4),
        reduction_factor=3,
    )
    for number, curve in sorted(progress.study.curves.items()):
        past: Any = _Past(f"past {number}")
        made.on_trial_add(None, past)  # type: ignore[arg-type]
        for epoch, top1 in enumerate(curve, 1):
            made.on_trial_result(None, past, {"epoch": epoch, "holdout_top1": top1})  # type: ignore[arg-type]
    return made


def trial_folder(folder: Path, design: Design) -> Path:
    """Where a training keeps its snapshot: by the design, so that a search that was cut short finds it again."""
    return folder / "trials" / hashlib.sha256(repr(design).encode()).hexdigest()[:16]


def train(config: dict[str, Any], *, images: Any, labels: Any, settings: dict[str, Any]) -> None:
    """What a worker does with one design."""
    torch.set_num_threads(1)

    def report(record: dict[str, Any]) -> None:
        tune.report({"epoch": record["epoch"], "holdout_top1": record["holdout_top1"], "number": config["number"]})

    design = design_from(config["design"])
    short_training(
        design,
        torch.tensor(images),
        torch.tensor(labels),
        settings["classes"],
        replace(Recipe(), **settings["recipe"]),
        trial_folder(Path(settings["folder"]), design),
        seed=settings["seed"],
        on_epoch=report,
    )
