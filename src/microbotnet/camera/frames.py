"""What a camera would deliver of a picture: to measure a network as it will see the world."""

import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .convert import convert

Bytes = NDArray[np.uint8]


def seen(camera: Camera, pictures: Bytes) -> Bytes:
    """What a network behind the camera is given, (N, channels, rows, columns), of pictures of the camera's size."""
    parts = np.array_split(pictures, max(1, -(-len(pictures) // 500)))
    return np.concatenate([convert(camera, frames_of(camera, part)) for part in parts])


def frames_of(camera: Camera, pictures: Bytes) -> Bytes:
    """The frames, (N, height, bytes of a row) uint8, of pictures (N, 3, height, width) uint8 of the camera's size.

    Bits that the format has no room for are rounded away; a Bayer camera sees one colour of every pixel; two
    neighbours share the mean of their colour differences.
    """
    red, green, blue = (pictures[:, k].astype(np.int32) for k in range(3))
    if camera.format == "rgb888":
        return np.ascontiguousarray(pictures.transpose(0, 2, 3, 1)).reshape(*pictures.shape[::2][:2], -1)
    if camera.format == "rgb565":
        words = _to(red, 31) << 11 | _to(green, 63) << 5 | _to(blue, 31)
        return np.ascontiguousarray(words.astype("<u2")).view(np.uint8)
    if camera.format == "bayer8":
        mosaic = green.copy()
        mosaic[:, ::2, ::2], mosaic[:, 1::2, 1::2] = red[:, ::2, ::2], blue[:, 1::2, 1::2]
        return mosaic.astype(np.uint8)
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    if camera.format == "grey8":
        return _bytes(grey)
    frame = np.empty((*grey.shape[:2], grey.shape[2] // 2, 4), np.uint8)
    frame[..., ::2] = _bytes(grey).reshape(*frame.shape[:3], 2)
    for place, colour, scale in ((1, blue, 1.772), (3, red, 1.402)):
        difference = ((colour - grey) / scale).reshape(*frame.shape[:3], 2).mean(3)
        frame[..., place] = _bytes(difference + 128)
    return frame.reshape(*grey.shape[:2], -1)


def _to(values: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    """From 0…255 to 0…most, to nearest."""
    return (2 * values * most + 255) // 510


def _bytes(values: NDArray[np.float64]) -> Bytes:
    found: Bytes = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return found
