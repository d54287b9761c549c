"""Streams of JPEG and PNG files come apart at the right bytes, however they arrive and wherever they are damaged."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from microbotnet.stream import concatenated
from microbotnet.stream.concatenated import split_pictures


def picture(kind: str, seed: int = 0, **options: object) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def with_thumbnail() -> bytes:
    """A JPEG that holds another in its EXIF segment, as cameras write them."""
    inner = picture("JPEG", 5)
    plain = picture("JPEG", 6)
    segment = b"Exif\0\0" + inner
    return plain[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment + plain[2:]


FILES = [
    picture("JPEG"),
    picture("PNG", 1),
    picture("JPEG", 2, progressive=True),
    picture("JPEG", 3, restart_marker_rows=1),
    with_thumbnail(),
]


class Trickle(BytesIO):
    """Gives at most three bytes at a time, as a slow pipe."""

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(3)


@given(st.lists(st.sampled_from(FILES), max_size=5), st.sampled_from([b"", b"\0\0\0", b"\r\n"]))
@settings(max_examples=30)
def test_what_was_joined_comes_apart(files: list[bytes], padding: bytes) -> None:
    stream = padding.join(files) + padding
    assert [piece.strip(b"\0\r\n") for piece in split_pictures(BytesIO(stream))] == [
        file.strip(b"\0\r\n") for file in files
    ]
    assert len(list(split_pictures(Trickle(stream)))) == len(files)


@given(st.sampled_from(FILES), st.data())
@settings(max_examples=60)
def test_a_cut_file_costs_itself_only(file: bytes, data: st.DataObject) -> None:
    cut = file[: data.draw(st.integers(20, len(file) - 1))]
    pieces = list(split_pictures(BytesIO(FILES[0] + cut + FILES[1] + FILES[0])))
    assert pieces[0] == FILES[0]
    assert pieces[-2:] == [FILES[1], FILES[0]]
    assert b"".join(pieces[1:-2]) == cut


@given(st.binary(max_size=200))
def test_bytes_are_neither_lost_nor_made(noise: bytes) -> None:
    kept = b"".join(split_pictures(BytesIO(noise)))
    assert kept.translate(None, b"\0\r\n ") == noise.translate(None, b"\0\r\n ")


def test_a_file_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concatenated, "LONGEST", 1000)
    endless = b"x" * 5000 + FILES[0]
    pieces = list(split_pictures(BytesIO(endless), chunk=100))
    assert pieces[-1] == FILES[0]
    assert b"".join(pieces) == endless


def test_a_picture_comes_before_the_next_begins() -> None:
    """A live stream is not a frame late."""

    class Live(BytesIO):
        given = 0

        def read1(self, size: int | None = -1) -> bytes:
            self.given += 1
            return FILES[0] if self.given <= 2 else b""

    live = Live()
    pieces = split_pictures(live)
    assert next(pieces) == FILES[0]
    assert live.given == 1
