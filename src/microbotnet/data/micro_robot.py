"""The Micro Robot Dataset: twenty classes of Tiny ImageNet, 64×64 pixels, 500 training and 50 test pictures each.

Tiny ImageNet (Stanford CS231n) names classes by WordNet's numbers. Its validation pictures, whose classes are
published, are the test pictures here. One file holds the twenty classes' JPEGs as the archive has them, each once;
the four sets are views of it.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..atomic import write_atomically
from ..errors import BadInput, Failed
from ..sealed import UNSEALED, read_sealed, sealed
from .cifar10 import Split
from .place import data_place
from .tree import Tree, open_tree

if TYPE_CHECKING:
    from torch import Tensor

# fmt: off
OUTDOOR = {
    "acorn": "n12267677", "basketball": "n02802426", "bee": "n02206856", "black_widow": "n01774384",
    "frog": "n01644900", "ladybug": "n02165456", "mushroom": "n07734744", "nail": "n03804744", "snail": "n01944390",
    "tarantula": "n01774750",
}
INDOOR = {
    "banana": "n07753592", "candle": "n02948072", "dumbbell": "n03255030", "iPod": "n03584254",
    "pill_bottle": "n03937543", "pop_bottle": "n03983396", "sandal": "n04133789", "sock": "n04254777",
    "syringe": "n04376876", "teapot": "n04398044",
}
WNIDS = OUTDOOR | INDOOR
"""The number in WordNet of every class."""
SETS: dict[str, tuple[str, ...]] = {
    "outdoor": tuple(OUTDOOR),
    "indoor": tuple(INDOOR),
    "combined": tuple(WNIDS),
    "micro": (
        "acorn", "sock", "sandal", "frog", "nail", "tarantula", "mushroom", "ladybug", "black_widow", "bee",
    ),
}
# fmt: on
COUNTS: dict[Split, int] = {"train": 500, "test": 50}
"""Pictures of a class."""
SIZE = 64

URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
FOLDER = "tiny-imagenet-200"
FILE = "micro-robot.safetensors"

_ANNOTATIONS = "val/val_annotations.txt"
_OTHERWISE = f"bring {URL.rpartition('/')[2]} yourself and build from it: microbotnet data micro-robot --from ZIP"


def load_micro_robot(name: str, split: Split = "train", folder: Path | None = None) -> "tuple[Tensor, Tensor]":
    """The pictures and labels of a set, decoded.

    Classes take turns (labels 0, 1, 2, …, 0, 1, 2, …), so that every part of a split has all of them.

    Args:
        name: of `SETS`; labels count its classes.
        split: "train" (500 pictures a class) or "test" (50).
        folder: see `find_micro_robot`.

    Returns:
        pictures, uint8, N×3×64×64, contiguous; labels, int64, N.

    Raises:
        BadInput: no such set, or the file is damaged.
        Failed: there is none and it cannot be made.
    """
    import torch

    classes, count = classes_of(name), COUNTS[split]
    packed = _read(find_micro_robot(folder), split, classes)
    pictures = np.empty((count, len(classes), 3, SIZE, SIZE), np.uint8)

    def decode(k: int) -> None:
        for i in range(count):
            pictures[i, k] = _pixels(packed[k][i]).transpose(2, 0, 1)

    with ThreadPoolExecutor(os.cpu_count()) as decoders:
        list(decoders.map(decode, range(len(classes))))
    labels = torch.arange(len(classes)).repeat(count)
    return torch.from_numpy(pictures.reshape(-1, 3, SIZE, SIZE)), labels


def classes_of(name: str) -> tuple[str, ...]:
    """The classes of a set, in the order of their labels; BadInput lists the sets if there is no such one."""
    if name not in SETS:
        raise BadInput(f"no Micro Robot set is named {name!r}; there are: {', '.join(SETS)}")
    return SETS[name]


def find_micro_robot(folder: Path | None = None) -> Path:
    """The file with the pictures, made if it is not there.

    It is made from Tiny ImageNet (its zip, or the folder of that) beside it, or else from the zip fetched from its
    publisher, which is then deleted.

    Args:
        folder: where to look; None is the environment's MICROBOTNET_DATA, or else the user's cache.

    Raises:
        BadInput: the folder named does not exist, or Tiny ImageNet in it is damaged.
        Failed: there is nothing and it cannot be fetched.
    """
    from filelock import FileLock

    place = data_place(folder, FILE, "Tiny ImageNet")
    path = place / FILE
    if path.exists():
        return path
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".building-micro-robot.lock"):  # several processes may start together; one builds
            return path if path.exists() else _make(place)
    except Failed as error:
        raise Failed(f"Tiny ImageNet is not in {place}, and {error}; {_OTHERWISE}") from error
    except OSError as error:
        raise Failed(f"Tiny ImageNet is not in {place} and cannot be put there ({error}); {_OTHERWISE}") from error


def build_micro_robot(source: Path, folder: Path | None = None) -> Path:
    """Make the file with the pictures of the twenty classes and return its path. The source is only read.

    Args:
        source: Tiny ImageNet's zip, or the folder of that, or the one above; other classes in it are passed over.
        folder: where to write; None is the environment's MICROBOTNET_DATA, or else the user's cache.

    Raises:
        BadInput: the archive is damaged or no Tiny ImageNet; a class is missing or has not 500 and 50 pictures; a
            picture is damaged or not 64×64. Nothing is written then.
        Failed: the disk is full, or the folder cannot be written.
    """
    from safetensors.numpy import save

    path = (folder.expanduser() if folder else data_place(None, FILE, "Tiny ImageNet")) / FILE
    tensors = {}
    with open_tree(source.expanduser(), _ANNOTATIONS) as tree:
        for split, names in _pictures(tree, source).items():
            for name, files in names.items():
                contents = [_checked(tree.read(file), f"{source}: {file}") for file in files]
                tensors[f"{split}/{name}"] = np.frombuffer(b"".join(contents), np.uint8)
                tensors[f"{split}/{name}/ends"] = np.array(list(accumulate(map(len, contents))), np.int64)
    write_atomically(path, sealed(save(tensors, UNSEALED)))  # JPEGs end to end, and where each ends
    return path


def _make(place: Path) -> Path:
    from .fetch import fetch_archive

    archive = place / URL.rpartition("/")[2]
    for source in (place / FOLDER, archive):
        if source.exists():
            return build_micro_robot(source, place)
    path = build_micro_robot(fetch_archive(URL, MD5, place), place)
    archive.unlink()
    return path


def _pictures(tree: Tree, source: Path) -> dict[Split, dict[str, list[str]]]:
    """The files of every class in both splits, in the order of their numbers; BadInput if some are missing."""
    names = {wnid: name for name, wnid in WNIDS.items()}
    test: dict[str, list[str]] = {name: [] for name in WNIDS}
    for line in tree.read(_ANNOTATIONS).decode(errors="replace").splitlines():
        file, _, rest = line.partition("\t")
        name = names.get(rest.partition("\t")[0])
        if name and tree.has(f"val/images/{file}"):
            test[name].append(f"val/images/{file}")
    train = {
        name: [file for file in tree.names(f"train/{wnid}/images") if file.endswith(".JPEG")]
        for name, wnid in WNIDS.items()
    }
    missing = [f"{name} ({wnid})" for name, wnid in WNIDS.items() if not train[name] and not test[name]]
    if missing:
        raise BadInput(f"{source}: {len(missing)} of the 20 classes are missing: {', '.join(missing)}")
    found: dict[Split, dict[str, list[str]]] = {"train": train, "test": test}
    for split, files in found.items():
        for name, those in files.items():
            if len(those) != COUNTS[split]:
                what = f"{name} ({WNIDS[name]}) has {len(those)} {split} pictures, not {COUNTS[split]}"
                raise BadInput(f"{source}: {what}; take the whole official archive")
            those.sort(key=lambda file: int("".join(filter(str.isdigit, file.rpartition("_")[2])) or 0))
    return found


def _checked(content: bytes, name: str) -> bytes:
    """`content` if it is a whole JPEG of 64×64 by its marks; its pixels are decoded when they are needed."""
    from PIL import Image

    mend = "take the whole official archive"
    if b"\xff\xd9" not in content[-64:]:  # the mark of a JPEG's end, after which some programs leave a few bytes
        how = "cut short" if content.startswith(b"\xff\xd8") else "no JPEG"
        raise BadInput(f"{name}: {how}, {len(content):,} bytes; {mend}")
    try:
        with Image.open(BytesIO(content), formats=["JPEG"]) as image:
            size = image.size
    except (OSError, SyntaxError, ValueError) as error:  # UnidentifiedImageError is an OSError
        raise BadInput(f"{name}: no readable JPEG ({type(error).__name__}); {mend}") from None
    if size != (SIZE, SIZE):
        raise BadInput(f"{name}: {size[0]}×{size[1]} pixels, not {SIZE}×{SIZE}; {mend}")
    return content


def _read(path: Path, split: Split, classes: Sequence[str]) -> list[list[bytes]]:
    """The JPEGs of every class."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    packed = []
    try:
        tensors = load(read_sealed(path))
        for name in classes:
            joined, ends = tensors[f"{split}/{name}"].tobytes(), tensors[f"{split}/{name}/ends"]
            if len(ends) != COUNTS[split] or ends[-1] != len(joined):
                raise ValueError(f"{split}/{name}")
            begins = [0, *ends[:-1].tolist()]
            packed.append([joined[begin:end] for begin, end in zip(begins, ends.tolist(), strict=True)])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, IndexError) as error:
        raise BadInput(f"{path}: damaged ({error}); delete it to have it made again") from None
    return packed


def _pixels(content: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Height×width×3 of a JPEG in colours or greys."""
    from PIL import Image

    try:
        return np.asarray(Image.open(BytesIO(content)).convert("RGB"))
    except OSError as error:
        raise BadInput(f"a picture of the Micro Robot Dataset cannot be decoded ({error}); build it again") from None
