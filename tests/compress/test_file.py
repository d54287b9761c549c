"""One file: it comes back bit for bit, and no damage passes."""

import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from microbotnet import BadInput
from microbotnet.compress.file import read_compressed, write_compressed

CARD = {"architecture": {"name": "mine"}, "note": "×"}


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    random = np.random.default_rng(0)
    return {
        "conv.weight": random.choice([0, 0, 0, 0.5, -0.25], (8, 3, 3, 3)).astype(np.float32),
        "norm.running_var": random.random(8).astype(np.float32),
        "linear.weight": random.choice([-1, 1], (10, 8)).astype(np.float32),
        "scalar": np.array(3.5, np.float32),
        "counter": np.array([7]),
    }


def test_it_comes_back_bit_for_bit(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]
    sizes = write_compressed(tmp_path / "a.mbz", tensors | {"norm.num_batches_tracked": np.array(5)}, CARD)
    assert sum(sizes.values()) == (tmp_path / "a.mbz").stat().st_size
    again, card = read_compressed(tmp_path / "a.mbz")
    assert card == CARD
    assert list(again) == list(tensors)
    for name, values in tensors.items():
        assert again[name].dtype == values.dtype
        assert again[name].shape == values.shape
        assert again[name].tobytes() == values.tobytes()


def test_every_truncation_and_every_altered_byte_is_refused(
    tmp_path: Path,
    tensors: dict[str, np.ndarray],  # type: ignore[type-arg]
) -> None:
    file = tmp_path / "a.mbz"
    write_compressed(file, tensors, CARD)
    content = file.read_bytes()
    for size in range(len(content)):
        file.write_bytes(content[:size])
        with pytest.raises(BadInput, match=r"a\.mbz: "):
            read_compressed(file)
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        with pytest.raises(BadInput, match=r"a\.mbz: "):
            read_compressed(file)
    file.write_bytes(content + b"\0")
    with pytest.raises(BadInput, match="truncated or altered"):
        read_compressed(file)


def test_other_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "a.mbz"
    file.write_bytes(b"PK\x03\x04 a zip")
    with pytest.raises(BadInput, match="no compressed checkpoint"):
        read_compressed(file)
    file.write_bytes(b"MBZ\x02")
    with pytest.raises(BadInput, match="format 02, but only 01"):
        read_compressed(file)
    with pytest.raises(BadInput, match="cannot be read"):
        read_compressed(tmp_path / "absent.mbz")


@pytest.mark.parametrize(
    "header",
    [
        b"not deflated",
        zlib.compress(b"{"),
        zlib.compress(b"[]"),
        zlib.compress(json.dumps({"card": {}, "tensors": [{"name": "w"}]}).encode()),
        zlib.compress(json.dumps({"card": {}, "tensors": [{"name": "w", "shape": [1], "bytes": [-4]}]}).encode()),
        zlib.compress(b'{"card": {}, "tensors": 1' + b" " * 10**6),
        zlib.compress(b"[" * 10**5),
        zlib.compress(b'{"card": {"a": 1e999}, "tensors": []}'),
        zlib.compress(b'{"card": {}, "tensors": [{"name": "w", "shape": [1], "bytes": [Infinity]}]}'),
        zlib.compress(
            b'{"card": {}, "tensors": [{"name": 3, "shape": [0], "bytes": [0], "way": "plain", "dtype": "int8", '
            b'"stored": "int8"}]}'
        ),
    ],
)
def test_a_right_checksum_around_nonsense_is_refused(tmp_path: Path, header: bytes) -> None:
    rest = struct.pack("<I", len(header)) + header
    (tmp_path / "a.mbz").write_bytes(b"MBZ\x01" + hashlib.blake2b(rest, digest_size=16).digest() + rest)
    with pytest.raises(BadInput, match="not written by microbotnet"):
        read_compressed(tmp_path / "a.mbz")
