"""`microbotnet approach`: a synthetic walk up to an object, decided frame by frame."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track
from rich.table import Table

from ..errors import BadInput
from .checkpoint import Checkpoint, InputShape, Labels, Mean, Std, Weights
from .output import Json, print_json, stderr, stdout

if TYPE_CHECKING:
    from ..stream.approach import Score

RULES = ("none", "best-of-last-3", "majority", "mean")


def approach(
    picture: Annotated[
        str | None, typer.Argument(metavar="PICTURE", help="A photograph of the object; or give --all.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Walk up to every test picture of the Micro Robot Dataset that fits.")
    ] = False,
    label: Annotated[
        str | None,
        typer.Option(
            help="The class that the picture shows, to count right and wrong; with --all: walk up to this class only."
        ),
    ] = None,
    rule: Annotated[str, typer.Option(help="The voting rule to show beside each frame's own answer.")] = RULES[1],
    film: Annotated[Path | None, typer.Option(help="Also draw the walk as film strips, a .png file.")] = None,
    approaches: Annotated[int, typer.Option(min=1, help="Walks up to each object.")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Frames of a walk.")] = 12,
    angles: Annotated[int, typer.Option(min=1, help="Frames of the turn in front of the object.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    data: Annotated[
        Path | None, typer.Option(help="The dataset's folder.", show_default="MICROBOTNET_DATA or the cache")
    ] = None,
    checkpoint: Checkpoint = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    json: Json = False,
) -> None:
    """Walk a camera up to an object and around it, and count what voting over frames is worth.

    The walk is synthetic: the photograph grows and turns as a flat card on a painted ground, seen through a modelled
    camera. An approach is right if its last decision is; the turn is scored angle by angle. What is shipped runs as
    integers, as on the chip.
    """
    from ..atomic import write_atomically
    from ..inference import predictor
    from ..preprocessing import read_picture
    from ..sources import Given
    from ..stream.approach import Score, micro_robot_pictures, survey, walk_up
    from ..stream.voting import rule_named
    from ..stream.walk import NOTE, Walk
    from ..weights import DEFAULT

    if everything == (picture is not None):
        raise BadInput("give one PICTURE, or --all")
    if film is not None and (everything or film.suffix.lower() != ".png"):
        raise BadInput(f"{film}: a film strip is made of one PICTURE; give a name that ends in .png")
    rules = {name: rule_named(name) for name in dict.fromkeys((*RULES, rule))}
    walk = Walk(approaches=approaches, steps=steps, angles=angles, seed=seed)
    given = Given.of(weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    network = predictor(checkpoint or DEFAULT, given)
    classes, size, answers = list(network.classes), network.size, network.predict
    if label is not None and label not in classes:
        raise BadInput(f"{label}: the network does not know this class; it knows: {', '.join(classes)}")

    if everything:
        found = micro_robot_pictures(classes, data)
        if label is not None:
            found = [item for item in found if classes[item[1]] == label]
        bar = track(found, "walking", console=stderr, transient=True, disable=not stderr.is_terminal)
        result = survey(bar, classes, walk, answers, rules, size=size)
        if json:
            print_json(result.to_json())
            return
        _print({**result.classes, "all": result.total}, tuple(rules))
        stdout.print(NOTE, style="dim", soft_wrap=True)
        return

    assert picture is not None
    walked = walk_up(read_picture(picture, 2 * size), walk, answers, rules, size=size)
    number = classes.index(label) if label is not None else None
    score = Score()
    if number is not None:
        score.add(walked, number)
    if film is not None:
        from ..show.film_strip import film_strip

        title = f"{Path(picture).name}: a synthetic walk" + (f" up to its object, {label}" if label else "")
        write_atomically(film, film_strip(walked, walk, classes, rule, title, number))
    if json:
        print_json(
            {
                "picture": picture,
                "label": label,
                **walked.to_json(classes),
                **({"score": score.to_json()} if label else {}),
                "film": str(film) if film else None,
            }
        )
        return
    if label is not None:
        _print({label: score}, tuple(rules))
    else:
        for name in rules:
            said = ", ".join(classes[found] for found in walked.reached(name))
            stdout.print(f"{name}: decided at the end of each approach: {said}", soft_wrap=True)
    if film is not None:
        stdout.print(f"film strip: {film}", markup=False, soft_wrap=True)
    stdout.print(NOTE, style="dim", soft_wrap=True)


def _print(scores: "dict[str, Score]", rules: tuple[str, ...]) -> None:
    """One table of the approaches, one of the angles."""
    for what in ("approaches", "angles"):
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(f"{what} right, %")
        table.add_column("of", justify="right")
        for name in rules:
            table.add_column("alone" if name == "none" else name, justify="right")
        for label, score in scores.items():
            count = getattr(score, what)
            right = getattr(score, f"right_{what}")
            table.add_row(label, f"{count:,}", *(f"{100 * right[name] / count:.1f}" for name in rules))
        stdout.print(table)
        stdout.print()
