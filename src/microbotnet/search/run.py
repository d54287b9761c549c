"""A search on Ray Tune: many short trainings on this machine or a cluster, bad ones stopped early."""

import json
import logging
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from ..atomic import write_atomically
from ..data.resize import resized
from ..data.source import Source
from ..errors import BadInput, Failed
from ..plain import parse_json, read_text
from ..training.recipe import Recipe, fitted
from .front import write_results
from .plan import Plan
from .study import Study, Trained

SETTINGS = "settings.json"
_TIMEOUT = 10  # seconds to reach a cluster
_STARTS = 3  # of Ray on this machine: it gives its own processes 15 seconds, whatever else runs (Ray's issue 65983)
_SETTINGS = 4  # a type of HTTP/2's frames; an empty one follows the client's preface
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0))
ENVIRONMENT = {
    "RAY_worker_niceness": "0",  # a search is what its user waits for
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_WARN_THRESHOLD_S": "600",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def search(
    source: Source,
    plan: Plan,
    folder: Path,
    *,
    address: str | None = None,
    on_epoch: Callable[[dict[str, Any]], None] = lambda result: None,
    on_trained: Callable[[Trained, list[Trained]], None] = lambda one, all_: None,
) -> list[Trained]:
    """Search for designs within a budget; return all that were trained, and write tables, chart and designs.

    Stopped at any moment, the same call goes on: finished designs are kept in a journal, and a training that was cut
    short goes on from its last epoch. The test pictures are never looked at.

    Args:
        source: pictures to train on; loaded here and handed to the workers.
        plan: what to do.
        folder: of the search. On a cluster of several machines, trainings go on where they were only if all see it.
        address: of a running Ray cluster; None starts one on this machine.
        on_epoch: told of every epoch of every training: Ray's result. on_trained: of each design, and of all so far.

    Raises:
        BadInput: nothing can be within the budget, or the folder holds another search.
        Failed: the cluster cannot be reached, or the disk is full; what was found so far is kept.
    """
    images, labels = source.load("train")
    images = resized(images, plan.resolution)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))[: plan.pictures]
    plan = replace(plan, recipe=_for_pictures(plan, len(order)))
    if len(order) - plan.recipe.holdout < 2:
        raise BadInput(f"{source.name}: {len(order)} pictures are too few with {plan.recipe.holdout} held out")
    _settle(folder, plan, source)
    study = Study(
        folder, plan.budget, classes=len(source.classes), resolution=plan.resolution, prefer=plan.prefer, seed=plan.seed
    )
    pictures = images[order].numpy(), labels[order].numpy()
    if len(study.trained()) < plan.trials:
        ends = time.monotonic() + 60 * plan.minutes if plan.minutes else float("inf")
        with _cluster(address), tempfile.TemporaryDirectory(prefix="microbotnet-") as scratch:
            from .trials import Progress, run_trials

            left = plan.trials - len(study.trained())
            progress = Progress(study, plan, folder, on_epoch, on_trained, ends, left)
            run_trials(progress, *pictures, len(source.classes), Path(scratch))
    found = study.trained()
    write_results(folder, found, plan.budget, plan.recipe, source)
    return found


def _for_pictures(plan: Plan, count: int) -> Recipe:
    """The recipe of the short trainings where there are `count` pictures."""
    recipe, holdout = plan.recipe, plan.recipe.holdout or count // 6
    recipe = replace(recipe, epochs=round(recipe.epochs * plan.pictures / count), holdout=holdout)
    return fitted(recipe, count - holdout)


def _settle(folder: Path, plan: Plan, source: Source) -> None:
    """Say in the folder what it is for; BadInput if it is for something else."""
    mine = {
        "budget": str(plan.budget), "recipe": asdict(plan.recipe), "data": source.key, "pictures": plan.pictures,
        "prefer": plan.prefer, "resolution": plan.resolution,
    }  # fmt: skip
    path = folder / SETTINGS
    if path.exists():
        other = parse_json(read_text(path, "a search's settings"), str(path))
        differs = [key for key in mine if not isinstance(other, dict) or other.get(key) != mine[key]]
        if differs:
            raise BadInput(f"{folder}: holds a search with another {differs[0]}; give another --out")
    else:
        write_atomically(path, (json.dumps(mine, indent=2) + "\n").encode())


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Ray, connected; its own machine is stopped afterwards, a cluster or what was there before is left."""
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    import ray

    if ray.is_initialized():
        yield
        return
    if address not in (None, "auto", "local"):
        _reach(str(address))
    for left in reversed(range(_STARTS if address in (None, "local") else 1)):
        try:
            ray.init(
                address=address or "local", include_dashboard=False if address is None else None, log_to_driver=False,
                logging_level=logging.ERROR,
            )  # fmt: skip
            break
        except Exception as error:  # what does not start in time is a bare Exception
            if not left:
                said = (str(error).splitlines() or [type(error).__name__])[0]
                raise Failed(
                    f"no Ray cluster at {address or 'this machine'}: {said}; what was found so far is kept, and the "
                    "same command goes on with it"
                ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Refuses at once what Ray would wait minutes for: its servers are gRPC, which greets in HTTP/2 (RFC 9113, 3.4)."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), _TIMEOUT) as peer:
            if os.environ.get("RAY_USE_TLS", "0") == "1":
                return
            peer.sendall(_GREETING)
            answer = peer.recv(9)
            if len(answer) < 9 or answer[3] != _SETTINGS:
                raise ConnectionError("something answers there, but it is not Ray")
    except (OSError, ValueError) as error:
        raise Failed(f"no Ray cluster at {address}: {error}; what was found so far is kept") from None
