"""A whole checkpoint, weights and card, in one compressed file (.mbz).

    4 bytes    "MBZ" and the format's version, 1
    16 bytes   BLAKE2b digest of all that follows
    4 bytes    length of the header, little-endian
    header     JSON, deflated: the card, and of every tensor its name, shape, way of coding and the bytes of its parts
    body       the parts, one after the other

Batch-norm counters of batches are left out: nothing but training with a momentum of None reads them.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import write_atomically
from ..errors import BadInput
from ..plain import parse_json
from .coding import Values, pack, unpack

SUFFIX = ".mbz"
_MAGIC = b"MBZ\x01"
_DIGEST = 16
_START = len(_MAGIC) + _DIGEST + 4
_LARGEST_HEADER = 2**26


def write_compressed(path: Path, tensors: Mapping[str, Values], card: Mapping[str, Any]) -> dict[str, int]:
    """Write tensors and card to `path`, atomically.

    Returns:
        Bytes of each tensor's parts, by name; and of the header with all before it, under "".
    """
    described = []
    body: list[bytes] = []
    sizes = {}
    for name, values in tensors.items():
        if name.endswith("num_batches_tracked"):
            continue
        coded = pack(np.ascontiguousarray(values))
        described.append({"name": name, "shape": values.shape, **coded.how, "bytes": [len(p) for p in coded.parts]})
        body += coded.parts
        sizes[name] = sum(map(len, coded.parts))
    text = json.dumps({"card": card, "tensors": described}, ensure_ascii=False, separators=(",", ":"))
    header = zlib.compress(text.encode(), 9)
    rest = struct.pack("<I", len(header)) + header + b"".join(body)
    write_atomically(path, _MAGIC + hashlib.blake2b(rest, digest_size=_DIGEST).digest() + rest)
    return sizes | {"": _START + len(header)}


def read_compressed(path: Path) -> tuple[dict[str, Values], dict[str, Any]]:
    """The tensors and the card that `write_compressed` was given, bit for bit.

    Raises:
        BadInput: no such file, or it is truncated, altered or of another format.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    if content[:3] != _MAGIC[:3]:
        raise BadInput(f"{path}: no compressed checkpoint: it begins with {content[:4]!r}, not {_MAGIC!r}")
    if content[:4] != _MAGIC:
        raise BadInput(f"{path}: format {content[3:4].hex() or 'unknown'}, but only 01 can be read; update microbotnet")
    digest, rest = content[4 : 4 + _DIGEST], content[4 + _DIGEST :]
    if hashlib.blake2b(rest, digest_size=_DIGEST).digest() != digest:
        raise BadInput(
            f"{path}: truncated or altered: its checksum does not fit its {len(content):,} bytes; copy or make it again"
        )
    try:
        return _read(rest)
    except (BadInput, ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError, struct.error,
            zlib.error) as error:  # fmt: skip
        raise BadInput(f"{path}: not written by microbotnet: {error}") from None


def _read(rest: bytes) -> tuple[dict[str, Values], dict[str, Any]]:
    (length,) = struct.unpack("<I", rest[:4])
    unzip = zlib.decompressobj()
    header = parse_json(unzip.decompress(rest[4 : 4 + length], _LARGEST_HEADER), "its header")
    place = 4 + length
    tensors = {}
    for entry in header["tensors"]:
        parts = []
        for size in entry["bytes"]:
            if size < 0:
                raise BadInput(f"a part of {size} bytes")
            parts.append(rest[place : place + size])
            place += size
        if not isinstance(entry["name"], str):
            raise BadInput(f"a tensor called {entry['name']!r}")
        tensors[entry["name"]] = unpack(entry, parts, tuple(entry["shape"]))
    if place != len(rest):
        raise BadInput(f"{len(rest)} bytes where the header says {place}")
    return tensors, header["card"]
