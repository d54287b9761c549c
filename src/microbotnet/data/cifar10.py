"""CIFAR-10 (Krizhevsky 2009) in its official binary layout.

A file holds 10,000 records of 3,073 bytes: the label, then 1,024 red, 1,024 green and 1,024 blue bytes, row by row.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import BadInput, Failed
from .place import data_place

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN = (0.4914, 0.4822, 0.4465)
"""Of red, green, blue in 0…1: what pictures are normalised with."""
STD = (0.2023, 0.1994, 0.2010)

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
FOLDER = "cifar-10-batches-bin"
RECORDS, RECORD_BYTES = 10_000, 3_073

_OTHERWISE = (
    "download that archive elsewhere and put it there, or name a folder that has CIFAR-10 (--data or MICROBOTNET_DATA)"
)

Split = Literal["train", "test"]


@dataclass(frozen=True)
class File:
    """One file of the archive.

    `md5` is the official file's. A copy that is going round holds close stand-ins for a few pictures, the records
    `stand_ins`; `md5_copy` is that copy's. No other file is taken.
    """

    name: str
    md5: str
    md5_copy: str
    stand_ins: tuple[int, ...]


# fmt: off
FILES: dict[Split, tuple[File, ...]] = {
    "train": (
        File("data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25", "897e02394d2572f903da3f36ad144361",
             (1299, 2110, 3998, 4298, 5949, 7066, 7237, 7248, 7630, 8006, 8831, 8968, 9415)),
        File("data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692", "7d723ade99f73b811cfabf20cb43fa92",
             (2762, 2834, 3546)),
        File("data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421", "d89dc53bd17e60b84343cd94e9eafc38",
             (1493, 5728, 6098, 6927, 7621, 8435, 8728, 9694, 9747)),
        File("data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb", "456349a8730963b7930555350ebfd0f8",
             (1367, 1462, 1625, 1663, 2777, 3641, 3661, 4067, 4276, 4387, 4825, 5160, 5646, 6733, 7329, 7474, 7567,
              8384, 8925, 9358, 9385, 9613, 9840, 9888, 9971)),
        File("data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d", "1c39cedb4666850d181538cfcd1008d1",
             (1779, 2004, 2389, 2611, 3357, 3883, 4882, 5168, 5240, 6175, 6435, 6538, 6624, 7393, 7597, 8081, 8124,
              8333, 8821, 8836, 9321, 9429, 9631, 9830, 9857)),
    ),
    "test": (
        File("test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d", "4fd89b928a74095080b56355876466c0",
             (1259, 1369, 1422, 2245, 2737, 2935, 3695, 3718, 4085, 4496, 5791, 5896, 6286, 7580, 7707, 7724, 7832,
              8117, 8551, 9254)),
    ),
}
# fmt: on


def load_cifar10(folder: Path | None = None, split: Split = "train") -> "tuple[Tensor, Tensor]":
    """The pictures and labels of a split, in the order of the files, each file checked against its MD5.

    Args:
        folder: see `find_cifar10`, which fetches the pictures if they are not there.
        split: "train" (50,000 pictures) or "test" (10,000).

    Returns:
        pictures, uint8, N×3×32×32, contiguous; labels, int64, N.

    Raises:
        BadInput: a file is missing, truncated or altered.
        Failed: there are none and they cannot be fetched.
    """
    import torch

    home = find_cifar10(folder)
    files = FILES[split]
    pictures = np.empty((len(files), RECORDS, 3, 32, 32), np.uint8)
    labels = np.empty((len(files), RECORDS), np.int64)
    for i, file in enumerate(files):
        records, _ = read(home, file)
        labels[i], pictures[i] = records[:, 0], records[:, 1:].reshape(-1, 3, 32, 32)
    return torch.from_numpy(pictures.reshape(-1, 3, 32, 32)), torch.from_numpy(labels.reshape(-1))


def find_cifar10(folder: Path | None = None) -> Path:
    """The folder that holds the .bin files, fetched into it if there are none.

    Args:
        folder: where to look; None is the environment's MICROBOTNET_DATA, or else the user's cache.
            It may be the folder of the .bin files or the one above.

    Raises:
        BadInput: the folder named does not exist.
        Failed: there are none and they cannot be fetched.
    """
    from filelock import FileLock

    place = data_place(folder, FOLDER, "CIFAR-10")
    if home := _home(place):
        return home
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".fetching-cifar-10.lock"):  # several processes may start together; one fetches
            return _home(place) or _fetch(place)
    except Failed as error:
        raise Failed(f"CIFAR-10 is not in {place}, and {error}; {_OTHERWISE}") from error
    except OSError as error:
        raise Failed(f"CIFAR-10 is not in {place} and cannot be put there ({error}); {_OTHERWISE}") from error


def has_cifar10(folder: Path | None = None) -> bool:
    """Whether `find_cifar10` would find the pictures without fetching them.

    Raises:
        BadInput: the folder named does not exist.
    """
    return _home(data_place(folder, FOLDER, "CIFAR-10")) is not None


def read(home: Path, file: File) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.uint8]], bool]:
    """The records of a file, uint8, 10,000×3,073, and whether it is the official one to the last bit.

    Raises:
        BadInput: it is missing, truncated or altered.
    """
    path, expected = home / file.name, RECORDS * RECORD_BYTES
    mend = f"delete the .bin files in {home} and run again to fetch CIFAR-10 anew"
    try:
        size = path.stat().st_size
        if size != expected:
            how = "truncated" if size < expected else "altered"
            raise BadInput(f"{path}: {how}: {size:,} bytes, not {expected:,}; {mend}")
        records = np.fromfile(path, np.uint8).reshape(RECORDS, RECORD_BYTES)
    except FileNotFoundError:
        raise BadInput(f"{path}: missing; {mend}") from None
    found = _md5(records)
    if found not in (file.md5, file.md5_copy):
        raise BadInput(f"{path}: altered: its MD5 is {found}, not CIFAR-10's {file.md5}; {mend}")
    return records, found == file.md5


def _home(place: Path) -> Path | None:
    """Where the .bin files are, in `place` or in its folder of the archive's name."""
    names = [file.name for files in FILES.values() for file in files]
    return next((home for home in (place / FOLDER, place) if any((home / name).exists() for name in names)), None)


def _fetch(place: Path) -> Path:
    from .fetch import fetch_archive, unpack

    there = (place / URL.rpartition("/")[2]).exists()
    archive = fetch_archive(URL, MD5, place)
    names = [file.name for files in FILES.values() for file in files]
    unpack(archive, [f"{FOLDER}/{name}" for name in [*names, "batches.meta.txt"]], place / FOLDER)
    if not there:
        archive.unlink()
    return place / FOLDER


def _md5(records: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> str:
    return hashlib.md5(records.data, usedforsecurity=False).hexdigest()  # a guard against accidents
