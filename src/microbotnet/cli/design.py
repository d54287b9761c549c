"""`microbotnet design`: what a design costs before anything is trained."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .output import Json, print_json, stdout


def design(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="DESIGN|FILE",
            help="The name of a shipped design, or a .toml or .json file. Without it, the shipped designs are listed.",
        ),
    ] = None,
    classes: Annotated[int, typer.Option(help="Outputs of the classifier.", min=1)] = 10,
    density: Annotated[float, typer.Option(help="Share of ternary weights that are not zero.", min=0.0, max=1.0)] = 0.5,
    prefer: Annotated[str, typer.Option(help="Build the firmware for speed or for least size.")] = "size",
    energy: Annotated[str, typer.Option(metavar="PRESET|FILE.toml", help="Energy model.")] = "horowitz-45nm",
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Write the design's precision as a policy for `train --policy`."),
    ] = None,
    json: Json = False,
) -> None:
    """Cost a design: MACs, parameters, bytes, energy, and the flash, RAM and instructions of its firmware."""
    from ..atomic import write_atomically
    from ..design import design_names, load_design
    from ..design.policy import policy_toml
    from ..errors import BadInput
    from ..search.costs import Costs

    if prefer not in ("speed", "size"):
        raise BadInput(f"--prefer must be speed or size, not {prefer!r}")
    if name is None and policy is not None:
        raise BadInput("--policy needs a design")
    names = design_names() if name is None else [name]
    found = {n: Costs(load_design(n), classes, density, prefer, energy) for n in names}
    if policy is not None:
        assert name is not None
        write_atomically(policy, policy_toml(load_design(name), Path(name).stem).encode())
    if json:
        rows = [{"design": n, "classes": classes, "density": density, **costs.to_json()} for n, costs in found.items()]
        print_json({"designs": rows, "policy": str(policy) if policy else None})
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("\ndesign", overflow="fold")
    headers = (
        "MACs\nconv_linear",
        "\nparameters",
        "weights\nkB",
        "activations\nkB",
        "energy\nµJ",
        "flash\nkB",
        "RAM\nkB",
    )
    for header in (*headers, "instructions\nCortex-M0"):
        table.add_column(header, justify="right")
    for n, costs in found.items():
        firmware = costs.firmware
        sizes = (costs.weight_bytes, costs.peak_activation_bytes)
        table.add_row(
            escape(n), f"{costs.macs:,}", f"{costs.parameters:,}", *(f"{size / 1024:,.1f}" for size in sizes),
            f"{costs.energy_pj / 1e6:.3f}", f"{firmware.flash_bytes / 1024:,.1f}", f"{firmware.ram_bytes / 1024:,.1f}",
            f"{firmware.instructions:,}",
        )  # fmt: skip
    console = stdout if stdout.is_terminal else Console(width=120, highlight=False)
    console.print(table)
    if policy is not None:
        stdout.print(f"its precision: [bold]{escape(str(policy))}[/]", soft_wrap=True)
