"""What a camera delivers, and which part of it a network sees: rgb565:160x120:crop=square."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from math import gcd

from ..errors import BadInput

CROPS = ("square", "letterbox", "stretch")
LARGEST = 2048  # a side, so that sums over a whole frame fit 32 bits
SYNTAX = "FORMAT:WIDTHxHEIGHT[:crop=square|letterbox|stretch]"


@dataclass(frozen=True)
class Format:
    """How pixels lie in a row of bytes.

    bytes: of a pixel. cell: pixels along both axes that are one sample of every component. even: whether a row must
    have an even number of pixels. scales: of the components, the largest sum of a cell's samples.
    """

    bytes: int
    cell: int
    even: bool
    scales: tuple[int, ...]
    summary: str


FORMATS = {
    "rgb565": Format(2, 1, False, (31, 63, 31), "16 bits a pixel, the low byte first: red 5, green 6, blue 5"),
    "rgb888": Format(3, 1, False, (255, 255, 255), "red, green and blue, a byte each"),
    "grey8": Format(1, 1, False, (255,), "a byte a pixel"),
    "yuv422": Format(2, 1, True, (255, 255, 255), "Y, U, Y, V for two pixels, full range (ITU-T T.871)"),
    "bayer8": Format(1, 2, True, (255, 510, 255), "a byte a pixel: red, green in even rows, green, blue in odd ones"),
}


@dataclass(frozen=True)
class Span:
    """One axis: `count` samples from `first` on become `made` values from `at` on, each the mean of equal parts.

    A sample has `share` parts, a value `whole`; both have no common divisor.
    """

    first: int
    count: int
    at: int
    made: int

    @property
    def share(self) -> int:
        """Parts of a sample."""
        return self.made // gcd(self.made, self.count)

    @property
    def whole(self) -> int:
        """Parts of a value."""
        return self.count // gcd(self.made, self.count)

    def weights(self) -> list[list[tuple[int, int]]]:
        """Of each value, its samples, counted from the first, with their parts of it."""
        found: list[list[tuple[int, int]]] = []
        for value in range(self.made):
            begin, end = value * self.whole, (value + 1) * self.whole
            samples = range(begin // self.share, -(-end // self.share))
            found.append([(x, min(end, (x + 1) * self.share) - max(begin, x * self.share)) for x in samples])
        return found


@dataclass(frozen=True)
class Camera:
    """A camera in front of a network.

    width, height: of a frame, in pixels. channels, rows, columns: of the network's input.
    """

    format: str
    width: int
    height: int
    crop: str
    channels: int
    rows: int
    columns: int

    @property
    def layout(self) -> Format:
        """How its pixels lie."""
        return FORMATS[self.format]

    @property
    def row_bytes(self) -> int:
        """Of a row of the frame."""
        return self.width * self.layout.bytes

    @property
    def text(self) -> str:
        """As users write it."""
        return f"{self.format}:{self.width}x{self.height}:crop={self.crop}"

    @property
    def spans(self) -> tuple[Span, Span]:
        """Of rows and of columns; samples are cells of the frame."""
        tall, wide = (side // self.layout.cell for side in (self.height, self.width))
        if self.crop == "stretch":
            return Span(0, tall, 0, self.rows), Span(0, wide, 0, self.columns)
        if self.crop == "letterbox":
            rows = min(self.rows, max(1, round(self.columns * tall / wide)))
            columns = min(self.columns, max(1, round(self.rows * wide / tall)))
            return (
                Span(0, tall, (self.rows - rows) // 2, rows),
                Span(0, wide, (self.columns - columns) // 2, columns),
            )
        seen_rows = min(tall, wide * self.rows // self.columns)
        seen_columns = min(wide, tall * self.columns // self.rows)
        return (
            Span((tall - seen_rows) // 2, seen_rows, 0, self.rows),
            Span((wide - seen_columns) // 2, seen_columns, 0, self.columns),
        )


def camera_of(text: str, shape: tuple[int, int, int]) -> Camera:
    """The camera that `text` describes, before a network whose input is `shape`: channels, rows, columns.

    Raises:
        BadInput: no such format or crop; an odd side where pixels come in pairs; a frame smaller than the input or
            too large; an input of neither 1 nor 3 channels.
    """
    name, _, rest = text.partition(":")
    if name not in FORMATS:
        close = get_close_matches(name.lower(), FORMATS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(FORMATS)}; a camera is {SYNTAX}"
        raise BadInput(f"no camera format is called {name!r}; {hint}")
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})(?::crop=(\w+))?", rest)
    if not found:
        raise BadInput(f"{text!r} is no camera: {SYNTAX}, as rgb565:160x120")
    crop = found[3] or "square"
    if crop not in CROPS:
        raise BadInput(f"{text!r}: crop must be one of {', '.join(CROPS)}, not {crop!r}")
    channels, rows, columns = shape
    if channels not in (1, 3):
        raise BadInput(f"the network takes {channels} channels; a camera gives grey or red, green and blue")
    camera = Camera(name, int(found[1]), int(found[2]), crop, channels, rows, columns)
    layout = camera.layout
    if max(camera.width, camera.height) > LARGEST or min(camera.width, camera.height) < 1:
        raise BadInput(f"{text!r}: sides of a frame are from 1 to {LARGEST:,} pixels")
    if layout.even and camera.width % 2:
        raise BadInput(f"{text!r}: a row of {name} has an even number of pixels, not {camera.width}")
    if layout.cell == 2 and camera.height % 2:
        raise BadInput(f"{text!r}: a frame of {name} has an even number of rows, not {camera.height}")
    if any(span.count < span.made for span in camera.spans):
        what = "cells of four pixels" if layout.cell == 2 else "pixels"
        seen = "×".join(str(span.count) for span in reversed(camera.spans))
        made = "×".join(str(span.made) for span in reversed(camera.spans))
        raise BadInput(
            f"{text!r}: the network would see {seen} {what} where it takes {made}; a camera must be at least as fine"
        )
    return camera


def finest(size: int, camera: Camera | None) -> int:
    """The side of pictures to open a set at; those of a folder are kept at twice that."""
    return size if camera is None else max(size, -(-max(camera.width, camera.height) // 2))
