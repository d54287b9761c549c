"""A board on a serial line that runs the example of a package: frames go out, its answers come back.

A frame is its bytes, nothing around them. The answer is a line: the class's name, its score, the cycles, all scores.
"""

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, Failed
from ..integer.program import Program

SPEED = 115_200
SECONDS = 30.0  # to wait for an answer
WAKES = 2.0  # seconds that a board may take that begins anew when its port is opened


@dataclass(frozen=True)
class Answer:
    """What the board said of a frame. cycles: as it measures them itself."""

    label: str
    score: int
    cycles: int
    scores: tuple[int, ...]


def ask(
    port: str, program: Program, frames: NDArray[Any], *, seconds: float = SECONDS, wakes: float = WAKES
) -> list[Answer]:
    """Send each frame, (N, …) uint8, and take the board's answer.

    Args:
        port: the device, such as /dev/ttyACM0.
        program: what the board runs.
        seconds: to wait for each answer. wakes: to wait after the port is opened.

    Raises:
        BadInput: there is no such port, it cannot be opened, or what answers is not this program.
        Failed: nothing comes back in time, or ports are not known on this system.
    """
    with _opened(port) as line:
        time.sleep(wakes)
        _drop(line)
        found = []
        for frame in frames:
            _send(line, frame.tobytes(), port, seconds)
            found.append(_parsed(_line(line, port, seconds), port, program))
        return found


@contextmanager
def _opened(port: str) -> Iterator[int]:
    try:
        import termios
        import tty
    except ImportError:
        raise Failed(f"serial ports of {sys.platform} are not known here") from None
    if not Path(port).exists():
        there = sorted(
            str(path) for pattern in ("ttyACM*", "ttyUSB*", "cu.usb*") for path in Path("/dev").glob(pattern)
        )
        raise BadInput(f"{port}: no such serial port; there are: {', '.join(there) or 'none'}")
    try:
        line = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise BadInput(f"{port}: cannot be opened: {error.strerror}") from None
    try:
        tty.setraw(line)
        settings = termios.tcgetattr(line)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(line, termios.TCSANOW, settings)
        yield line
    except termios.error:
        raise BadInput(f"{port}: is no serial port") from None
    except OSError as error:
        raise Failed(f"{port}: the line broke off: {error.strerror}") from None
    finally:
        os.close(line)


def _drop(line: int) -> None:
    """Forget what the board said before it was asked."""
    while select.select([line], [], [], 0)[0] and os.read(line, 4096):
        pass


def _send(line: int, content: bytes, port: str, seconds: float) -> None:
    ends = time.monotonic() + seconds + 10 * len(content) / SPEED
    while content:
        if not select.select([], [line], [], max(0, ends - time.monotonic()))[1]:
            raise Failed(f"{port}: takes no bytes; is the example running on the board?")
        content = content[os.write(line, content[:256]) :]


def _line(line: int, port: str, seconds: float) -> bytes:
    said, ends = b"", time.monotonic() + seconds
    while not said.endswith(b"\n") and len(said) < 65_536:
        if not select.select([line], [], [], max(0, ends - time.monotonic()))[0]:
            raise Failed(f"{port}: no answer within {seconds:g} seconds; is the example running on the board?")
        byte = os.read(line, 1)
        if not byte:
            raise Failed(f"{port}: the line broke off")
        said += byte
    return said


def _parsed(said: bytes, port: str, program: Program) -> Answer:
    words = said.decode("utf-8", errors="replace").split()
    count = program.scores.shape[0]
    try:
        numbers = [int(word) for word in words[-count - 2 :]]
        label = said.decode("utf-8").rsplit(maxsplit=count + 2)[0]
    except (ValueError, IndexError):
        numbers, label = [], ""
    if len(numbers) != count + 2 or label not in program.labels:
        raise BadInput(
            f"{port}: answers {said[:60]!r}, no class of this network with its score, the cycles and {count} scores; "
            "is it on the board?"
        )
    return Answer(label, numbers[0], numbers[1], tuple(numbers[2:]))


def differs(answers: list[Answer], expected: NDArray[np.int16]) -> int:
    """How many answers are not the interpreter's scores, (N, classes), bit for bit."""
    return sum(answer.scores != tuple(row.tolist()) for answer, row in zip(answers, expected, strict=True))
