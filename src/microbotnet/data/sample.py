"""A few pictures without labels, to see what values a network meets."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ..errors import BadInput
from ..preprocessing import Pixels, read_picture
from .folder import pictures_below
from .resize import resized
from .source import NAMED, is_cifar10, open_source


def sample_pictures(data: str, size: int, count: int) -> Pixels:
    """The first `count` training pictures of a set, or as many of a user's folder, spread over it.

    Args:
        data: as in `open_source`; a folder may also have its pictures straight in it, in one class or in many. Of one
            with train/ only those below it are taken.
        size: side of the pictures in pixels.

    Returns:
        uint8, N×3×size×size.

    Raises:
        BadInput: no such set or folder, no pictures in it, or one that cannot be read.
    """
    folder = Path(data).expanduser()
    if data in NAMED or not folder.is_dir() or is_cifar10(folder):
        return resized(open_source(data, size=size).load("train")[0][:count], size).numpy()
    root = folder / "train" if (folder / "train").is_dir() else folder
    files = sorted(pictures_below(root))
    if not files:
        raise BadInput(f"{data}: no pictures in this folder")
    chosen = [files[len(files) * i // count] for i in range(count)] if len(files) > count else files
    with ThreadPoolExecutor() as readers:
        return np.stack(list(readers.map(lambda file: read_picture(file, size), chosen)))
