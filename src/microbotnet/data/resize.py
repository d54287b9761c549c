"""Pictures at another size."""

import torch
from torch import Tensor
from torch.nn import functional as F


def resized(images: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Pictures (N, 3, H, W) uint8 at `size`, a side or rows and columns; bicubic, antialiased, as `read_picture`.

    Where the shape is another, the largest centred part that has it is taken.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    height, width = images.shape[2:]
    if (height, width) == (rows, columns):
        return images
    tall, wide = min(height, round(width * rows / columns)), min(width, round(height * columns / rows))
    top, left = (height - tall) // 2, (width - wide) // 2
    parts = torch.split(images[:, :, top : top + tall, left : left + wide], 1000)  # what is on the way stays small
    return torch.cat([F.interpolate(part, (rows, columns), mode="bicubic", antialias=True) for part in parts])
