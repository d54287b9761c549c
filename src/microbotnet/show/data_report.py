"""A network on a set of pictures as a page: confusion, accuracy by class, the surest mistakes and where they come from.

One HTML file, no scripts, nothing fetched, light and dark, phone and desktop.
"""

from base64 import b64encode
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..atomic import write_atomically
from ..preprocessing import Pixels
from .activation_map import enlarged, overlay
from .activity import observe
from .confusion import class_accuracy, confusion_matrix
from .predictions import Predictions
from .report import PAGE, check_report_name
from .svg import STYLE

if TYPE_CHECKING:
    from ..data.source import Source
    from ..training.checkpoint import Checkpoint

WORST, SIDE = 24, 112  # mistakes shown, and the side of their pictures in pixels

MISTAKES = """
.mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(236px,1fr));gap:14px}
.mistakes figure{overflow:hidden;border:1px solid #d0d7de;border-radius:8px;padding:8px}
.mistakes img{width:calc(50% - 3px);border-radius:4px;image-rendering:auto}
.mistakes img+img{margin-left:6px}
figcaption{font-size:.86rem;line-height:1.35}
@media (prefers-color-scheme:dark){.mistakes figure{border-color:#30363d}}
"""


def judge(checkpoint: "Checkpoint", source: "Source") -> Predictions:
    """The checkpoint's answers to the test pictures of `source`.

    Raises:
        BadInput: it does not know a class of the pictures (named).
    """
    from ..data.resize import resized
    from ..data.source import positions
    from ..inference import predict

    data, size = checkpoint.card["data"], checkpoint.card["architecture"]["input_size"]
    rows = np.array(positions(data["classes"], source.classes, "the checkpoint"))
    images, labels = source.load("test")
    pictures = resized(images, size).numpy()
    parts = np.array_split(pictures, -(-len(pictures) // 500))
    found = np.concatenate([predict(checkpoint.model, part, data["mean"], data["std"]) for part in parts])
    return Predictions(tuple(data["classes"]), pictures, rows[labels.numpy()], found)


def write_data_report(path: Path, checkpoint: "Checkpoint", name: str, predictions: Predictions, data: str) -> None:
    """Write the page to `path`.

    Args:
        path: a name that ends in .html.
        checkpoint: whose answers `predictions` holds; it is run again on the worst mistakes.
        name: the checkpoint's, for the title.
        predictions: of `judge`.
        data: the name of the set.

    Raises:
        BadInput: the name does not end in .html.
    """
    check_report_name(path)
    write_atomically(path, _page(checkpoint, name, predictions, data).encode())


def _page(checkpoint: "Checkpoint", name: str, predictions: Predictions, data: str) -> str:
    title = f"{escape(name)} on {escape(data)}: {predictions.top1:.2f} %"
    worst = predictions.worst(WORST)
    right = predictions.said == predictions.labels
    pairs = "; ".join(
        f"{escape(predictions.classes[a])} for {escape(predictions.classes[b])}, {times:,} times"
        for a, b, times in predictions.pairs(5)
    )
    parts = [
        "<!doctype html>",
        '<html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{title}</title><style>{PAGE}{MISTAKES}{STYLE}</style>",
        f"<main><h1>{title}</h1>",
        f"<p>Right: {int(right.sum()):,} of {len(right):,} test pictures.",
        f" Taken for another most often: {pairs}.</p>" if pairs else "</p>",
        '<div class="charts">',
        f"<figure>{confusion_matrix(predictions, inline=True)}</figure>",
        f"<figure>{class_accuracy(predictions, inline=True)}</figure>",
        "</div>",
    ]
    if worst:
        figures, method = _mistakes(checkpoint, predictions, worst)
        parts += [
            "<h2>The mistakes that it was surest of</h2>",
            '<p class="soft">Beside each picture, in colour: where the wrong answer comes from '
            f"({escape(method)}).</p>",
            f'<div class="mistakes">{figures}</div>',
        ]
    return "\n".join([*parts, "</main></html>"]) + "\n"


def _mistakes(checkpoint: "Checkpoint", predictions: Predictions, worst: list[int]) -> tuple[str, str]:
    """The figures of the worst mistakes, and how their activation maps were made."""
    from ..graph.trace import trace

    data = checkpoint.card["data"]
    graph = trace(checkpoint.model, predictions.pictures.shape[1:])
    figures, method = [], "no maps: no layer of the network has positions"
    for index in worst:
        picture, right, said = predictions.pictures[index], int(predictions.labels[index]), int(predictions.said[index])
        found = observe(checkpoint.model, graph, picture, data["mean"], data["std"], said).map
        images = _png(picture)
        if found is not None:
            method = found.method
            images += _img(overlay(picture, found.values, SIDE), f"where {predictions.classes[said]} comes from")
        p, names = predictions.probabilities[index], [escape(name) for name in predictions.classes]
        words = f"<b>{names[right]}</b> {100 * p[right]:.1f} %<br>said {names[said]}"
        figures.append(f"<figure>{images}<figcaption>{words} {100 * p[said]:.1f} %</figcaption></figure>")
    return "".join(figures), method


def _png(picture: Pixels) -> str:
    file = BytesIO()
    Image.fromarray(enlarged(picture, SIDE)).save(file, "PNG")
    return _img(file.getvalue(), "the picture")


def _img(png: bytes, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{b64encode(png).decode()}">'
