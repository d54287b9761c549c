"""`microbotnet import`: another's network becomes an integer program."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ..errors import BadInput
from .checkpoint import SUBJECT, Calibrate, InputShape, Labels, Mean, NetName, Std, Weights
from .output import Json, print_json, stdout, working


def import_(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SUBJECT)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The program, a file that ends in .program.")],
    calibrate: Calibrate = None,
    net: NetName = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    json: Json = False,
) -> None:
    """Turn a network into an integer program, which every command takes without PyTorch.

    An int8 file (.tflite, or an .onnx of a quantizer) keeps its own integers. A network of floats is quantized with
    ranges from the calibration's inputs. What is printed says of each layer whether it is exact, and if not, by how
    many units of its output it can be off.
    """
    from ..integer.file import SUFFIX, save_program
    from ..sources import Given
    from ..sources.program import import_network

    if output.suffix != SUFFIX or output.is_dir():
        raise BadInput(f"{output}: a program is a file that ends in {SUFFIX}")
    given = Given.of(net=net, weights=weights, input_shape=input_shape, mean=mean, std=std, labels=labels)
    with working(f"turning {source} into integers, and comparing each layer"):
        found = import_network(source, calibrate, given)
    program = found.program
    save_program(output, program)
    if json:
        shapes = {
            "inputs": [_listed(program.tensors[program.input].shape)],
            "outputs": [_listed(program.tensors[name].shape) for name in program.outputs],
        }
        print_json({"program": str(output), "operators": len(program.operators), **shapes, **found.to_json()})
        return
    inexact = [layer for layer in found.layers if not layer.exact]
    if inexact:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("layer that is not exact", overflow="fold")
        table.add_column("off by at most, units", justify="right")
        for layer in inexact:
            table.add_row(escape(layer.name), f"{layer.worst_units:,}")
        stdout.print(table)
    exact = "all exact" if found.exact else f"{len(found.layers) - len(inexact)} of {len(found.layers)} exact"
    stdout.print(
        f"{output}: {len(program.operators)} operators, layers {exact}", markup=False, highlight=False, soft_wrap=True
    )


def _listed(shape: tuple[int, ...]) -> list[int]:
    """A shape without the empty rows and columns of what is a list."""
    return list(shape[:1] if shape[1:] == (1, 1) else shape)
