"""Answer for many picture files: read a chunk, predict it, go on. A file that cannot be read stops no other."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from .errors import BadInput
from .preprocessing import STDIN, Pixels, Size, is_picture, printable, read_picture, sides

Probabilities = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Answer:
    """A file's likeliest classes with their probabilities, most likely first; or why there are none."""

    file: str
    predictions: tuple[tuple[str, float], ...] = ()
    error: str | None = None


def classify(
    files: Iterable[str],
    predict: Callable[[Pixels], Probabilities],
    classes: Sequence[str],
    *,
    size: Size = 32,
    top: int = 3,
) -> Iterator[Answer]:
    """Yield an answer for every file, in order; memory does not grow with their number.

    Args:
        files: picture files; folders, for the pictures straight in them in the order of their names; "-" for
            standard input.
        predict: from pictures, uint8, N×3×rows×columns, to probabilities, N×classes.
        classes: the names of the classes.
        size: side of the pictures in pixels, or rows and columns.
        top: how many classes to answer with, at most.
    """
    found, (rows, columns) = _find(files), sides(size)
    count = min(64, max(1, 2**18 // (rows * columns)))
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as readers:
        while chunk := list(islice(found, count)):
            with warnings.catch_warnings():  # Pillow's remarks on odd files help nobody here
                warnings.simplefilter("ignore")
                read = list(readers.map(lambda item: _read(item, size), chunk))
            pictures = [picture for picture in read if not isinstance(picture, BadInput)]
            answers = iter(list(predict(np.stack(pictures))) if pictures else [])
            for (file, _), picture in zip(chunk, read, strict=True):
                if isinstance(picture, BadInput):
                    yield Answer(file, error=str(picture))
                    continue
                row = next(answers)
                likeliest = np.argsort(-row, kind="stable")[:top]
                yield Answer(file, tuple((classes[i], float(row[i])) for i in likeliest))


def _find(files: Iterable[str]) -> Iterator[tuple[str, BadInput | None]]:
    """The picture files, folders opened; with what is wrong with a folder."""
    for file in files:
        if file == STDIN or not Path(file).is_dir():
            yield file, None
            continue
        try:
            inside = sorted(path for path in Path(file).iterdir() if is_picture(path))
        except OSError as error:
            yield file, BadInput(f"{printable(file)}: cannot be read ({error.strerror})")
            continue
        if not inside:
            yield file, BadInput(f"{printable(file)}: no pictures in this folder")
        yield from ((str(path), None) for path in inside)


def _read(item: tuple[str, BadInput | None], size: Size) -> Pixels | BadInput:
    file, wrong = item
    try:
        return wrong or read_picture(file, size)
    except BadInput as error:
        return error
