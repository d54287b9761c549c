"""Cameras: what the converter means, that its C computes just that, and what is refused."""

import ctypes
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from microbotnet.backends.c.camera import emit_camera
from microbotnet.camera import Camera, camera_of, convert, frames_of
from microbotnet.camera.camera import CROPS, FORMATS
from microbotnet.data.resize import resized
from microbotnet.errors import BadInput
from microbotnet.inference import shown
from microbotnet.preprocessing import read_picture
from microbotnet.stream.frames import open_frames, through

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")


@st.composite
def cameras(draw: st.DrawFn) -> Camera:
    name, crop = draw(st.sampled_from(sorted(FORMATS))), draw(st.sampled_from(CROPS))
    shape = (draw(st.sampled_from([1, 3])), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    two = 2 if FORMATS[name].even else 1
    cell = FORMATS[name].cell
    width, height = draw(st.integers(18, 50)) * two, draw(st.integers(18, 50)) * cell
    if crop == "stretch" and draw(st.booleans()):
        width, height = max(shape[2], 2) // two * two * cell + (0 if two == 1 else 2), shape[1] * cell
    return camera_of(f"{name}:{width}x{height}:crop={crop}", shape)


def random_frames(camera: Camera, count: int, seed: int) -> np.ndarray:
    frames = np.random.default_rng(seed).integers(0, 256, (count, camera.height, camera.row_bytes), np.uint8)
    frames[:1], frames[1:2] = 0, 255
    return frames


@settings(max_examples=60)
@given(cameras(), st.integers(0, 2**32 - 1))
def test_every_value_is_the_mean_of_what_it_covers(camera: Camera, seed: int) -> None:
    """Against an independent computation with fractions; for formats whose components are the picture's."""
    if camera.format in ("yuv422",) or (camera.channels == 1 and camera.format != "grey8"):
        return
    frames = random_frames(camera, 3, seed)
    made = convert(camera, frames)
    rows, columns = camera.spans
    rng = np.random.default_rng(seed)
    for _ in range(4):
        n, c = int(rng.integers(3)), int(rng.integers(camera.channels))
        i, j = int(rng.integers(rows.made)), int(rng.integers(columns.made))
        total = Fraction(0)
        height, width = Fraction(rows.count, rows.made), Fraction(columns.count, columns.made)
        for y in range(rows.count):
            for x in range(columns.count):
                down = min(Fraction(y + 1), (i + 1) * height) - max(Fraction(y), i * height)
                across = min(Fraction(x + 1), (j + 1) * width) - max(Fraction(x), j * width)
                if down > 0 and across > 0:
                    total += down * across * sample(camera, frames[n], y + rows.first, x + columns.first, c)
        exact = total / height / width * 255
        assert abs(int(made[n, c, rows.at + i, columns.at + j]) - exact) <= Fraction(51, 100)


def sample(camera: Camera, frame: np.ndarray, y: int, x: int, channel: int) -> Fraction:
    """Of 0…1."""
    if camera.format == "grey8":
        return Fraction(int(frame[y, x]), 255)
    if camera.format == "rgb888":
        return Fraction(int(frame[y, 3 * x + channel]), 255)
    if camera.format == "rgb565":
        word = int(frame[y, 2 * x]) + 256 * int(frame[y, 2 * x + 1])
        return (Fraction(word >> 11, 31), Fraction(word >> 5 & 63, 63), Fraction(word & 31, 31))[channel]
    cell = frame[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].astype(int)
    return Fraction(int((cell[0, 0], (cell[0, 1] + cell[1, 0]) / 2, cell[1, 1])[channel] * 2), 510)


class Compiled:
    """A camera's C on this machine."""

    def __init__(self, camera: Camera, folder: Path, pixel_by_pixel: bool = False) -> None:
        self.camera = camera
        for name, text in emit_camera(camera).items():
            (folder / name).write_text(text.replace("defined(__x86_64__)", "0") if pixel_by_pixel else text)
        flags = ["-std=c99", *WARNINGS, "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-shared", "-fPIC"]
        subprocess.run(["gcc", *flags, "net_camera.c", "-o", "camera.so"], cwd=folder, check=True)
        self.library = ctypes.CDLL(str(folder / "camera.so"))

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        camera = self.camera
        made = np.full((len(frames), camera.channels, camera.rows, camera.columns), 7, np.uint8)
        state = ctypes.create_string_buffer(8 * 3 * camera.columns + 64)
        for frame, picture in zip(frames, made, strict=True):
            self.library.net_camera_begin(state, ctypes.c_void_p(picture.ctypes.data))
            ends = [
                self.library.net_camera_row(state, ctypes.c_void_p(row.ctypes.data))
                for row in np.ascontiguousarray(frame)
            ]
            assert ends == [0] * (camera.height - 1) + [1]
        return made


FIXED = [
    ("rgb565:160x120", (3, 32, 32)), ("rgb565:324x244", (3, 32, 32)), ("rgb565:64x64", (3, 32, 32)),
    ("rgb565:32x32", (1, 32, 32)), ("rgb565:109x96", (3, 32, 32)),
    ("rgb888:97x61:crop=stretch", (3, 32, 31)), ("grey8:324x244", (3, 32, 32)),
    ("yuv422:160x120", (3, 32, 32)), ("yuv422:70x66", (1, 32, 32)), ("bayer8:160x120", (3, 32, 32)),
    ("bayer8:66x70:crop=letterbox", (3, 32, 32)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shape"), FIXED)
def test_c_equals_numpy(text: str, shape: tuple[int, int, int], tmp_path: Path) -> None:
    camera = camera_of(text, shape)
    frames = random_frames(camera, 6, 0)
    np.testing.assert_array_equal(Compiled(camera, tmp_path)(frames), convert(camera, frames))


@pytest.mark.parametrize("text", ["rgb565:160x120", "rgb565:33x35"])
def test_rgb565_pixel_by_pixel_is_the_same(text: str, tmp_path: Path) -> None:
    camera = camera_of(text, (3, 32, 32))
    frames = random_frames(camera, 6, 0)
    np.testing.assert_array_equal(Compiled(camera, tmp_path, pixel_by_pixel=True)(frames), convert(camera, frames))


@settings(max_examples=8)
@given(cameras(), st.integers(0, 2**32 - 1))
def test_c_equals_numpy_for_any_camera(tmp_path_factory: pytest.TempPathFactory, camera: Camera, seed: int) -> None:
    frames = random_frames(camera, 3, seed)
    np.testing.assert_array_equal(Compiled(camera, tmp_path_factory.mktemp("c"))(frames), convert(camera, frames))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_picture_comes_back(name: str) -> None:
    """A smooth picture is itself after any camera, up to what the format rounds away; grey cameras give its grey."""
    y, x = np.mgrid[:64, :64]
    picture = np.stack([2 * x + 60, 2 * y + 90, x + y + 20]).astype(np.uint8)
    camera = camera_of(f"{name}:64x64", (3, 32, 32))
    made = convert(camera, frames_of(camera, picture[None]))[0].astype(int)
    wanted = picture.reshape(3, 32, 2, 32, 2).mean((2, 4))
    if name == "grey8":
        wanted = np.repeat((np.array([0.299, 0.587, 0.114])[:, None, None] * wanted).sum(0)[None], 3, 0)
    assert np.abs(made - wanted).max() <= {"rgb565": 4.5, "yuv422": 2.5, "bayer8": 2.5}.get(name, 1)


@pytest.mark.parametrize(
    ("text", "shape", "says"),
    [
        ("rgb656:160x120", (3, 32, 32), "did you mean 'rgb565'"),
        ("webcam", (3, 32, 32), "there are: rgb565, rgb888, grey8, yuv422, bayer8"),
        ("rgb565", (3, 32, 32), "is no camera: FORMAT:WIDTHxHEIGHT"),
        ("rgb565:160", (3, 32, 32), "is no camera"),
        ("rgb565:160x120:crop=round", (3, 32, 32), "crop must be one of square, letterbox, stretch, not 'round'"),
        ("rgb565:160x120:zoom=2", (3, 32, 32), "is no camera"),
        ("yuv422:161x120", (3, 32, 32), "an even number of pixels, not 161"),
        ("bayer8:160x121", (3, 32, 32), "an even number of rows, not 121"),
        ("rgb565:31x120", (3, 32, 32), "would see 31×31 pixels where it takes 32×32"),
        ("bayer8:62x62", (3, 32, 32), "would see 31×31 cells of four pixels"),
        ("rgb565:4000x3000", (3, 32, 32), "from 1 to 2,048 pixels"),
        ("rgb565:0x0", (3, 32, 32), "from 1 to 2,048 pixels"),
        ("rgb565:160x120", (10, 32, 32), "the network takes 10 channels"),
    ],
)
def test_what_is_no_camera_is_refused(text: str, shape: tuple[int, int, int], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        camera_of(text, shape)


def test_rectangles_are_cut_out_of_pictures(tmp_path: Path) -> None:
    wide = np.zeros((40, 90, 3), np.uint8)
    wide[:, 30:60, 1] = 200  # what a frame of 30×40 sees
    for turn in (None, 6):
        image = Image.fromarray(wide if turn is None else np.rot90(wide, 1))
        exif = Image.Exif()
        if turn:
            exif[0x0112] = turn
        image.save(tmp_path / "wide.png", exif=exif)
        assert (read_picture(tmp_path / "wide.png", (40, 30))[1] == 200).all()
        assert read_picture(tmp_path / "wide.png", (8, 18)).shape == (3, 8, 18)


def test_watch_sees_through_the_camera(tmp_path: Path) -> None:
    y, x = np.mgrid[:120, :160]
    Image.fromarray(np.stack([x, y, x + y], 2).astype(np.uint8)).save(tmp_path / "a.png")
    camera = camera_of("rgb565:160x120", (3, 32, 32))
    (frame,) = through(camera, open_frames(str(tmp_path), (120, 160)))
    wanted = convert(camera, frames_of(camera, read_picture(tmp_path / "a.png", (120, 160))[None]))[0]
    np.testing.assert_array_equal(frame.picture, wanted)
    for command in (["watch", str(tmp_path)], ["export", "grain-s", "--c", str(tmp_path / "c")]):
        for text, code in (("rgb565:160x120", 0), ("yuv422:33x44", 2), ("rgb565:31x31", 2), ("jpeg:160x120", 2)):
            done = subprocess.run(
                [sys.executable, "-m", "microbotnet", *command, "--input", text], capture_output=True, text=True
            )
            assert done.returncode == code, done.stderr
            assert len(done.stderr.splitlines()) == (code == 2)
    assert (tmp_path / "c" / "net_camera.h").is_file()


def test_a_set_is_evaluated_through_a_camera() -> None:
    y, x = np.mgrid[:64, :64]
    images = torch.from_numpy(np.stack([[x, y, x + y], [y, x, y]]).astype(np.uint8))
    camera = camera_of("rgb888:64x32:crop=stretch", (3, 32, 32))
    np.testing.assert_array_equal(
        shown(images, 32, camera), convert(camera, frames_of(camera, resized(images, (32, 64)).numpy()))
    )
    assert resized(images, (32, 64)).shape == (2, 3, 32, 64)
    np.testing.assert_array_equal(resized(images, (32, 64)), images[:, :, 16:48])
