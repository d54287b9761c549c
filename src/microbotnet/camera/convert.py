"""From frames to the network's input, in integers: the meaning of the C converter, bit for bit.

Every value is the mean of the part of the frame that it covers, each sample by its share. Sums are exact; the one
rounding is the last: y = (((sum >> before) · multiplier) + 2²²) >> 23.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .camera import Camera, Span

SHIFT = 23
GREY = (77, 150, 29)  # of 256: ITU-R BT.601
_CHROMA = np.array([[0, 359], [-88, -183], [454, 0]])  # of 256: U and V in red, green and blue, ITU-T T.871

Bytes = NDArray[np.uint8]


def convert(camera: Camera, frames: Bytes) -> Bytes:
    """The network's inputs, (N, channels, rows, columns) uint8.

    Args:
        frames: (N, height, bytes of a row) uint8.
    """
    cells = samples(camera, frames)
    rows, columns = camera.spans
    seen = cells[:, :, rows.first : rows.first + rows.count, columns.first : columns.first + columns.count]
    sums = _matrix(rows) @ seen.astype(np.int64) @ _matrix(columns).T
    values = np.stack([_rounded(sums[:, k], *rounding(camera, k)) for k in range(sums.shape[1])], 1)
    made = np.zeros((len(frames), camera.channels, camera.rows, camera.columns), np.uint8)
    place = (slice(rows.at, rows.at + rows.made), slice(columns.at, columns.at + columns.made))
    made[:, :, *place] = _coloured(camera, values)
    return made


def samples(camera: Camera, frames: Bytes) -> NDArray[np.int32]:
    """The components of every cell, (N, components, rows, columns)."""
    if camera.format == "grey8":
        return frames[:, None].astype(np.int32)
    if camera.format == "rgb888":
        return frames.reshape(*frames.shape[:2], -1, 3).transpose(0, 3, 1, 2).astype(np.int32)
    if camera.format == "rgb565":
        words = np.ascontiguousarray(frames).view("<u2").astype(np.int32)
        return np.stack([words >> 11, words >> 5 & 63, words & 31], 1)
    if camera.format == "yuv422":
        pairs = frames.reshape(*frames.shape[:2], -1, 4).astype(np.int32)
        u, v = (np.repeat(pairs[..., k], 2, 2) for k in (1, 3))
        return np.stack([pairs[..., ::2].reshape(u.shape), u, v], 1)
    red, first, second, blue = (frames[:, i::2, j::2].astype(np.int32) for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    return np.stack([red, first + second, blue], 1)


def rounding(camera: Camera, component: int) -> tuple[int, int]:
    """The shift before the multiplier, and that, which make a component's sum a value from 0 to 255."""
    rows, columns = camera.spans
    most = camera.layout.scales[component] * rows.whole * columns.whole
    before = max(0, most.bit_length() - 16)
    return before, round((255 << SHIFT + before) / most)


def _rounded(sums: NDArray[np.int64], before: int, multiplier: int) -> NDArray[np.int64]:
    return (sums >> before) * multiplier + (1 << SHIFT - 1) >> SHIFT


def _coloured(camera: Camera, values: NDArray[np.int64]) -> Any:
    """In the network's channels."""
    if camera.format == "grey8" or (camera.format == "yuv422" and camera.channels == 1):
        return np.repeat(values[:, :1], camera.channels, 1)
    if camera.format == "yuv422":
        chroma = np.einsum("kc,nchw->nkhw", _CHROMA, values[:, 1:] - 128)
        return np.clip(256 * values[:, :1] + chroma + 128 >> 8, 0, 255)
    if camera.channels == 1:
        return np.einsum("c,nchw->nhw", np.array(GREY), values)[:, None] + 128 >> 8
    return values


def _matrix(span: Span) -> NDArray[np.int64]:
    """(made, count): the parts of each value."""
    found = np.zeros((span.made, span.count), np.int64)
    for value, weights in enumerate(span.weights()):
        for sample, weight in weights:
            found[value, sample] = weight
    return found
