"""A board on a serial line, here the emulated one and the packaged example behind a pseudo-terminal."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c import write_c
from microbotnet.camera import camera_of, convert, frames_of
from microbotnet.errors import BadInput, Failed
from microbotnet.integer.file import save_program
from microbotnet.integer.interpreter import run
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_pictures, random_program
from microbotnet.mcu.serial_line import ask, differs

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
tty = pytest.importorskip("tty")


@pytest.fixture
def program() -> Program:
    return random_program(13, size=(12, 12), operators=3)


def read_exactly(line: int, count: int) -> bytes:
    found = b""
    while len(found) < count:
        found += os.read(line, count - len(found))
    return found


@contextmanager
def board(size: int, answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A port behind which every `size` bytes are answered."""
    far, near = pty.openpty()
    tty.setraw(far)
    os.write(far, b"ready\r\n")

    def serve() -> None:
        try:
            while True:
                os.write(far, answer(read_exactly(far, size)))
        except OSError:
            pass

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield os.ttyname(near)
    finally:
        os.close(near)  # which ends the server's reading
        server.join(30)
        os.close(far)


def line_of(program: Program, scores: np.ndarray) -> bytes:
    words = [program.labels[scores.argmax()], scores.max(), 1234, *scores]
    return " ".join(map(str, words)).encode() + b"\r\n"


def test_the_emulated_core_answers_over_a_line(program: Program) -> None:
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.emulator import execute
    from microbotnet.mcu.firmware import make_firmware

    made = make_firmware(program, load_board("microbit"), camera="rgb565:40x24")
    camera = camera_of("rgb565:40x24", (3, 12, 12))
    frames = frames_of(camera, np.random.default_rng(0).integers(0, 256, (3, 3, 24, 40), np.uint8))

    def answer(frame: bytes) -> bytes:
        ran = execute(made.image, np.frombuffer(frame, np.uint8).reshape(1, 24, 80))
        return line_of(program, ran.outputs[0].view("<i2"))

    with board(24 * 80, answer) as port:
        answers = ask(port, program, frames, seconds=60, wakes=0.1)
    assert [answer.cycles for answer in answers] == [1234] * 3
    assert differs(answers, run(program, convert(camera, frames))) == 0


def test_the_packaged_example_answers_the_command(program: Program, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    save_program(tmp_path / "a.program", program)
    write_c(program, tmp_path / "eye", name="eye", camera="grey8:40x24", package="cmake")
    sources = [*(tmp_path / "eye" / "src").glob("*.c"), tmp_path / "eye" / "example" / "main.c"]
    subprocess.run(
        ["gcc", "-std=gnu99", "-I", tmp_path / "eye" / "include", *sources, "-o", tmp_path / "x"], check=True
    )
    picture = Path(__file__).parents[2] / "src" / "microbotnet" / "demo" / "pictures" / "cat.png"
    far, near = pty.openpty()
    tty.setraw(far)
    example = subprocess.Popen([tmp_path / "x"], stdin=far, stdout=far)
    try:
        command = ["firmware", str(tmp_path / "a.program"), "--serial", os.ttyname(near), "--run", str(picture)]
        words = [sys.executable, "-m", "microbotnet", *command, "--input", "grey8:40x24"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    finally:
        example.kill()
        example.wait()
    assert done.returncode == 0, done.stderr
    assert "the board's scores of the picture equal the interpreter's" in done.stdout


def test_other_scores_are_counted(program: Program) -> None:
    pictures = random_pictures(program, 4)
    scores = run(program, pictures)
    wrong = iter([False, True, True, False])

    def answer(frame: bytes) -> bytes:
        found = run(program, np.frombuffer(frame, np.uint8).reshape(1, *pictures.shape[1:]))[0].copy()
        found[-1] += next(wrong)
        return line_of(program, found)

    with board(pictures[0].size, answer) as port:
        assert differs(ask(port, program, pictures, wakes=0.1), scores) == 2


@pytest.mark.parametrize("taken", [10, 400])
def test_a_line_that_breaks_off_is_told(taken: int, program: Program) -> None:
    """As when the cable is drawn: while a frame is sent, and while its answer is awaited."""
    far, near = pty.openpty()
    tty.setraw(far)
    pictures = random_pictures(program, 1)
    assert pictures[0].size > 10
    count = min(taken, pictures[0].size)

    def draw() -> None:
        read_exactly(far, count)
        os.close(far)

    threading.Thread(target=draw, daemon=True).start()
    try:
        with pytest.raises(Failed, match="the line broke off"):
            ask(os.ttyname(near), program, pictures, seconds=5, wakes=0.1)
    finally:
        os.close(near)


def test_what_does_not_answer_is_told(program: Program, tmp_path: Path) -> None:
    pictures = random_pictures(program, 1)
    with pytest.raises(BadInput, match="no such serial port; there are: "):
        ask(str(tmp_path / "ttyACM7"), program, pictures)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadInput, match="is no serial port"):
        ask(str(tmp_path / "file"), program, pictures)
    with board(10**9, lambda frame: b"") as port, pytest.raises(Failed, match="no answer within 1 seconds"):
        ask(port, program, pictures, seconds=1, wakes=0.1)
    for said in (b"hello\r\n", b"class 0 1 2 3\n", b"\xff\xfe\n", b"dog " + b"1 " * 20 + b"\n", b"x" * 70_000):
        behind = board(pictures[0].size, lambda frame, said=said: said)
        with behind as port, pytest.raises(BadInput, match="it on the board"):
            ask(port, program, pictures, wakes=0.1)
