"""Every kind of picture file becomes the pixels it shows; everything else is refused in one line."""

import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from microbotnet import preprocessing as reading
from microbotnet.errors import BadInput
from microbotnet.preprocessing import read_picture

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (32, 32, 3), np.uint8)
GREYS = RNG.integers(0, 256, (32, 32), np.uint8)
ROW = np.arange(32, dtype=np.uint8) * 8


def planes(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def saved(folder: Path, image: Image.Image, name: str, **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}), ("a.bmp", {}), ("a.tiff", {}), ("a.tiff", {"compression": "tiff_lzw"}), ("a.ppm", {}),
        ("a.webp", {"lossless": True}), ("a.tga", {}), ("a.qoi", {}), ("a.sgi", {}), ("a.pcx", {}), ("a.dib", {}),
        ("a.jp2", {}), ("a.ico", {"sizes": [(32, 32)]}),
    ],
)  # fmt: skip
def test_a_small_picture_is_read_to_the_bit(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    picture = read_picture(saved(tmp_path, Image.fromarray(COLOURS), name, **options))
    assert picture.dtype == np.uint8
    assert picture.shape == (3, 32, 32)
    assert picture.flags.c_contiguous
    assert np.array_equal(picture, COLOURS.transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif"])
def test_a_lossy_picture_is_read_as_pillow_shows_it(tmp_path: Path, name: str) -> None:
    smooth = np.stack(np.broadcast_arrays(ROW[:, None], ROW[None], np.uint8(90)), -1)
    file = saved(tmp_path, Image.fromarray(smooth), name, quality=95)
    with Image.open(file) as image:
        assert np.array_equal(read_picture(file), planes(image))
    assert np.abs(read_picture(file).astype(int) - smooth.transpose(2, 0, 1)).mean() < 6


def test_the_name_says_nothing(tmp_path: Path) -> None:
    file = saved(tmp_path, Image.fromarray(COLOURS), "a.png").rename(tmp_path / "photo.jpg")
    assert np.array_equal(read_picture(str(file)), COLOURS.transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_greys(tmp_path: Path, name: str) -> None:
    assert (read_picture(saved(tmp_path, Image.fromarray(GREYS), name)) == GREYS).all()
    assert (read_picture(saved(tmp_path, Image.fromarray(GREYS > 99), name)) == 255 * (GREYS > 99)).all()


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.pgm"])
def test_sixteen_bit_greys_keep_their_scale(tmp_path: Path, name: str) -> None:
    dark = np.arange(1024, dtype=np.uint16).reshape(32, 32) * 20
    picture = read_picture(saved(tmp_path, Image.fromarray(dark), name))
    assert np.abs(picture - dark / 257).max() <= 0.5


def test_sixteen_bit_colours(tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (32, 32, 3), np.uint16)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    header = struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (file := tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert np.abs(read_picture(file) - deep.transpose(2, 0, 1) / 257).max() <= 1


@pytest.mark.parametrize("scale", [1, 255, 65535, 1e6])
def test_fractions_on_any_usual_scale(tmp_path: Path, scale: float) -> None:
    ramp = np.linspace(0, scale, 1024, dtype=np.float32).reshape(32, 32)
    ramp[3, 3], ramp[4, 4] = np.nan, -1
    picture = read_picture(saved(tmp_path, Image.fromarray(ramp), "a.tiff"))
    expected = np.nan_to_num(ramp).clip(0) / scale * 255
    assert np.abs(picture - expected).max() <= 0.51


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_transparency_is_laid_on_grey(tmp_path: Path, mode: str, name: str) -> None:
    alpha = RNG.integers(0, 256, (32, 32, 1), np.uint8)
    colours = COLOURS if mode == "RGBA" else GREYS[..., None]
    picture = read_picture(saved(tmp_path, Image.fromarray(np.concatenate([colours, alpha], -1)), name))
    share = alpha / 255
    expected = (share * colours + (1 - share) * 128) * np.ones(3)
    assert np.abs(picture.transpose(1, 2, 0) - expected).max() <= 1


def test_hidden_colours_of_transparent_pixels_do_not_bleed(tmp_path: Path) -> None:
    pixels = np.zeros((320, 320, 4), np.uint8)
    pixels[:, ::2] = (255, 0, 0, 0)  # unseen red
    pixels[:, 1::2] = (0, 0, 255, 255)
    picture = read_picture(saved(tmp_path, Image.fromarray(pixels), "a.png"))
    assert picture[0].max() <= 70  # half grey, half blue; the red would bring 128


def test_palettes(tmp_path: Path) -> None:
    image = Image.fromarray(COLOURS).quantize(16)
    for name in ("a.png", "a.gif", "a.bmp", "a.tiff"):
        assert np.array_equal(read_picture(saved(tmp_path, image, name)), planes(image)), name
    clear = int(np.asarray(image)[0, 0])
    picture = read_picture(saved(tmp_path, image, "b.png", transparency=clear))
    assert (picture[:, np.asarray(image) == clear] == 128).all()
    assert np.array_equal(picture[:, np.asarray(image) != clear], planes(image)[:, np.asarray(image) != clear])


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    for name in ("a.gif", "a.webp", "a.png", "a.tiff"):
        lossless = {"lossless": True} if name == "a.webp" else {}
        file = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], **lossless)
        assert read_picture(file)[:, 16, 16].tolist() == [255, 0, 0], name


@pytest.mark.parametrize("name", ["a.jpg", "a.tiff"])
def test_print_colours(tmp_path: Path, name: str) -> None:
    file = saved(tmp_path, Image.new("CMYK", (40, 40), (0, 255, 255, 0)), name)
    assert np.abs(read_picture(file)[:, 16, 16].astype(int) - [255, 0, 0]).max() <= 8


def test_lab_colours(tmp_path: Path) -> None:
    file = saved(tmp_path, Image.new("LAB", (32, 32), (136, 208, 195)), "a.tiff")  # L* 53, a* 80, b* 67 is red
    red, green, blue = read_picture(file)[:, 16, 16]
    assert red > 240
    assert max(green, blue) < 30


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tiff", "a.webp"])
@pytest.mark.parametrize("shape", [(32, 32), (48, 80)])
def test_exif_orientation(tmp_path: Path, orientation: int, name: str, shape: tuple[int, int]) -> None:
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = Image.fromarray(np.stack([x * 2, y * 3, np.full_like(x, 70)], -1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if name == "a.webp" else {}
    upright = saved(
        tmp_path, ImageOps.exif_transpose(Image.open(saved(tmp_path, image, name, exif=exif, **lossless))), "u.png"
    )
    assert np.abs(read_picture(tmp_path / name).astype(int) - read_picture(upright)).max() <= 1


@pytest.mark.parametrize("size", [(96, 32), (32, 96), (3000, 900), (700, 3000), (9, 5)])
def test_the_centred_square_is_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "red")
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    image.paste("lime", (left, top, left + side, top + side))
    for name in ("a.png", "a.jpg")[: 1 + (side >= 32)]:  # a JPEG so small blurs its colours
        picture = read_picture(saved(tmp_path, image, name, quality=95))
        assert np.abs(picture[:, 4:-4, 4:-4].astype(int) - [[[0]], [[255]], [[0]]]).max() <= 8


def test_fine_detail_is_averaged_not_sampled(tmp_path: Path) -> None:
    board = (np.indices((640, 640)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.abs(read_picture(saved(tmp_path, Image.fromarray(board), "a.png")).astype(int) - 128).max() <= 3


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (31, 33)])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "RGBA", "P", "I;16"])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], mode: str) -> None:
    assert read_picture(saved(tmp_path, Image.new(mode, size), "a.png"), 24).shape == (3, 24, 24)


