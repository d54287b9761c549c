"""Any folder of pictures as a set: `train/CLASS/…` and `test/CLASS/…` (or `val/`), or `CLASS/…` and a split.

Pictures are decoded once, and kept as one file in the user's cache for as long as nothing in the folder changes.
"""

import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..atomic import cache_folder, write_atomically
from ..errors import BadInput
from ..preprocessing import Pixels, is_left_behind, is_picture, printable, read_picture
from ..sealed import UNSEALED, read_sealed, sealed
from .cifar10 import Split

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.1
"""Of each class's pictures, tested with where the folder has no test pictures of its own."""
_TEST = ("test", "val")


@dataclass(frozen=True)
class Listing:
    """What is in a folder of pictures.

    classes: in the order of their names. files, labels: of both splits; files are relative to the folder.
    share: of each class's pictures, tested with; None where the folder has test pictures of its own.
    """

    folder: Path
    classes: tuple[str, ...]
    files: dict[Split, list[str]]
    labels: dict[Split, list[int]]
    share: float | None = None

    @property
    def every(self) -> list[str]:
        """The files of both splits, sorted."""
        return sorted(self.files["train"] + self.files["test"])

    @property
    def key(self) -> str:
        """Of the folder's content: names, sizes and times of change."""
        digest = hashlib.sha256(str(self.folder.resolve()).encode(errors="surrogateescape"))
        for file in self.every:
            status = (self.folder / file).stat()
            digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()[:16]


def list_folder(folder: Path, share: float | None = None, usual: float = SHARE) -> Listing:
    """Find the classes and pictures of a folder.

    Where it has no folders of its own for training and testing, `share` of each class is tested with, at least one
    picture and never all: those whose names' SHA-256 is least, so that the choice is the same everywhere. Classes take
    turns in the lists, in proportion to their pictures, so that every part of a split has all of them.

    Args:
        folder: `train/CLASS/…` with `test/CLASS/…` or `val/CLASS/…`; `train/CLASS/…` alone; or `CLASS/…`.
        share: 0…1; only for a folder without test pictures of its own. usual: taken where it is None.

    Raises:
        BadInput: no class folders, or only one; an empty one; classes that are not in both; one picture in every
            class; a share for a folder that needs none.

    Warns:
        UserWarning: a class has one picture only; it is not tested.
    """
    root = folder / "train" if (folder / "train").is_dir() else folder
    test = next((folder / name for name in _TEST if (folder / name).is_dir()), None) if root != folder else None
    classes = _classes(root)
    if test is not None:
        if share is not None:
            raise BadInput(f"{folder}: has test pictures of its own, in {test.name}/; leave out the split")
        if odd := set(classes) ^ set(_classes(test)):
            raise BadInput(f"{folder}: class {printable(min(odd))!r} is not both in train/ and {test.name}/")
        found = [(_pictures(root / name, folder), _pictures(test / name, folder)) for name in classes]
    else:
        share = usual if share is None else share
        if not 0 < share < 1:
            raise BadInput(f"the split must be a share between 0 and 1, not {share:g}")
        found = [_divided(_pictures(root / name, folder), share) for name in classes]
        alone = [name for name, (_, tested) in zip(classes, found, strict=True) if not tested]
        if len(alone) == len(classes):
            raise BadInput(f"{folder}: one picture a class leaves none to test with; add some")
        if alone:
            more = f" and {len(alone) - 1} more" if alone[1:] else ""
            warnings.warn(
                f"class {printable(alone[0])!r}{more}: one picture only, which is trained with and not tested",
                stacklevel=2,
            )
    files: dict[Split, list[str]] = {}
    labels: dict[Split, list[int]] = {}
    for split, lists in zip(("train", "test"), zip(*found, strict=True), strict=True):
        turns = sorted(
            ((i + 0.5) / len(names), k, name) for k, names in enumerate(lists) for i, name in enumerate(names)
        )
        files[split] = [name for _, _, name in turns]  # type: ignore[index]
        labels[split] = [k for _, k, _ in turns]  # type: ignore[index]
    return Listing(folder, tuple(classes), files, labels, share)


def load_folder(listing: Listing, split: Split, size: int) -> "tuple[Tensor, Tensor]":
    """The pictures of a split, as `read_picture` reads them, and their labels.

    Returns:
        pictures, uint8, N×3×size×size; labels, int64, N.

    Raises:
        BadInput: a picture cannot be read; all such are counted, the first is named.
        Failed: the cache cannot be written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load, save

    cache = cache_folder("folders") / f"{listing.key}-{size}.safetensors"
    every = listing.every
    try:
        pictures = load(read_sealed(cache))["pictures"]
    except (SafetensorError, OSError, KeyError, ValueError):  # not there yet, or damaged
        pictures = torch.from_numpy(_decoded(listing.folder, every, size))
        write_atomically(cache, sealed(save({"pictures": pictures}, UNSEALED)))
    place = {file: i for i, file in enumerate(every)}
    index = torch.tensor([place[file] for file in listing.files[split]])
    return pictures[index], torch.tensor(listing.labels[split])


def _classes(folder: Path) -> list[str]:
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir() and not is_left_behind(path.name))
    if len(classes) < 2:
        what = f"only one class folder, {printable(classes[0])!r}" if classes else "no class folders"
        raise BadInput(f"{folder}: {what}; a set of pictures has a folder for each class, two at least")
    return classes


def _pictures(place: Path, folder: Path) -> list[str]:
    """The picture files of a class, in folders below too, relative to `folder`, in the order of their names."""
    files = sorted(path.relative_to(folder).as_posix() for path in pictures_below(place))
    if not files:
        raise BadInput(f"{place}: an empty class folder: no pictures in it; add some or remove it")
    return files


def pictures_below(place: Path) -> Iterator[Path]:
    """The picture files in a folder and in those below it, in any order; what is hidden is passed over."""
    for path in place.rglob("*"):
        if is_picture(path) and not any(is_left_behind(part) for part in path.relative_to(place).parts):
            yield path


def _divided(files: list[str], share: float) -> tuple[list[str], list[str]]:
    """Of a class: what is trained and what is tested with; its only picture is trained with."""
    count = min(max(1, round(share * len(files))), len(files) - 1)
    ranked = sorted(files, key=lambda file: hashlib.sha256(Path(file).name.encode(errors="surrogateescape")).digest())
    test = set(ranked[:count])
    return [file for file in files if file not in test], [file for file in files if file in test]


def _decoded(folder: Path, files: Sequence[str], size: int) -> Pixels:
    pictures = np.empty((len(files), 3, size, size), np.uint8)

    def decode(item: tuple[int, str]) -> BadInput | None:
        i, file = item
        try:
            pictures[i] = read_picture(folder / file, size)
        except BadInput as error:
            return error
        return None

    with ThreadPoolExecutor(os.cpu_count()) as decoders:
        wrong = [error for error in decoders.map(decode, enumerate(files)) if error]
    if wrong:
        more = f" (and {len(wrong) - 1} more files)" if wrong[1:] else ""
        raise BadInput(f"{wrong[0]}{more}; mend or remove it")
    return pictures
