"""From a name to its integer program: as it is stored, imported, or lowered with ranges from pictures."""

from importlib.resources import as_file
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..importers.imported import Imported
from ..integer.features import read_array
from ..integer.file import load_program
from ..integer.program import Program
from ..weights import shipped_cards, shipped_program
from .given import NOTHING, Given, Shape
from .network import is_integer, labelled, open_network, tell_assumed

if TYPE_CHECKING:
    from ..training.checkpoint import Checkpoint

CALIBRATION = 1000  # pictures
COMPARED = 8  # of them, on which layers are compared

Inputs = NDArray[Any]


def open_program(name: str, calibrate: str | None = None, given: Given = NOTHING) -> Program:
    """The program of `name`. What is shipped, a .program and an int8 file need no torch.

    Args:
        name: see this package.
        calibrate: a data set, a folder of pictures, or an .npy of inputs, which set the ranges of activations, for a
            network of floats; see `calibration_inputs`. None takes a shipped checkpoint as it was lowered when it was
            shipped.
        given: what the file cannot say.

    Raises:
        BadInput: see `open_network` and `lower_checkpoint`; calibration is needed and not said, or said where the
            ranges are set.
    """
    if calibrate is None and name in shipped_cards():
        with as_file(shipped_program(name)) as path:
            found = load_program(path)
        return found if given.labels is None else labelled(found, given.labels, name)
    opened, _ = _opened(name, calibrate, given)
    return opened.program if isinstance(opened, Imported) else opened


def import_network(name: str, calibrate: str | None = None, given: Given = NOTHING) -> Imported:
    """The program of `name` with a report of its layers.

    Of an int8 file a layer is exact if its output is that of the engine whose integers are met, on every input. Of a
    network of floats it is held against the network with rounded activations and kernels: exact if, on the inputs
    that the rounded network has there for a few of the calibration's, all its outputs are the rounded network's.
    """
    found, compared = _opened(name, calibrate, given, compare=True)
    if isinstance(found, Imported):
        return found
    assert compared is not None
    return compared


def _opened(
    name: str, calibrate: str | None, given: Given, *, compare: bool = False
) -> tuple[Imported | Program, Imported | None]:
    integers = BadInput(f"{name}: is in integers already; leave out --calibrate")
    if calibrate is not None and is_integer(name):
        raise integers
    opened = open_network(name, given)
    if isinstance(opened, Imported):
        if calibrate is not None:  # an .onnx is known when it is open
            raise integers
        return opened, None
    from ..integer.checkpoint import lower_checkpoint
    from ..nets import input_shape_of
    from ..quant.activations import NAME
    from .agreement import agreement

    tell_assumed(opened, name)
    inputs = None
    if hasattr(opened.model, NAME):
        if calibrate is not None:
            raise BadInput(f"{name}: was trained with activations in few bits, which keep their ranges; leave out "
                           "--calibrate")  # fmt: skip
    elif calibrate is None:
        raise BadInput(f"{name}: was trained with float activations; say what sets the ranges of integers: "
                       f"--calibrate {_what_sets(opened)}")  # fmt: skip
    else:
        inputs = calibration_inputs(calibrate, input_shape_of(opened.card["architecture"]))
    program = lower_checkpoint(opened, inputs, name=name)
    if not compare:
        return program, None
    data = opened.card["data"]
    sample = inputs[:COMPARED] if inputs is not None else _noise(program)
    return program, Imported(program, agreement(program, opened.model, sample, data["mean"], data["std"]))


def _noise(program: Program) -> Inputs:
    shape = program.tensors[program.input].shape
    return np.random.default_rng(0).integers(0, 256, (COMPARED, *shape), dtype=np.uint8)


def _what_sets(checkpoint: "Checkpoint") -> str:
    from ..data.source import NAMED
    from ..nets import input_shape_of

    name, shape = checkpoint.card["data"]["name"], input_shape_of(checkpoint.card["architecture"])
    if not takes_pictures(shape):
        sizes = ", ".join(map(str, shape))
        return f"FILE.npy, float32 (N, {sizes}) as the network takes them, or uint8 for 0…255"
    return f"{name}, or a folder of pictures" if name in NAMED else "FOLDER, with any pictures in it"


def takes_pictures(shape: Shape) -> bool:
    """Whether picture files become inputs of this shape: square, of three colours or grey."""
    return len(shape) == 3 and shape[0] in (1, 3) and shape[1] == shape[2]


def calibration_inputs(calibrate: str, shape: Shape) -> Inputs:
    """What sets the ranges: up to a thousand pictures, (N, *shape) uint8, or features, (N, *shape) float32.

    Args:
        calibrate: a data set's name or a folder of pictures, for a network that takes square ones, in three colours or
            grey; or an .npy file: uint8 for pictures of any shape, else float32 as the network takes them.
        shape: of one input.

    Raises:
        BadInput: it is none of these, or of another shape, or not finite.
    """
    path = Path(calibrate)
    if path.suffix.lower() == ".npy":
        return _array(path, shape)
    if not takes_pictures(shape):
        sizes = ", ".join(map(str, shape))
        raise BadInput(
            f"{calibrate}: pictures are no input of {'×'.join(map(str, shape))}; give --calibrate an .npy of inputs, "
            f"float32 (N, {sizes})"
        )
    from ..data.sample import sample_pictures
    from ..preprocessing import grey

    pictures = sample_pictures(calibrate, shape[1], CALIBRATION)
    return grey(pictures) if shape[0] == 1 else pictures


def _array(path: Path, shape: Shape) -> Inputs:
    values = read_array(path)
    if (
        not isinstance(values, np.ndarray)
        or values.dtype.kind not in "uif"
        or values.shape[1:] != shape
        or not len(values)
    ):
        found = f"{values.shape} {values.dtype}" if isinstance(values, np.ndarray) else "several arrays"
        raise BadInput(f"{path}: holds {found}; expected (N, {', '.join(map(str, shape))}), float32 or uint8")
    values = values[:CALIBRATION]
    if values.dtype == np.uint8:
        return values
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise BadInput(f"{path}: holds NaN or infinite values")
    return values
