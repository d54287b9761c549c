"""`microbotnet recommend`: the best shipped network for a board."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from .output import Json, print_json, stdout


def recommend(
    board: Annotated[
        str, typer.Option(metavar="BOARD|FILE.toml", help="The board: a name (see `firmware`) or your own file.")
    ] = "scum",
    energy: Annotated[
        str | None, typer.Option(metavar="1uJ", help="The largest energy of one picture, by the model with memory.")
    ] = None,
    data: Annotated[str, typer.Option(help="The set of pictures that the network was trained on.")] = "cifar10",
    preset: Annotated[str, typer.Option(metavar="PRESET|FILE.toml", help="Energy model.")] = "horowitz-45nm",
    json: Json = False,
) -> None:
    """Name the most accurate shipped network that fits a board, and why the next better one does not."""
    from ..mcu.board import load_board
    from ..search.budget import parse_quantity
    from ..search.recommend import recommend as best

    place = load_board(board)
    found = best(place, None if energy is None else parse_quantity(energy, "energy"), data=data, preset=preset)
    if json:
        answer: dict[str, Any] = {"board": place.name, "best": found.best.to_json()}
        print_json(answer | {"next": found.next.to_json() if found.next else None})
        return
    chosen, costs = found.best, found.best.costs
    stdout.print(f"[bold]{escape(chosen.name)}[/]  top-1 {chosen.top1:.2f} % on {escape(data)}", soft_wrap=True)
    rooms = {"flash": ("code memory", place.code.bytes), "ram": ("RAM", place.data.bytes)}
    for name, (what, there) in rooms.items():
        stdout.print(f"{what:<12} {costs[name]:,.0f} of {there:,} bytes at least")
    limit = "" if energy is None else f" of {energy}"
    stdout.print(f"{'energy':<12} {costs['energy'] / 1e6:.3g} µJ a picture{limit}, modelled with memory")
    if found.next:
        stdout.print(
            f"\nnext better: {escape(found.next.name)}, {found.next.top1:.2f} %, does not fit: {found.next.why()}",
            soft_wrap=True,
        )
    else:
        stdout.print("\nnothing that is shipped is better")
    stdout.print(f"\nmicrobotnet firmware {escape(chosen.name)} --board {escape(board)}", soft_wrap=True)
