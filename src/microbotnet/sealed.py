"""Safetensors files that hold the SHA-256 of themselves, so that a changed byte is seen."""

import hashlib
import re
from pathlib import Path

UNSEALED = {"sha256": "0" * 64}
"""What the metadata of a file that is to be sealed also hold."""

_DIGEST = re.compile(rb'"sha256":"(.{64})"', re.DOTALL)


def sealed(content: bytes) -> bytes:
    """A file of safetensors whose metadata hold `UNSEALED`, with its digest in place of the zeros."""
    place = _place(content)
    if place is None:
        raise ValueError("there is no place for a digest")
    return content[: place.start(1)] + _digest(content, place) + content[place.end(1) :]


def read_sealed(path: Path) -> bytes:
    """A sealed file's content.

    Raises:
        OSError: it cannot be read. ValueError: it has no digest, or was changed since it was sealed.
    """
    content = path.read_bytes()
    place = _place(content)
    if place is None:
        raise ValueError("it holds no checksum")
    if place[1] != _digest(content, place):
        raise ValueError("its checksum is not that of its contents")
    return content


def _place(content: bytes) -> "re.Match[bytes] | None":
    return _DIGEST.search(content, 8, min(8 + int.from_bytes(content[:8], "little"), len(content)))


def _digest(content: bytes, place: "re.Match[bytes]") -> bytes:
    """Of the whole file as it was with zeros."""
    view = memoryview(content)
    made = hashlib.sha256(view[: place.start(1)])
    made.update(UNSEALED["sha256"].encode())
    made.update(view[place.end(1) :])
    return made.hexdigest().encode()
