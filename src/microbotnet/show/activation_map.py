"""An activation map laid over its picture."""

from io import BytesIO

import numpy as np
from PIL import Image

from ..preprocessing import Pixels
from .activity import Values
from .svg import HEAT


def overlay(picture: Pixels, heat: Values, side: int = 256) -> bytes:
    """The picture, dimmed and grey where nothing comes from, in the colours of heat where the answer comes from: a PNG.

    Args:
        picture: uint8, 3×S×S.
        heat: 0…1, S×S.
        side: of the result in pixels.
    """
    return _png(_overlaid(picture, heat, side))


def beside(picture: Pixels, heat: Values, side: int = 256) -> bytes:
    """The picture and its `overlay`, side by side: a PNG."""
    gap = np.full((side, side // 32, 3), 255, np.uint8)
    return _png(np.hstack([enlarged(picture, side), gap, _overlaid(picture, heat, side)]))


def _overlaid(picture: Pixels, heat: Values, side: int) -> Pixels:
    colour = enlarged(picture, side).astype(np.float32) / 255
    values = np.asarray(Image.fromarray(heat).resize((side, side), Image.Resampling.BICUBIC)).clip(0, 1)[..., None]
    grey = colour.mean(2, keepdims=True) * 0.75 + 0.1
    glow = _colours(values[..., 0])
    strength = 0.72 * np.sqrt(values) * (values > 0.02)
    page = grey + strength * (0.75 * glow + 0.25 * colour - grey)
    found: Pixels = np.rint(page.clip(0, 1) * 255).astype(np.uint8)
    return found


def _png(page: Pixels) -> bytes:
    file = BytesIO()
    Image.fromarray(page).save(file, "PNG", compress_level=1)
    return file.getvalue()


def enlarged(picture: Pixels, side: int) -> Pixels:
    """The picture as side×side×3, smooth, so that a person can see what 32 pixels show."""
    image = Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def _colours(values: Values) -> Values:
    """Each of 0…1 as red, green, blue between the colours of heat."""
    stops = np.array([[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in HEAT], np.float32)
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(values, places, stops[:, channel]) for channel in range(3)], -1).astype(np.float32)
