"""A digest in the file itself: every changed byte is seen, and the arrays are read as ever."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from microbotnet.sealed import UNSEALED, read_sealed, sealed

ARRAYS = {"a": np.arange(6, dtype=np.int16), "b": np.ones((2, 2), np.float32)}


def test_every_changed_byte_is_seen(tmp_path: Path) -> None:
    path, content = tmp_path / "a.safetensors", sealed(save(ARRAYS, {"what": "numbers"} | UNSEALED))
    path.write_bytes(content)
    assert load(read_sealed(path))["a"].tolist() == ARRAYS["a"].tolist()
    for at in range(8, len(content)):
        for changed in (
            content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :],
            content[:at] + content[at:][:1] + content[at:],
        ):
            path.write_bytes(changed)
            with pytest.raises(ValueError, match=r"its checksum is not that of its contents|it holds no checksum"):
                read_sealed(path)


@pytest.mark.parametrize("size", [0, 7, 8, 60, 120])
def test_what_is_cut_short_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"\xff" * 8 + bytes(112) if size == 120 else sealed(save(ARRAYS, UNSEALED))[:size])
    with pytest.raises(ValueError, match="it holds no checksum"):
        read_sealed(path)


def test_a_file_without_a_digest_is_refused_and_cannot_be_sealed(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save(ARRAYS))
    with pytest.raises(ValueError, match="it holds no checksum"):
        read_sealed(path)
    with pytest.raises(ValueError, match="no place for a digest"):
        sealed(save(ARRAYS))
