"""`microbotnet evaluate`: the score of a checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadInput
from .checkpoint import Checkpoint, InputShape, Labels, Mean, Std, Weights
from .output import Json, print_json, stdout, working
from .pictures import Camera, Data, Split


def evaluate(
    checkpoint: Checkpoint = None,
    net: Annotated[
        str | None,
        typer.Option(
            help="Which network of `microbotnet nets` is in the file, if no card (.json) beside the file says so.",
            show_default="MicroBotNet",
        ),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(
            help="Width multiplier of that network. Without --checkpoint: the shipped MicroBotNet of this width."
        ),
    ] = None,
    data: Data = None,
    split: Split = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Also write a page of classes, confusion and the worst mistakes, an .html file."
        ),
    ] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    camera: Camera = None,
    json: Json = False,
) -> None:
    """Measure a network's top-1 on test pictures: CIFAR-10's, or those of the set that it was trained on.

    Floats run in PyTorch, integers (.tflite, .program, a quantizer's .onnx) as compiled C. Outputs without names are
    taken in the order of the set's classes.
    """
    from ..camera import camera_of, finest
    from ..data.source import NAMED, open_source
    from ..importers.imported import Imported
    from ..inference import evaluate as evaluate_program
    from ..inference import program_predictor, side_of
    from ..show.report import check_report_name
    from ..sources import Given, open_network, tell_assumed
    from ..weights import DEFAULT, shipped_name

    if output is not None:
        check_report_name(output)
        if camera is not None:
            raise BadInput("the page shows pictures as they are; leave out one of --output and --input")
    if checkpoint is None:
        named = net is not None or width is not None
        checkpoint = shipped_name(net or "microbotnet", 0.32 if width is None else width) if named else DEFAULT
        net = width = None
    given = Given.of(net=net, width=width, weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    opened = open_network(checkpoint, given)
    if isinstance(opened, Imported):
        if output is not None:
            raise BadInput(f"{checkpoint}: is in integers; the page shows activation maps, which need float weights")
        network = program_predictor(opened.program, checkpoint)
        eye = camera_of(camera, (network.channels, network.size, network.size)) if camera else None
        source = open_source(data, size=finest(network.size, eye), split=split)
        with working(f"classifying the test pictures of {source.name}"):
            score = evaluate_program(network, source, checkpoint, eye)
        result = {"checkpoint": checkpoint, "data": source.name, **score}
    else:
        from ..nets import input_shape_of
        from ..training.session import evaluate_on

        if not opened.card["data"]["classes"]:
            raise BadInput(f"{checkpoint}: its output is no list of scores; it cannot name a class")
        name, size = opened.card["data"]["name"], opened.card["architecture"]["input_size"]
        if data is None and name not in NAMED:
            known = "does not say on which pictures it was trained" if name == "unknown" else f"was trained on {name}"
            raise BadInput(f"{checkpoint}: {known}; say where they are: --data FOLDER")
        tell_assumed(opened, checkpoint)
        side, channels = side_of(input_shape_of(opened.card["architecture"]), checkpoint)
        eye = camera_of(camera, (channels, side, side)) if camera else None
        source = open_source(data or name, size=finest(size or 32, eye), split=split, trained=opened.card["data"])
        with working(f"classifying the test pictures of {source.name}"):
            score = evaluate_on(opened, source, eye)
        result = {"checkpoint": checkpoint, "data": source.name, **score}
        if output is not None:
            from ..show.data_report import judge, write_data_report

            predictions = judge(opened, source)
            write_data_report(output, opened, Path(checkpoint).name, predictions, source.name)
            result |= {**predictions.to_json(), "report": str(output)}
    if camera is not None:
        result["input"] = camera
    if json:
        print_json(result)
    else:
        pictures = f"{result['pictures']:,} test pictures of {source.name}"
        pictures += f", seen as {camera}" if camera else ""
        stdout.print(f"{checkpoint}: top-1 [bold]{result['top1']:.2f} %[/] on {pictures}", soft_wrap=True)
        if output is not None:
            stdout.print(f"page: {output}", markup=False, soft_wrap=True)
