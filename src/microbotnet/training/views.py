"""How a recipe shows its pictures: another view of each in every epoch."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..data.augment import Batches, draw_view
from ..data.mixup import draw_mix, mixed
from ..data.zoom import ZoomedBatches, draw_zoom
from .recipe import Recipe

Take = Callable[[Tensor], Tensor]
"""From places in the set, (B,), to pictures, (B, 3, H, W) float32, normalised."""


def views(
    images: Tensor,
    originals: Tensor | None,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    recipe: Recipe,
    device: torch.device,
) -> Callable[[int, int], Take]:
    """What draws the view of an epoch from its number and a seed.

    Args:
        images: (N, 3, H, H) uint8, of the size to learn at.
        originals: the same pictures, larger, where there are such; zoomed views are cut out of them.
    """
    if recipe.zoom:
        zoomed = ZoomedBatches(images if originals is None else originals, images.shape[-1], mean, std, device=device)

        def zoom(epoch: int, seed: int) -> Take:
            return partial(
                zoomed.take, view=draw_zoom(len(images), recipe.zoom, recipe.jitter, recipe.flip, epoch, seed)
            )

        return _mixing(zoom, len(images), recipe.mix)
    batches = Batches(images, mean, std, pad=recipe.crop, device=device)

    def cut(epoch: int, seed: int) -> Take:
        return partial(batches.take, view=draw_view(len(images), recipe.crop, recipe.flip, epoch, seed))

    return _mixing(cut, len(images), recipe.mix)


def _mixing(draw: Callable[[int, int], Take], count: int, strength: float) -> Callable[[int, int], Take]:
    if not strength:
        return draw
    return lambda epoch, seed: mixed(draw(epoch, seed), draw_mix(count, strength, epoch, seed))
