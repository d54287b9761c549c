"""Inputs of a program that are no picture files: arrays."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .program import LIMITS, Program


def read_array(path: Path) -> Any:
    """What is in an .npy file; nothing in it is run.

    Raises:
        BadInput: it cannot be read, or is damaged.
    """
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:  # damage meets the reader with every kind of exception
        if isinstance(error, OSError) and error.errno is not None:
            raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
        raise BadInput(f"{path}: is no .npy file of numbers: {error}") from None


def read_features(path: Path, program: Program) -> NDArray[Any]:
    """The inputs in an .npy file, (N, *shape) of the dtype of the program's input.

    Integers of that dtype are taken as they are; float numbers are rounded to it by the input's scale and zero point.
    A single input may lack the N.

    Raises:
        BadInput: the file is no array of such a shape and dtype, or holds NaN or infinite values.
    """
    x = program.tensors[program.input]
    values = read_array(path)
    wanted = f"(N, {', '.join(map(str, x.shape))}) {x.dtype} or float"
    if not isinstance(values, np.ndarray):
        raise BadInput(f"{path}: holds several arrays; give one .npy file of {wanted}")
    if values.dtype != x.dtype and values.dtype.kind != "f":
        raise BadInput(f"{path}: holds {values.dtype}; the network takes {wanted}")
    plain = _plain(x.shape)
    single = _plain(values.shape) == plain and values.shape[:1] == x.shape[:1]
    if not single and (values.ndim < 2 or _plain(values.shape[1:]) != plain):
        raise BadInput(f"{path}: holds {values.shape}; the network takes {wanted}")
    values = values.reshape(-1, *x.shape)
    if values.dtype == x.dtype:
        return values
    if not np.isfinite(values).all():
        raise BadInput(f"{path}: holds NaN or infinite values")
    return np.clip(np.rint(values / x.scale + x.zero_point), *LIMITS[x.dtype]).astype(x.dtype)


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its empty axes: a list is (features, 1, 1) inside, a signal (channels, 1, length)."""
    return tuple(size for size in shape if size != 1)
