"""A network by the name a user gives: a program's file, or a checkpoint, which is lowered."""

from importlib.resources import as_file
from pathlib import Path

from ..weights import shipped_cards, shipped_program
from .file import SUFFIX, load_program
from .program import Program

CALIBRATION = 1000  # pictures


def open_program(subject: str, calibrate: str | None = None) -> Program:
    """The program of `subject`. Neither what is shipped nor a .program file needs torch.

    Args:
        subject: a name of `shipped_cards()`; a .program file; else a checkpoint's file.
        calibrate: a data set or folder whose training pictures set the ranges of activations, for a checkpoint trained
            without. None takes a shipped checkpoint as it was lowered when it was shipped.

    Raises:
        BadInput: see `load_program`, `load_checkpoint` and `lower_checkpoint`.
    """
    if calibrate is None and subject in shipped_cards():
        with as_file(shipped_program(subject)) as path:
            return load_program(path)
    if subject.endswith(SUFFIX):
        return load_program(Path(subject))
    from ..data.source import open_source
    from ..training.checkpoint import load_checkpoint
    from .checkpoint import lower_checkpoint

    loaded = load_checkpoint(subject)
    if calibrate is None:
        return lower_checkpoint(loaded)
    size = loaded.card["architecture"]["input_size"]
    pictures = open_source(calibrate, size=size).load("train")[0]
    return lower_checkpoint(loaded, pictures[:CALIBRATION].numpy())
