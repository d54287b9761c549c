"""JPEG and PNG files one after the other in one stream of bytes, taken apart."""

from collections.abc import Iterator
from io import BufferedIOBase

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
LONGEST = 16 << 20
"""Bytes after which a file that does not end is given up."""

_START, _END, _SCAN, _FILL = 0xD8, 0xD9, 0xDA, 0xFF  # second bytes of JPEG's markers
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length


def split_pictures(stream: BufferedIOBase, chunk: int = 1 << 16) -> Iterator[bytes]:
    """The files in `stream`, each as soon as its last byte is there.

    A file ends where its format says so: at JPEG's end marker outside of any segment, at PNG's IEND chunk. One that
    stops short ends where the next begins. Bytes that belong to no file come as a piece of their own, so that damage is
    counted and not passed over; padding with zeros or line ends between files is dropped.
    """
    held, ended = b"", False
    while held or not ended:
        length = _length(held) if held else None
        if length is None and not ended and len(held) <= LONGEST:
            more = stream.read1(chunk)
            held, ended = held + more, not more
            continue
        if length is None:
            length = _next_start(held) or len(held)
        piece, held = held[:length], held[length:]
        if piece.strip(b"\0\r\n "):
            yield piece


def _length(held: bytes) -> int | None:
    """Of the file that `held` begins with, in bytes; None if it does not end in there."""
    if held.startswith(JPEG):
        return _jpeg_length(held)
    if held.startswith(PNG):
        return _png_length(held)
    if JPEG.startswith(held) or PNG.startswith(held):
        return None
    return _next_start(held)


def _next_start(held: bytes) -> int | None:
    """Where after the first byte another file begins."""
    found = [at for at in (held.find(JPEG, 1), held.find(PNG, 1)) if at > 0]
    return min(found, default=None)


def _jpeg_length(held: bytes) -> int | None:
    """ITU T.81, annex B: markers, most with a length; after a scan's header coded bytes up to the next marker."""
    at = 2
    while at + 2 <= len(held):
        first, marker = held[at], held[at + 1]
        if first != _FILL or marker == 0:
            return _next_start(held)
        if marker == _END:
            return at + 2
        if marker == _START:
            return at
        if marker == _FILL:
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(held[at + 2 : at + 4])
            if marker == _SCAN:
                at = _scan_end(held, at)
    return None


def _scan_end(held: bytes, at: int) -> int:
    """The first marker at or after `at` that is neither a stuffed 0xFF nor a restart; the end if there is none."""
    while 0 <= (at := held.find(b"\xff", at)) < len(held) - 1:
        if held[at + 1] not in {0, *range(0xD0, 0xD8)}:
            return at
        at += 2
    return len(held)


def _png_length(held: bytes) -> int | None:
    """PNG, section 5: chunks of a length, a type of four letters, data and a checksum."""
    at = len(PNG)
    while at + 8 <= len(held):
        length, kind = int.from_bytes(held[at : at + 4]), held[at + 4 : at + 8]
        if not (kind.isalpha() and kind.isascii()):
            return _next_start(held)
        at += 12 + length
        if kind == b"IEND":
            cut = _next_start(held[at - 5 : at + len(PNG)])  # one that stops within its last checksum
            end = at if cut is None else min(at - 5 + cut, at)
            return end if end <= len(held) else None
    return None
