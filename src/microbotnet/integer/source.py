"""A network by the name a user gives: a program's file, or a checkpoint, which is lowered."""

from importlib.resources import as_file
from pathlib import Path

from ..errors import BadInput
from ..weights import shipped_cards, shipped_program
from .file import SUFFIX, load_program
from .program import Program

CALIBRATION = 1000  # pictures


def open_program(subject: str, calibrate: str | None = None) -> Program:
    """The program of `subject`. Neither what is shipped nor a .program file needs torch.

    Args:
        subject: a name of `shipped_cards()`; a .program file; else a checkpoint's file.
        calibrate: a data set or folder whose training pictures set the ranges of activations, for a checkpoint trained
            without; see `sample_pictures`. None takes a shipped checkpoint as it was lowered when it was shipped.

    Raises:
        BadInput: see `load_program`, `load_checkpoint` and `lower_checkpoint`; pictures are needed and not said, or
            said where the ranges are set.
    """
    if calibrate is None and subject in shipped_cards():
        with as_file(shipped_program(subject)) as path:
            return load_program(path)
    if subject.endswith(SUFFIX):
        if calibrate is not None:
            raise BadInput(f"{subject}: is in integers already; leave out --calibrate")
        return load_program(Path(subject))
    from ..data.sample import sample_pictures
    from ..data.source import NAMED
    from ..quant.activations import NAME
    from ..training.checkpoint import load_checkpoint
    from .checkpoint import lower_checkpoint

    loaded = load_checkpoint(subject)
    if hasattr(loaded.model, NAME):
        if calibrate is not None:
            raise BadInput(f"{subject}: was trained with activations in few bits, which keep their ranges; leave out "
                           "--calibrate")  # fmt: skip
        return lower_checkpoint(loaded, name=subject)
    if calibrate is None:
        name = loaded.card["data"]["name"]
        which = f"{name}, or a folder of pictures" if name in NAMED else "FOLDER, with any pictures in it"
        raise BadInput(f"{subject}: was trained with float activations; say which pictures set the ranges of integers: "
                       f"--calibrate {which}")  # fmt: skip
    size = loaded.card["architecture"]["input_size"]
    return lower_checkpoint(loaded, sample_pictures(calibrate, size, CALIBRATION), name=subject)