def encoded(format: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8)).save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "QOI", "JPEG2000", "AVIF"]
)
def test_a_truncated_picture_is_refused(tmp_path: Path, format: str) -> None:
    content = encoded(format)
    for share in (0.9, 0.5, 0.1):
        (file := tmp_path / "cut").write_bytes(content[: int(len(content) * share)])
        with pytest.raises(BadInput, match=r"cut: (damaged or truncated|not a picture)") as error:
            read_picture(file)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"hello", "not a picture in a known format"),
        (b"\x89PNG\r\n\x1a\n", "damaged|not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\nshowpage\n", "not a picture in a known"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "convert it to PNG or JPEG"),
        (b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05posix", "not a picture"),
    ],
)
def test_what_is_no_picture(tmp_path: Path, content: bytes, complaint: str) -> None:
    (file := tmp_path / "file.png").write_bytes(content)
    with pytest.raises(BadInput, match=rf"file\.png: .*({complaint})"):
        read_picture(file)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.png: cannot be read .No such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(BadInput, match=r"cannot be read .Is a directory"):
        read_picture(tmp_path)
    (link := tmp_path / "loop.png").symlink_to(link)
    with pytest.raises(BadInput, match=r"loop\.png: cannot be read .Too many levels"):
        read_picture(link)
    with pytest.raises(BadInput, match=r"cannot be read .File name too long"):
        read_picture(tmp_path / ("x" * 300))


