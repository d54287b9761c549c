"""Augmentation of whole batches equals cutting and mirroring picture by picture."""

import torch
from torch.nn import functional as F

from microbotnet.data.augment import Batches, View, draw_view

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def _pictures(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 7, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_each_picture_is_cropped_mirrored_and_normalised() -> None:
    images = _pictures(30)
    view = draw_view(30, pad=2, flip=True, epoch=3, seed=5)
    index = torch.tensor([4, 0, 29, 4])
    got = Batches(images, MEAN, STD, pad=2).take(index, view)
    for picture, i in zip(got, index, strict=True):
        padded = F.pad(images[i], (2, 2, 2, 2))
        cut = padded[:, view.top[i] : view.top[i] + 7, view.left[i] : view.left[i] + 5]
        cut = cut.flip(2) if view.flip[i] else cut
        expected = (cut / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
        torch.testing.assert_close(picture, expected)
    assert got.is_contiguous(memory_format=torch.channels_last)


def test_without_a_view_pictures_are_whole() -> None:
    images = _pictures(3)
    got = Batches(images, (0, 0, 0), (1, 1, 1), pad=4).take(torch.arange(3))
    torch.testing.assert_close(got * 255, images.float())


def test_two_epochs_show_both_sides() -> None:
    even, odd = (draw_view(1000, 4, True, epoch, seed=2).flip for epoch in (6, 7))
    assert torch.equal(even, ~odd)
    assert 400 < even.sum() < 600


def test_corners_use_the_whole_border_and_depend_on_seed_and_epoch_only() -> None:
    view = draw_view(2000, 4, False, 0, 0)
    assert set(view.top.tolist()) == set(view.left.tolist()) == set(range(9))
    assert not view.flip.any()
    again, other = draw_view(2000, 4, False, 0, 0), draw_view(2000, 4, False, 1, 0)
    assert torch.equal(view.top, again.top)
    assert not torch.equal(view.top, other.top)


def test_no_augmentation_is_the_identity() -> None:
    images = _pictures(4)
    batches = Batches(images, MEAN, STD)
    view = View(*torch.zeros(2, 4, dtype=torch.int64), torch.zeros(4, dtype=torch.bool))
    assert torch.equal(batches.take(torch.arange(4), view), batches.take(torch.arange(4)))
