"""The notes' names for the Micro Robot Dataset: a training and a test iterator over batches."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ..errors import BadInput
from .augment import Batches, draw_view
from .cifar10 import MEAN, STD
from .micro_robot import SIZE, load_micro_robot
from .resize import resized

PAD = 4


@dataclass
class BatchIterator:
    """Batches of pictures (N, 3, S, S) float32, normalised, and labels (N,) int64.

    Each `iter()` is one more epoch. Training epochs are shuffled, every picture cut anew from itself with a border of
    4 pixels and mirrored in every other epoch; the test pictures keep their order and are whole. The last batch may be
    smaller. `len()` counts the batches.
    """

    batches: Batches
    labels: Tensor
    batch: int
    training: bool
    seed: int = 0
    epoch: int = field(default=0, init=False)

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order, view = torch.arange(len(self.labels)), None
        if self.training:
            view = draw_view(len(order), PAD, True, self.epoch, self.seed)
            generator = torch.Generator().manual_seed(self.seed * 200_003 + self.epoch)
            order = torch.randperm(len(order), generator=generator)
            self.epoch += 1
        for index in torch.split(order, self.batch):
            yield self.batches.take(index, view), self.labels[index]


def get_outdoor_iterators(
    batch_size: int = 128, size: int = 32, *, data: Path | None = None, seed: int = 0
) -> tuple[BatchIterator, BatchIterator]:
    """The training and the test pictures of `outdoor`: acorn, basketball, bee, black widow, frog, ladybug and more.

    Args:
        batch_size: pictures a batch.
        size: side of the pictures in pixels, at most 64: 32 as in the notes, or 64.
        data: the folder with the pictures; see `find_micro_robot`.
        seed: decides order, cuts and mirroring.

    Returns:
        two iterators; see `BatchIterator`.
    """
    return _iterators("outdoor", batch_size, size, data, seed)


def get_indoor_iterators(
    batch_size: int = 128, size: int = 32, *, data: Path | None = None, seed: int = 0
) -> tuple[BatchIterator, BatchIterator]:
    """The training and the test pictures of `indoor`: banana to teapot; see `get_outdoor_iterators`."""
    return _iterators("indoor", batch_size, size, data, seed)


def get_combined_iterators(
    batch_size: int = 128, size: int = 32, *, data: Path | None = None, seed: int = 0
) -> tuple[BatchIterator, BatchIterator]:
    """The training and the test pictures of all twenty classes; see `get_outdoor_iterators`."""
    return _iterators("combined", batch_size, size, data, seed)


def get_micro_iterators(
    batch_size: int = 128, size: int = 32, *, data: Path | None = None, seed: int = 0
) -> tuple[BatchIterator, BatchIterator]:
    """The training and the test pictures of `micro`, ten classes of both sets; see `get_outdoor_iterators`."""
    return _iterators("micro", batch_size, size, data, seed)


def _iterators(name: str, batch: int, size: int, data: Path | None, seed: int) -> tuple[BatchIterator, BatchIterator]:
    if not 1 <= size <= SIZE or batch < 1:
        raise BadInput(f"size must be from 1 to {SIZE} pixels and batch_size at least 1, not {size} and {batch}")
    iterators = []
    for split in ("train", "test"):
        images, labels = load_micro_robot(name, split, data)
        pad = PAD if split == "train" else 0
        batches = Batches(resized(images, size), MEAN, STD, pad=pad)
        iterators.append(BatchIterator(batches, labels, batch, split == "train", seed))
    return iterators[0], iterators[1]