def bomb(width: int, height: int) -> bytes:
    """A PNG header that promises much, and a first few rows."""
    content = bytearray(encoded("PNG"))
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    return bytes(content)


@pytest.mark.parametrize("size", [(10_000, 9_000), (30_000, 30_000), (2_000_000_000, 2)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    (file := tmp_path / "bomb.png").write_bytes(bomb(*size))
    with pytest.raises(BadInput, match=r"bomb\.png: over 89,478,485 pixels"):
        read_picture(file)


def test_a_file_of_absurd_length_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(reading.MAX_BYTES + 1)
    with pytest.raises(BadInput, match=r"sparse\.png: over 256 MiB"):
        read_picture(tmp_path / "sparse.png")
    monkeypatch.setattr(reading, "MAX_BYTES", 1 << 20)
    with pytest.raises(BadInput, match="/dev/zero: over 1 MiB"):
        read_picture("/dev/zero")


def test_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    content = encoded("PNG")
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    picture = read_picture(pipe)
    writer.join()
    (file := tmp_path / "file").write_bytes(content)
    assert np.array_equal(picture, read_picture(file))


def test_damaged_exif_does_not_spoil_the_picture(tmp_path: Path) -> None:
    file = saved(tmp_path, Image.fromarray(COLOURS), "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert np.array_equal(read_picture(file), COLOURS.transpose(2, 0, 1))


def test_names_stay_on_one_line() -> None:
    assert reading.printable("a\nb\x1b[31m\udcff é.png") == r"a\nb\x1b[31m\udcff é.png"


SEEDS = [encoded(f) for f in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "QOI", "ICO", "TGA")]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_damaged_bytes_give_a_picture_or_one_line(tmp_path: Path, seed: bytes, damage: list[tuple[float, int]]) -> None:
    content = bytearray(seed)
    for where, byte in damage:
        # Headers break in more ways than pixels: half of the damage goes into the first 64 bytes.
        content[int(where * 2 * 63) if where < 0.5 else int((where - 0.5) * 2 * (len(content) - 1))] = byte
    (file := tmp_path / "fuzzed").write_bytes(content)
    try:
        result = read_picture(file).shape
    except BadInput as error:
        result = str(error)
    assert result == (3, 32, 32) or (result.startswith(f"{file}: ") and "\n" not in result)


def test_torch_is_not_imported() -> None:
    command = "import sys, microbotnet.preprocessing as p; p.read_picture; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command]).returncode == 0
