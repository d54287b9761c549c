"""`microbotnet watch`: a decision for every frame of a stream."""

from itertools import islice
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from ..errors import BadInput
from .checkpoint import Checkpoint, InputShape, Labels, Mean, Std, Weights
from .output import Json, JsonRows, print_line, stderr, stdout
from .pictures import Camera


def watch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of pictures, a video, camera (camera:1, …), or - for JPEG or PNG files on standard input.",
        ),
    ],
    rule: Annotated[
        str,
        typer.Option(
            help="How the last frames decide: none, best-of-last-3, majority, mean; -of-last-N sets how many."
        ),
    ] = "best-of-last-3",
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    checkpoint: Checkpoint = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    camera: Camera = None,
    json: Json = False,
) -> None:
    """Decide, frame after frame, what a camera sees; the last frames vote.

    A frame that cannot be read is skipped, counted and reported on standard error; it changes no vote.
    With --json each frame is a line as soon as it is decided.
    Ctrl-C ends the stream with its report. What is shipped runs as integers, as on the chip.
    """
    from ..camera import camera_of
    from ..inference import predictor
    from ..preprocessing import printable
    from ..sources import Given
    from ..stream.frames import open_frames, through
    from ..stream.voting import rule_named
    from ..stream.watch import Tally
    from ..stream.watch import watch as decisions
    from ..weights import DEFAULT

    given = Given.of(weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    votes_by, network = rule_named(rule), predictor(checkpoint or DEFAULT, given)
    found = open_frames(source, network.size)
    if camera is not None:
        eye = camera_of(camera, (network.channels, network.size, network.size))
        found = through(eye, open_frames(source, (eye.height, eye.width)))
    tally, rows = Tally(), JsonRows({"source": source, "rule": rule}, "decisions")
    longest = max(map(len, network.classes))
    answers = decisions(islice(found, frames), network.predict, network.classes, votes_by)
    try:
        for decision in answers:
            tally.add(decision)
            if json:
                rows.add(decision.to_json())
            if decision.error is not None:
                stderr.print(f"microbotnet: {escape(decision.error)}; skipped", soft_wrap=True)
            elif not json:
                own = f"frame says {decision.label} {100 * decision.probability:.1f} %"
                line = Text(f"{printable(decision.frame)}  ", "bold").append(f"{decision.decided:<{longest}}", "cyan")
                print_line(line.append(f"  {own}", "dim"))
    except KeyboardInterrupt:
        pass
    if json:
        rows.close(tally.to_json())
    if not tally.frames:
        raise BadInput(f"{printable(source)}: not one frame could be read")
    if not json:
        most = ", ".join(f"{label} {count}" for label, count in tally.decided.most_common(3))
        skipped = f"; {tally.unreadable} could not be read" if tally.unreadable else ""
        stdout.print(f"{tally.frames} frames{skipped}; decided ({rule}): {most}", markup=False, soft_wrap=True)
