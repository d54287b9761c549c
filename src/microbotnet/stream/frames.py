"""Where frames come from: a folder, a video, a camera, standard input. One that cannot be read stops no other."""

import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, Failed
from ..preprocessing import STDIN, Pixels, Size, centre, decode_picture, is_picture, printable, read_picture
from .concatenated import split_pictures

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from PIL.Image import Image

    from ..camera import Camera

CAMERA = re.compile(r"camera(?::(.+))?|(/dev/video\d+)")
# What FFmpeg calls a system's cameras, and how it names the first one.
_CAMERAS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}"), "win32": ("dshow", "video={}")}


@dataclass(frozen=True)
class Frame:
    """One frame: its name, and the picture, uint8, 3×rows×columns; or why it cannot be read."""

    name: str
    picture: Pixels | None = None
    error: str | None = None


def open_frames(source: str, size: Size = 32) -> Iterator[Frame]:
    """The frames of `source`, as they come. A frame that cannot be read has an error in place of a picture.

    Args:
        source: a folder of pictures, in the order of their names with numbers as numbers (2.png before 10.png);
            a video file; a camera ("camera", "camera:1" or "camera:NAME", "/dev/video1"); or "-" for standard input:
            JPEG or PNG files one after the other, as `ffmpeg -f image2pipe` and most cameras' tools write them.
        size: side of the pictures in pixels, or rows and columns; the largest centred part of each frame that has
            this shape is scaled to it.

    Raises:
        BadInput: no such source, a folder without pictures, a file that is no video, a camera that is not there.
        Failed: videos and cameras need PyAV, and it is not installed.
    """
    if source == STDIN:
        return _from_stream(sys.stdin.buffer, size)  # type: ignore[arg-type]
    if match := CAMERA.fullmatch(source):
        return _decoded(_open_camera(match[1] or match[2] or "0"), source, size)
    path = Path(source)
    if path.is_dir():
        return _from_folder(path, size)
    if not path.exists():
        raise BadInput(f"{printable(source)}: no such folder or video; a camera is called camera, camera:1, …")
    return _decoded(_open_video(path), path.name, size)


def through(camera: "Camera", frames: Iterator[Frame]) -> Iterator[Frame]:
    """Frames of the camera's size as a network behind it is given them."""
    from ..camera import seen

    for frame in frames:
        yield frame if frame.picture is None else Frame(frame.name, seen(camera, frame.picture[None])[0])


def in_order(name: str) -> list[tuple[int, str]]:
    """What to sort file names by, so that 2.png comes before 10.png."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]


def _from_folder(folder: Path, size: Size) -> Iterator[Frame]:
    try:
        files = sorted((path for path in folder.iterdir() if is_picture(path)), key=lambda path: in_order(path.name))
    except OSError as error:
        raise BadInput(f"{printable(str(folder))}: cannot be read ({error.strerror})") from None
    if not files:
        raise BadInput(f"{printable(str(folder))}: no pictures in this folder")
    return (_read(path, size) for path in files)


def _read(path: Path, size: Size) -> Frame:
    with warnings.catch_warnings():  # Pillow's remarks on odd files help nobody here
        warnings.simplefilter("ignore")
        try:
            return Frame(path.name, read_picture(path, size))
        except BadInput as error:
            return Frame(path.name, error=str(error))


def _from_stream(stream: BufferedIOBase, size: Size) -> Iterator[Frame]:
    for number, content in enumerate(split_pictures(stream)):
        name = f"frame {number}"
        try:
            yield Frame(name, decode_picture(content, name, size))
        except BadInput as error:
            yield Frame(name, error=str(error))


def _open_video(path: Path) -> "InputContainer":
    av = _av()
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadInput(f"{printable(str(path))}: not a video ({_words(error)})") from None
    if not container.streams.video:
        container.close()
        raise BadInput(f"{printable(str(path))}: there are no pictures in it, only sound or text")
    return container  # type: ignore[no-any-return]


def _open_camera(name: str) -> "InputContainer":
    av = _av()
    if sys.platform not in _CAMERAS:
        raise BadInput(f"cameras of {sys.platform} are not known; pipe their frames in and give -")
    kind, pattern = _CAMERAS[sys.platform]
    device = pattern.format(name) if name.isdecimal() or sys.platform == "win32" else name
    try:
        return av.open(device, format=kind)  # type: ignore[no-any-return]
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadInput(
            f"camera {printable(name)}: not there or in use ({printable(device)}: {_words(error)}); is it plugged in, "
            "and may you read it?"
        ) from None


def _decoded(container: "InputContainer", source: str, size: Size) -> Iterator[Frame]:
    """The frames of an open video or camera. A damaged packet is one frame that cannot be read."""
    av = _av()
    with container:
        packets = container.demux(video=0)
        number = 0
        packet: Any = packets
        while packet is not None:
            try:
                packet = next(packets, None)
                images = packet.decode() if packet is not None else []
            except av.FFmpegError as error:
                name = f"frame {number}"
                yield Frame(name, error=f"{printable(source)}, {name}: damaged ({_words(error)})")
                number += 1
                continue
            for image in images:
                yield Frame(f"frame {number}", centre(_upright(image), size))
                number += 1


def _upright(frame: "VideoFrame") -> "Image":
    """With the rotation applied that phones write beside their videos."""
    image: Image = frame.to_image()  # type: ignore[no-untyped-call]
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise Failed("videos and cameras need PyAV: pip install 'microbotnet[video]'") from None
    av.logging.set_level(None)
    return av


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
