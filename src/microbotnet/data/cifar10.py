"""CIFAR-10 (Krizhevsky 2009) in its official binary layout.

A file holds 10,000 records of 3,073 bytes: the label, then 1,024 red, 1,024 green and 1,024 blue bytes, row by row.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN = (0.4914, 0.4822, 0.4465)
"""Of red, green, blue in 0…1: what pictures are normalised with."""
STD = (0.2023, 0.1994, 0.2010)

Split = Literal["train", "test"]
FOLDER = "cifar-10-batches-bin"
FILES: dict[Split, tuple[str, ...]] = {
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test": ("test_batch.bin",),
}
RECORDS, RECORD_BYTES = 10_000, 3_073


def load_cifar10(folder: Path | None = None, split: Split = "train") -> "tuple[Tensor, Tensor]":
    """The pictures and labels of a split, in the order of the files.

    Args:
        folder: see `find_cifar10`.
        split: "train" (50,000 pictures) or "test" (10,000).

    Returns:
        pictures, uint8, N×3×32×32, contiguous; labels, int64, N.

    Raises:
        BadInput: there are none, or a file is truncated or altered.
    """
    import torch

    home = find_cifar10(folder)
    parts = [_read(home / name) for name in FILES[split]]
    labels = np.concatenate([part[:, 0] for part in parts])
    counts = np.bincount(labels, minlength=10)
    if (counts != len(labels) // 10).any():
        raise BadInput(
            f"{home}: altered: the {split} files should hold {len(labels) // 10:,} pictures of each class, "
            f"not {', '.join(map(str, counts))}; fetch CIFAR-10 anew"
        )
    pictures = np.empty((len(labels), 3, 32, 32), np.uint8)
    for i, part in enumerate(parts):
        pictures[i * RECORDS : (i + 1) * RECORDS] = part[:, 1:].reshape(-1, 3, 32, 32)
    return torch.from_numpy(pictures), torch.from_numpy(labels.astype(np.int64))


def find_cifar10(folder: Path | None = None) -> Path:
    """The folder that holds the .bin files.

    Args:
        folder: where to look; None is the environment's MICROBOTNET_DATA or else the user's cache.
            It may be the folder of the .bin files or the one above.
    """
    import platformdirs

    named = folder or os.environ.get("MICROBOTNET_DATA")
    place = Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("microbotnet"))
    for home in (place / FOLDER, place):
        if any((home / name).exists() for names in FILES.values() for name in names):
            return home
    raise BadInput(f"{place}: no {FOLDER} there; give its folder by --data or MICROBOTNET_DATA")


def _read(file: Path) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The 10,000 records of a file, uint8, 10,000×3,073, checked."""
    expected = RECORDS * RECORD_BYTES
    try:
        size = file.stat().st_size
        if size != expected:
            raise BadInput(f"{file}: {'truncated' if size < expected else 'altered'}: {size:,} bytes, not {expected:,}")
        records = np.fromfile(file, np.uint8).reshape(RECORDS, RECORD_BYTES)
    except FileNotFoundError:
        raise BadInput(f"{file}: missing; fetch CIFAR-10 anew") from None
    if (wrong := np.flatnonzero(records[:, 0] > 9)).size:
        raise BadInput(f"{file}: altered: record {wrong[0]} has label {records[wrong[0], 0]}, not 0 to 9")
    return records
