"""Zoomed views equal cutting and resizing picture by picture with Pillow."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from microbotnet.data.resize import resized
from microbotnet.data.zoom import Zoom, ZoomedBatches, draw_zoom

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def _pictures(count: int, side: int = 64) -> torch.Tensor:
    coarse = torch.rand(count, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    return (255 * smooth).to(torch.uint8)


def _bytes(batch: torch.Tensor) -> np.ndarray:
    values = batch * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    return (255 * values).numpy()


def _plain(view: Zoom) -> Zoom:
    return Zoom(view.rows, view.columns, torch.ones_like(view.colour))


@pytest.mark.parametrize("size", [16, 32, 64])
def test_each_picture_is_cut_resized_and_mirrored(size: int) -> None:
    images = _pictures(30)
    view = _plain(draw_zoom(30, 0.3, 0.2, True, epoch=3, seed=5))
    index = torch.tensor([4, 0, 29, 4, 7, 11])
    got = ZoomedBatches(images, size, MEAN, STD).take(index, view)
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert (view.columns[1, index] < 0).any()
    assert (view.columns[1, index] > 0).any()
    for picture, i in zip(_bytes(got), index.tolist(), strict=True):
        (top, height), (left, width) = 64 * view.rows[:, i], 64 * view.columns[:, i]
        box = (min(left, left + width).item(), top.item(), max(left, left + width).item(), (top + height).item())
        image = Image.fromarray(images[i].permute(1, 2, 0).numpy())
        cut = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box)).transpose(2, 0, 1)
        cut = cut[:, :, ::-1] if width < 0 else cut
        # Pillow looks no further than the box, and rounds
        assert np.abs(picture - cut)[:, 2:-2, 2:-2].max() < 1.5
        assert np.abs(picture - cut).mean() < 0.6


def test_the_whole_picture_is_the_resized_one() -> None:
    images = _pictures(3)
    whole = torch.tensor([[0.0] * 3, [1.0] * 3])
    got = ZoomedBatches(images, 32, MEAN, STD).take(torch.arange(3), Zoom(whole, whole, torch.ones(3, 3)))
    assert np.abs(_bytes(got) - resized(images, 32).numpy()).max() < 1


def test_colours_are_those_of_pillow() -> None:
    images = _pictures(4)
    whole = torch.tensor([[0.0] * 4, [1.0] * 4])
    colour = torch.ones(3, 4)
    colour[0, 0], colour[1, 1], colour[2, 2] = 0.7, 1.3, 0.5
    got = _bytes(ZoomedBatches(images, 64, MEAN, STD).take(torch.arange(4), Zoom(whole, whole, colour)))
    for i, enhance in ((0, ImageEnhance.Brightness), (2, ImageEnhance.Color)):
        image = Image.fromarray(images[i].permute(1, 2, 0).numpy())
        expected = np.asarray(enhance(image).enhance(colour[i, i].item())).transpose(2, 0, 1)
        assert np.abs(got[i] - expected).max() < 1.5
    mean = images[1].float().mean()
    assert np.abs(got[1] - (mean + 1.3 * (images[1].float() - mean)).clamp(0, 255).numpy()).max() < 0.01
    assert np.abs(got[3] - images[3].numpy()).max() < 0.01


def test_cuts_stay_inside_and_have_their_share() -> None:
    view = draw_zoom(5000, 0.3, 0.2, True, 0, 0)
    for begin, length in (view.rows, view.columns):
        assert torch.minimum(begin, begin + length).min() >= -1e-6
        assert torch.maximum(begin, begin + length).max() <= 1 + 1e-6
    area = (view.rows[1] * view.columns[1]).abs()
    assert 0.2 < area.min() < 0.31
    assert area.max() <= 1
    assert 0.45 < (view.columns[1] < 0).float().mean() < 0.55
    assert (view.colour.min(), view.colour.max()) == (pytest.approx(0.8, abs=0.01), pytest.approx(1.2, abs=0.01))


def test_views_depend_on_seed_and_epoch_only() -> None:
    first, again, other = (draw_zoom(9, 0.3, 0.2, True, epoch, 2) for epoch in (4, 4, 5))
    assert torch.equal(first.rows, again.rows)
    assert torch.equal(first.colour, again.colour)
    assert not torch.equal(first.rows, other.rows)
