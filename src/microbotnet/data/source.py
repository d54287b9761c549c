"""What `--data` names: CIFAR-10, a set of the Micro Robot Dataset, or any folder of pictures; all are used alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..preprocessing import is_left_behind, is_picture
from . import cifar10
from .cifar10 import Split, load_cifar10
from .folder import SHARE, list_folder, load_folder
from .micro_robot import SETS, classes_of, load_micro_robot

if TYPE_CHECKING:
    from torch import Tensor

CIFAR10, MICRO_ROBOT = "cifar10", "micro-robot"
NAMED = (CIFAR10, *(f"{MICRO_ROBOT}/{name}" for name in SETS))
"""The sets with names."""


@dataclass(frozen=True)
class Source:
    """A set of pictures.

    name: what users see. key: what tells its content from that of other sets. option: what names it after --data.
    classes: their names, in the order of the labels.
    load: the pictures of a split, (N, 3, H, H) uint8, and their labels, (N,) int64; every part of a split has all
        classes.
    share: of the pictures, tested with; None where the set has test pictures of its own.
    """

    name: str
    key: str
    option: str
    classes: tuple[str, ...]
    load: "Callable[[Split], tuple[Tensor, Tensor]]"
    share: float | None = None


def open_source(
    data: str | Path | None = None,
    *,
    size: int = 32,
    split: float | None = None,
    trained: Mapping[str, Any] | None = None,
) -> Source:
    """The set that `data` names. Nothing of it is read yet but the list of its files.

    Args:
        data: one of `NAMED`, looked for in MICROBOTNET_DATA or the user's cache; CIFAR-10's own folder; or a folder
            of pictures (see `list_folder`). None is CIFAR-10.
        size: side of the network's pictures; those of a folder are kept at twice that, for views that zoom in.
        split: the share of a folder's pictures to test with; see `list_folder`.
        trained: the card's `data` of a network that was trained before: where it was trained on this folder, its split
            is taken if none is given.

    Raises:
        BadInput: no such set or folder, or a split for a set that has test pictures of its own.
    """
    name = CIFAR10 if data is None else str(data)
    path = Path(name).expanduser()
    if name not in NAMED and not name.startswith(f"{MICRO_ROBOT}/") and path.is_dir() and _has_pictures(path):
        folder = path.resolve().name
        listing = list_folder(path, split, _trained_share(trained, folder) or SHARE)
        key = f"{listing.key}-{listing.share or SHARE:g}"
        load = partial(load_folder, listing, size=2 * size)
        return Source(folder, key, str(path), listing.classes, load, listing.share)
    if split is not None:
        raise BadInput(f"{name} has test pictures of its own; leave out the split")
    if name.startswith(f"{MICRO_ROBOT}/"):
        view = name.removeprefix(f"{MICRO_ROBOT}/")
        return Source(name, name, name, classes_of(view), lambda part: load_micro_robot(view, part))
    if name != CIFAR10 and not path.is_dir():
        raise BadInput(f"{name}: no such folder, nor one of {', '.join(NAMED)}")
    place = None if name == CIFAR10 else path
    return Source(CIFAR10, CIFAR10, name, cifar10.CLASSES, lambda part: load_cifar10(place, part))


def check_unseen(source: Source, trained: Mapping[str, Any], what: str) -> None:
    """Refuse to test a network with pictures that it was trained on: those of a folder that was split otherwise.

    Smaller shares are parts of larger ones, so only a larger one holds pictures of the training.

    Args:
        trained: the card's `data`. what: names the network.

    Raises:
        BadInput: such a split.
    """
    share = _trained_share(trained, source.name)
    if share is not None and source.share is not None and source.share > share:
        raise BadInput(
            f"{what}: was trained on {source.name} with --split {share:g}, so it has seen some of the pictures that "
            f"--split {source.share:g} tests with; give --split {share:g}"
        )


def _trained_share(trained: Mapping[str, Any] | None, folder: str) -> float | None:
    """The share of a folder's pictures that a network was not trained on; None if it was not trained on it."""
    return trained.get("split") if trained is not None and trained.get("name") == folder else None


def positions(known: Sequence[str], classes: Sequence[str], what: str) -> list[int]:
    """Where each of `classes` is among the `known` ones; classes that are only numbered are taken in the set's order.

    Raises:
        BadInput: one of them is not known; it is named, with `what` lacks it.
    """
    if len(known) == len(classes) and list(known) == [str(number) for number in range(len(known))]:
        return list(range(len(known)))
    if missing := [name for name in classes if name not in known]:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise BadInput(f"{what} does not know the class {missing[0]!r}{more}; it knows {', '.join(known)}")
    return [list(known).index(name) for name in classes]


def is_cifar10(folder: Path) -> bool:
    """Whether CIFAR-10 is in the folder, unpacked or not."""
    return (folder / cifar10.URL.rpartition("/")[2]).exists() or cifar10.has_cifar10(folder)


def _has_pictures(folder: Path) -> bool:
    """Whether it is a folder of pictures: it has folders or pictures in it, and CIFAR-10 is not there."""
    return not is_cifar10(folder) and any(
        is_picture(path) or (path.is_dir() and not is_left_behind(path.name)) for path in folder.iterdir()
    )
