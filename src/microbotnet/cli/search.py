"""`microbotnet search`: designs within a budget."""

from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import BadInput
from .output import Json, print_json, stderr, stdout
from .pictures import Data, Split

if TYPE_CHECKING:
    from ..search.study import Trained


def search(
    budget: Annotated[
        str,
        typer.Option(
            metavar="LIMITS",
            help="Such as 'macs<=1e6, flash<=48k, ram<=16k, energy<=1uJ'; the first is kept small too.",
        ),
    ],
    data: Data = None,
    split: Split = None,
    out: Annotated[Path, typer.Option(help="Folder for the search; a search that is there is continued.")] = Path(
        "runs/search"
    ),
    trials: Annotated[int, typer.Option(help="How many designs to train.", min=1)] = 64,
    minutes: Annotated[float, typer.Option(help="Stop after so long; 0 is no limit.", min=0)] = 0,
    recipe: Annotated[str, typer.Option(help="Recipe of the short trainings: a name or a TOML file.")] = "search",
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of a short training, instead of the recipe's.", min=1),
    ] = None,
    pictures: Annotated[
        int, typer.Option(help="How many training pictures to use; with a smaller set there are more epochs.", min=1)
    ] = 12000,
    holdout: Annotated[
        int | None,
        typer.Option(
            help="How many of them to measure accuracy on, kept out of training.", show_default="a sixth", min=1
        ),
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Batch size, instead of the recipe's.")] = None,
    resolution: Annotated[int, typer.Option(help="Side of the networks' pictures.", min=8)] = 32,
    concurrent: Annotated[int, typer.Option(help="Trainings at a time; 0: one for each core or GPU.", min=0)] = 0,
    address: Annotated[str | None, typer.Option(help="Address of a running Ray cluster: HOST:PORT or auto.")] = None,
    prefer: Annotated[str, typer.Option(help="Build firmware for speed or for least size.")] = "size",
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Search for the most accurate networks within a budget, by many short trainings."""
    from ..data.source import open_source
    from ..search.budget import parse_budget
    from ..search.front import front
    from ..search.plan import Plan
    from ..search.run import search as run
    from ..training.recipe import load_recipe

    if prefer not in ("speed", "size"):
        raise BadInput(f"--prefer must be speed or size, not {prefer!r}")
    limits = parse_budget(budget)
    plan = Plan(
        limits,
        load_recipe(recipe, {"epochs": epochs, "holdout": holdout, "batch": batch}),
        trials,
        minutes,
        pictures,
        concurrent,
        prefer,
        resolution,
        seed,
    )
    objective = limits.limits[0].name

    def on_trained(one: "Trained", everything: "list[Trained]") -> None:
        best = front(everything, objective)
        mark = "  on the front" if one in best else ""
        cost = next(limit for limit in limits.limits if limit.name == objective).say(one.costs[objective])
        stderr.print(
            f"{len(everything):3d}/{trials}  {objective} {cost}  held out {one.top1:5.2f} % after {one.epochs} epochs"
            f"{mark}; front: " + ", ".join(f"{b.top1:.1f}" for b in best),
            soft_wrap=True,
        )

    found = run(open_source(data, size=resolution, split=split), plan, out, address=address, on_trained=on_trained)
    best = front(found, objective)
    result: dict[str, Any] = loads((out / "search.json").read_text("utf-8"))
    if json:
        print_json({"folder": str(out), **result})
        return
    stdout.print(f"{len(found)} designs trained; the front, within {limits}:\n", soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header in ("file", "held out %", *(limit.name for limit in limits.limits)):
        table.add_column(header, justify="left" if header == "file" else "right")
    for place, one in enumerate(best, 1):
        costs = (limit.say(one.costs[limit.name]) for limit in limits.limits)
        table.add_row(f"designs/{place}.toml", f"{one.top1:.2f}", *costs)
    (stdout if stdout.is_terminal else Console(width=120, highlight=False)).print(table)
    stdout.print(
        f"\n{escape(str(out))}/front.svg has the chart, search.json all designs and how to train them in full",
        soft_wrap=True,
    )
    if best:
        stdout.print("\nThe most accurate, trained in full and made firmware:")
        for command in max(result["front"], key=lambda row: row["holdout_top1"])["commands"]:
            stdout.print(escape(command), soft_wrap=True)
