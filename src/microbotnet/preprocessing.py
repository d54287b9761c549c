"""Read one picture: any common format, mode, size and orientation becomes a small square in red, green and blue."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .errors import BadInput

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

STDIN = "-"
SUFFIXES = {
    ".avif", ".bmp", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pcx", ".pgm",
    ".png", ".pnm", ".ppm", ".qoi", ".sgi", ".tga", ".tif", ".tiff", ".webp",
}  # fmt: skip
"""What a picture in a folder is known by."""

_LEFT_BEHIND = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information",
}  # fmt: skip

# Pillow's names. Its others are left out: some start programs (EPS), some cannot be decoded without more software.
_FORMATS = {
    "AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF",
    "WEBP",
}  # fmt: skip
MAX_PIXELS = 89_478_485  # where Pillow, too, begins to suspect a decompression bomb
MAX_BYTES = 256 << 20
BACKGROUND = (128, 128, 128)
"""What shows through transparent pixels: mid-grey, near the mean of the training pictures."""

_LARGE, _one_large = 4_000_000, Lock()  # pixels; large pictures are decoded one at a time, to bound the memory


Size = int | tuple[int, int]  # the side of a square, or rows and columns


def read_picture(file: str | Path, size: Size = 32) -> Pixels:
    """The picture in `file`, uint8, 3×rows×columns.

    The largest centred part of that shape is resized (bicubic, antialiased); a picture of that size is left as it is.
    The EXIF orientation is applied, transparency laid on mid-grey, of an animation the first frame taken.

    Args:
        file: a path, a pipe, or "-" for standard input.
        size: side in pixels, or rows and columns.

    Raises:
        BadInput: it is missing, empty, damaged, too large or no picture; the message names it.
    """
    name = "standard input" if file == STDIN else printable(str(file))
    with _naming(name), _open(file, name) as stream:
        return _decode(stream, size)


def grey(pictures: Pixels) -> Pixels:
    """The brightness of pictures, (N, 3, H, W) to (N, 1, H, W) uint8, as Pillow computes it (ITU-R 601)."""
    red, green, blue = (pictures[:, i].astype(np.uint32) for i in range(3))
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).astype(np.uint8)[:, None]


def picture_size(shape: tuple[int, ...]) -> int | None:
    """The `size` of `read_picture` for a network whose input has this shape; None where no picture file fits."""
    return shape[1] if len(shape) == 3 and shape[0] == 3 and shape[1] == shape[2] else None


def is_left_behind(name: str) -> bool:
    """Whether a file or folder is one that systems and programs leave beside pictures, or hidden: passed over."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def is_picture(path: Path) -> bool:
    """Whether a folder's entry is taken for a picture: by its name."""
    if is_left_behind(path.name):
        return False
    # A broken link is kept: it is better complained of than passed over.
    return path.suffix.lower() in SUFFIXES and (path.is_file() or not path.exists())


def decode_picture(content: bytes, name: str, size: Size = 32) -> Pixels:
    """The picture in the bytes of a file, as `read_picture`; errors call it `name`."""
    with _naming(name):
        return _decode(BytesIO(content), size)


def _decode(stream: IO[bytes], size: Size) -> Pixels:
    from PIL import Image, UnidentifiedImageError

    with Image.open(stream) as image:
        if image.format not in _FORMATS:
            raise UnidentifiedImageError
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        image.draft(
            None, (8 * max(sides(size)), 8 * max(sides(size)))
        )  # a large JPEG is decoded at a fraction of its size
        if image.width * image.height > _LARGE:
            with _one_large:
                return centre(image, size)
        return centre(image, size)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Turn whatever stops a decoder into a BadInput that names the picture."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except BadInput:
        raise
    except UnidentifiedImageError:
        raise BadInput(f"{name}: not a picture in a known format; convert it to PNG or JPEG") from None
    except Image.DecompressionBombError:
        raise BadInput(f"{name}: over {MAX_PIXELS:,} pixels, maybe a decompression bomb; make it smaller") from None
    except Exception as error:  # decoders meet damage with every kind of exception
        if isinstance(error, OSError) and error.strerror:
            raise BadInput(f"{name}: cannot be read ({error.strerror})") from None
        raise BadInput(f"{name}: damaged or truncated ({error})") from None


def printable(name: str) -> str:
    """`name` on one line: control characters and bytes that are no text are written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def _open(file: str | Path, name: str) -> IO[bytes]:
    """`file` for reading from any place in it; BadInput if it is empty or over MAX_BYTES."""
    stream: IO[bytes]
    if file == STDIN:
        stream, length = _held(sys.stdin.buffer)
    else:
        stream = open(file, "rb")  # noqa: SIM115
        status = os.fstat(stream.fileno())
        length = status.st_size
        if not stat.S_ISREG(status.st_mode):  # a pipe
            with stream as pipe:
                stream, length = _held(pipe)
    if 0 < length <= MAX_BYTES:
        return stream
    stream.close()
    raise BadInput(f"{name}: empty" if not length else f"{name}: over {MAX_BYTES >> 20} MiB; make it smaller")


def _held(stream: IO[bytes]) -> tuple[IO[bytes], int]:
    content = stream.read(MAX_BYTES + 1)
    return BytesIO(content), len(content)


def sides(size: Size) -> tuple[int, int]:
    """Rows and columns."""
    return (size, size) if isinstance(size, int) else size


def centre(image: "Image", size: Size) -> Pixels:
    """The largest centred part of a Pillow image that has the shape of `size`, upright and opaque, uint8."""
    from PIL import Image

    image.load()
    turn = _turn(image)
    image = _colours(image)
    rows, columns = sides(size)
    if turn in (Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE,
                Image.Transpose.ROTATE_90):  # fmt: skip
        rows, columns = columns, rows
    scale = min(image.width / columns, image.height / rows)
    left, top = (image.width - scale * columns) / 2, (image.height - scale * rows) / 2
    box = (left, top, left + scale * columns, top + scale * rows)
    image = image.resize((columns, rows), Image.Resampling.BICUBIC, box, reducing_gap=3.0)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image)
    image = image.convert("RGB")
    if turn is not None:
        image = image.transpose(turn)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def _colours(image: "Image") -> "Image":
    """`image` with 8 bits a channel: grey (L), RGB, or with transparency RGBA."""
    from PIL import Image, ImageCms

    if image.mode == "L" and not image.has_transparency_data:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.mode == "LAB":
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB") or image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _eight_bits(values: np.ndarray[Any, np.dtype[Any]]) -> Pixels:
    """Deep greys as 8 bits.

    Integers are on the scale 0…65535, fractions on the first of 0…1, 0…255 and 0…65535 that holds them; where
    something is brighter still, the brightest is white.
    """
    whole = values.dtype.kind in "iu"
    values = np.nan_to_num(np.asarray(values, np.float32), nan=0, posinf=0, neginf=0).clip(min=0)
    brightest = float(values.max())
    white = next((scale for scale in ((65_535,) if whole else (1, 255, 65_535)) if brightest <= scale), brightest)
    return np.rint(values * (255 / white)).astype(np.uint8)


def _turn(image: "Image") -> Any:
    """The transposition that sets the picture upright, after its EXIF orientation (tag 0x0112, 1 to 8)."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        return turns.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF does not spoil the picture
        return None
