"""`microbotnet weights`: what is shipped, and what of it is here."""

from typing import Any

from rich.console import Console
from rich.table import Table

from .output import Json, print_json, stdout


def weights(json: Json = False) -> None:
    """List the trained networks; every command that takes a checkpoint takes these names.

    Those that few load are in a package of their own, microbotnet-weights: the list says which are not here yet.
    """
    from ..weights import INSTALL, is_installed, shipped_cards

    rows = [
        {
            "name": name,
            "net": card["architecture"]["name"],
            "width": card["architecture"]["width"],
            "data": card["data"]["name"],
            "quantization": card["quantization"],
            "top1": card["metrics"]["top1"],
            "recipe": card["recipe"]["name"],
            "epochs": card["recipe"]["epochs"],
            "seed": card["recipe"]["seed"],
            "outside": card["data"].get("outside", []),
            "installed": is_installed(name),
        }
        for name, card in shipped_cards().items()
    ]
    if json:
        print_json({"weights": rows})
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    table.add_column("top-1 %", justify="right")
    table.add_column("quantization, data and training")
    for row in rows:
        how = f"{row['recipe']}, {row['epochs']} epochs, seed {row['seed']}"
        words = [] if row["quantization"] == "none" else [_words(row["quantization"])]
        here = [] if row["installed"] else ["not installed"]
        words += [f"outside data: {', '.join(row['outside'])}"] if row["outside"] else []
        table.add_row(row["name"], f"{row['top1']:.2f}", "; ".join([*here, *words, row["data"], how]))
    console = stdout if stdout.is_terminal else Console(width=120, highlight=False)
    console.print(table)
    if missing := sum(not row["installed"] for row in rows):
        console.print(f"\n{missing} of {len(rows)} are not installed; {INSTALL} brings them", markup=False)


def _words(quantization: dict[str, Any]) -> str:
    """A card's quantization in a few words."""
    kernels = [] if quantization["quantizer"] == "float" else [quantization["quantizer"], quantization["policy"]]
    rounded = [f"activations of {a['bits']} bits"] if (a := quantization.get("activations")) else []
    return ", ".join([*kernels, *rounded])
