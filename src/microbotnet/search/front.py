"""The front of a search: which designs nobody beats, and the files that a search leaves."""

import json
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from ..atomic import write_atomically
from ..data.source import CIFAR10, Source
from ..design import to_toml
from ..design.policy import policy_toml
from ..errors import BadInput
from ..show.charts import Point, pareto, scatter
from ..training.recipe import Recipe
from .budget import Budget, say
from .study import Trained

KEYS = (("ours", "on the front"), ("others", "trained to the end"), ("none", "stopped early"))


def front(found: Sequence[Trained], objective: str) -> list[Trained]:
    """Of those trained longest, what none beats in both top-1 and `objective`; the least of it first."""
    longest = max((one.epochs for one in found), default=0)
    whole = {str(one.number): one for one in found if one.epochs == longest}
    points = [Point(name, one.costs[objective], one.top1) for name, one in whole.items()]
    return [whole[point.label] for point in pareto(points)]


def write_results(folder: Path, found: Sequence[Trained], budget: Budget, recipe: Recipe, source: Source) -> None:
    """Write search.json, front.svg and, for each design on the front, its file and where it has one its policy."""
    objective = budget.limits[0].name
    best = front(found, objective)
    rows = []
    for place, one in enumerate(best, 1):
        rows.append(_row(one) | {"design": f"designs/{place}.toml", "commands": _commands(folder, place, one, source)})
        write_atomically(folder / "designs" / f"{place}.toml", to_toml(one.design).encode())
        if policy := _policy(one, f"{place}"):
            write_atomically(folder / "designs" / f"{place}-policy.toml", policy.encode())
    result = {
        "budget": str(budget), "data": source.name, "epochs": recipe.epochs, "front": rows,
        "trained": [_row(one) for one in found],
    }  # fmt: skip
    write_atomically(folder / "search.json", (json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())
    if found:
        write_atomically(folder / "front.svg", _chart(found, best, budget, source.name).encode())


def _row(one: Trained) -> dict[str, Any]:
    return {"number": one.number, "holdout_top1": one.top1, "epochs": one.epochs, "costs": one.costs}


def _policy(one: Trained, name: str) -> str:
    try:
        return policy_toml(one.design, name)
    except BadInput:  # nothing ternary in it
        return ""


def _commands(folder: Path, place: int, one: Trained, source: Source) -> list[str]:
    """How the design is trained in full and becomes firmware."""
    names = (f"designs/{place}.toml", f"designs/{place}-policy.toml", f"trained/{place}", f"trained/{place}-ternary")
    design, policy, out, ternary = (quote(str(folder / name)) for name in names)
    given = quote(source.option)
    where = "" if source.option == CIFAR10 else f" --data {given}"
    lines = [f"microbotnet train modern --net {design}{where} --out {out}"]
    if not _policy(one, str(place)):
        return [*lines, f"microbotnet firmware {out}/model.safetensors --calibrate {given}"]
    trained = f"{out}/model.safetensors"
    return [
        *lines,
        f"microbotnet train ternary --from {trained} --policy {policy} --activations 8 --teacher {trained}{where}"
        f" --out {ternary}",
        f"microbotnet firmware {ternary}/model.safetensors",
    ]


def _chart(found: Sequence[Trained], best: Sequence[Trained], budget: Budget, data: str) -> str:
    limit = budget.limits[0]
    longest = max(one.epochs for one in found)
    unit = 1e6 if limit.name == "energy" else 1.0
    points = [
        Point(
            str(best.index(one) + 1) if one in best else "",
            one.costs[limit.name] / unit,
            round(one.top1, 2),
            "ours" if one in best else "others" if one.epochs == longest else "none",
        )
        for one in found
    ]
    return scatter(
        points,
        f"Designs within {budget}",
        f"{limit.name}{', µJ' if limit.name == 'energy' else ''}, logarithmic; numbers are files in designs/",
        f"top-1 of a short training on held-out pictures of {data}, %",
        limit=(limit.most / unit, say(limit.name, limit.most)),
        keys=KEYS,
    )
