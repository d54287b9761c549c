"""Pictures whose classes nobody has told: a teacher says what it sees in them."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput
from .folder import Listing, load_folder, pictures_below
from .resize import resized
from .source import NAMED, is_cifar10, open_source

if TYPE_CHECKING:
    from torch import Tensor


def load_unlabelled(names: Sequence[str], size: int, labelled: "Sequence[Tensor]") -> "Tensor":
    """The pictures of several sets, each picture once, without those that are among `labelled`.

    Args:
        names: of each set, one of `NAMED`, of which it is the training pictures, or a folder, of which it is all in it
            and in the folders below.
        size: side of the result's pictures.
        labelled: (N, 3, size, size) uint8, what is trained and tested with.

    Returns:
        (M, 3, size, size) uint8, in the order of `names`.

    Raises:
        BadInput: no such set, or an empty name; one without a picture that is new; a file that is no picture.
    """
    import torch

    seen = {digest for pictures in labelled for digest in _digests(pictures)}
    kept = []
    for name in names:
        pictures = _pictures(name, size)
        new = []
        for i, digest in enumerate(_digests(pictures)):
            if digest not in seen:
                seen.add(digest)
                new.append(i)
        if not new:
            raise BadInput(f"{name}: every picture in it is one to train or test with already; leave it out")
        kept.append(pictures[new])
    return torch.cat(kept)


def _pictures(name: str, size: int) -> "Tensor":
    if not name.strip():  # as a path it would be the current folder
        raise BadInput("a set of unlabelled pictures has no name; give a set or a folder, several with a comma between")
    path = Path(name).expanduser()
    if name in NAMED or not path.is_dir() or is_cifar10(path):
        return resized(open_source(name).load("train")[0], size)
    files = sorted(file.relative_to(path).as_posix() for file in pictures_below(path))
    if not files:
        raise BadInput(f"{name}: no pictures in it, nor in the folders below")
    return load_folder(
        Listing(path, (), {"train": files, "test": []}, {"train": [0] * len(files), "test": []}), "train", size
    )[0]


def _digests(pictures: "Tensor") -> Iterator[bytes]:
    for picture in pictures:
        yield hashlib.sha256(picture.contiguous().numpy()).digest()
