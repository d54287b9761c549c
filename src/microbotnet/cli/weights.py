"""`microbotnet weights`: what is shipped."""

from typing import Any

from rich.table import Table

from .output import Json, print_json, stdout


def weights(json: Json = False) -> None:
    """List the weights that come with the package; each name is a CHECKPOINT wherever one is asked for."""
    from ..weights import shipped_cards

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
        }
        for name, card in shipped_cards().items()
    ]
    if json:
        print_json({"weights": rows})
        return
    titles = ("name", "width", "data", "quantization", "top-1 %", "recipe", "epochs", "seed")
    table = Table(*titles, box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row["name"], f"×{row['width']:.2f}", row["data"], _words(row["quantization"]), f"{row['top1']:.2f}",
            row["recipe"], str(row["epochs"]), str(row["seed"]),
        )  # fmt: skip
    stdout.print(table)


def _words(quantization: str | dict[str, Any]) -> str:
    """A card's quantization, "none" or a record of it, in a few words."""
    if isinstance(quantization, str):
        return quantization
    words = f"{quantization['quantizer']}, {quantization['policy']}"
    return words + (f", activations of {a['bits']} bits" if (a := quantization.get("activations")) else "")
