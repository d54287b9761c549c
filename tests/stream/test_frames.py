"""Frames from folders, videos and standard input are the pictures that went in; an absent camera is named."""

import io
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from microbotnet.errors import BadInput, Failed
from microbotnet.stream.frames import in_order, open_frames

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (220, 220, 40), (20, 20, 20)]


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.new("RGB", size, colour)


def write_video(path: Path, codec: str, rotation: int = 0) -> list[tuple[int, int]]:
    """A video of `COLOURS`; where in the file each frame's bytes are."""
    av = pytest.importorskip("av", reason="the video extra (PyAV) is not installed")
    sizes = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(5))
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for colour in COLOURS:
            for packet in stream.encode(av.VideoFrame.from_image(flat(colour))):
                sizes.append(bytes(packet))
                container.mux(packet)
        for packet in stream.encode():
            sizes.append(bytes(packet))
            container.mux(packet)
    content = path.read_bytes()
    return [(content.index(data), len(data)) for data in sizes]


def assert_colours(pictures: list[np.ndarray], within: int = 12) -> None:
    assert len(pictures) == len(COLOURS)
    for picture, colour in zip(pictures, COLOURS, strict=True):
        assert picture.shape == (3, 32, 32)
        assert np.abs(picture.mean((1, 2)) - colour).max() < within


def test_a_folder_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for number, colour in zip((2, 10, 9, 1, 100), COLOURS, strict=True):
        flat(colour).save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("not a frame")
    frames = list(open_frames(str(tmp_path)))
    assert [frame.name for frame in frames] == [f"frame{n}.png" for n in (1, 2, 9, 10, 100)]
    assert [tuple(frame.picture[:, 0, 0]) for frame in frames if frame.picture is not None] == [
        COLOURS[i] for i in (3, 0, 2, 1, 4)
    ]


def test_names_with_letters_and_numbers_are_ordered() -> None:
    names = ["b", "a10", "a2b", "a2", "10", "9", "²", "a02"]
    assert sorted(names, key=in_order) == ["9", "10", "a02", "a2", "a2b", "a10", "b", "²"]


def test_an_unreadable_picture_in_the_middle(tmp_path: Path) -> None:
    for number in range(3):
        flat(COLOURS[number]).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:60])
    frames = list(open_frames(str(tmp_path)))
    assert [frame.picture is None for frame in frames] == [False, True, False]
    assert "1.png: damaged or truncated" in (frames[1].error or "")


def test_one_pixel_is_a_frame(tmp_path: Path) -> None:
    flat((9, 8, 7), (1, 1)).save(tmp_path / "one.png")
    (frame,) = open_frames(str(tmp_path))
    assert frame.picture is not None
    assert (frame.picture == np.reshape([9, 8, 7], (3, 1, 1))).all()


@pytest.mark.parametrize(("codec", "suffix"), [("mjpeg", ".avi"), ("mpeg4", ".mp4")])
def test_a_video(tmp_path: Path, codec: str, suffix: str) -> None:
    write_video(tmp_path / f"v{suffix}", codec)
    frames = list(open_frames(str(tmp_path / f"v{suffix}")))
    assert [frame.name for frame in frames] == [f"frame {i}" for i in range(5)]
    assert_colours([frame.picture for frame in frames if frame.picture is not None])


def test_a_damaged_frame_in_a_video_costs_itself_only(tmp_path: Path) -> None:
    path = tmp_path / "v.avi"
    start, length = write_video(path, "mjpeg")[2]
    content = bytearray(path.read_bytes())
    content[start : start + length] = b"x" * length
    path.write_bytes(content)
    frames = list(open_frames(str(path)))
    assert [frame.picture is None for frame in frames] == [False, False, True, False, False]
    assert frames[2].error is not None
    assert frames[2].error.startswith("v.avi, frame 2: damaged")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    for index, colour in enumerate(COLOURS):
        flat(colour).save(stream, "PNG" if index % 2 else "JPEG")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stream.getvalue())))
    assert_colours([frame.picture for frame in open_frames("-") if frame.picture is not None])


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the video extra (PyAV) is not installed")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "none.mp4").touch()
    for source, complaint in {
        str(tmp_path / "gone"): "no such folder or video",
        str(tmp_path / "empty"): "no pictures in this folder",
        str(tmp_path / "text.mp4"): "not a video",
        str(tmp_path / "none.mp4"): "not a video",
    }.items():
        with pytest.raises(BadInput, match=complaint):
            open_frames(source)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's names of cameras")
@pytest.mark.parametrize("source", ["camera:77", "/dev/video77", "camera:/nowhere"])
def test_a_camera_that_is_not_there(source: str) -> None:
    pytest.importorskip("av", reason="the video extra (PyAV) is not installed")
    with pytest.raises(BadInput, match=r"camera .*: not there or in use"):
        open_frames(source)


def test_without_the_video_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "v.mp4").touch()
    with pytest.raises(Failed, match="microbotnet\\[video\\]"):
        open_frames(str(tmp_path / "v.mp4"))
