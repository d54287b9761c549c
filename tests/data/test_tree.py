"""Archives whose insides are damaged or odd end in one line, whatever the reader of zips makes of them."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from microbotnet import BadInput, Failed
from microbotnet.data.fetch import unpack
from microbotnet.data.tree import open_tree
from microbotnet.integer.features import read_array


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/wnids.txt", "n0\n" * 100)
    return stream.getvalue()


def opened(path: Path) -> bytes:
    with open_tree(path, "wnids.txt") as tree:
        return tree.read("wnids.txt")


def test_every_changed_byte_of_a_zip_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    path, content = tmp_path / "a.zip", zipped()
    path.write_bytes(content)
    right, refused = opened(path), 0
    for at in range(len(content)):
        for bit in (1, 0x80, 0xFF):
            path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
            try:
                assert opened(path) == right
            except BadInput as error:
                refused += "\n" not in str(error)
    assert refused > len(content)


def test_a_zip_with_a_file_without_a_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("wnids.txt", "n0")
        archive.writestr(".", "nothing")
        archive.writestr(zipfile.ZipInfo("\0"), "nothing")
    assert opened(tmp_path / "a.zip") == b"n0"


def test_a_damaged_tar_is_one_line(tmp_path: Path) -> None:
    path, stream = tmp_path / "a.tar.gz", io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo("a.bin")
        info.size = 1000
        archive.addfile(info, io.BytesIO(bytes(1000)))
    content = stream.getvalue()
    for at in range(len(content) // 3):
        path.write_bytes(content[:at])
        with pytest.raises(Failed, match=r"\A.*damaged.*\Z") as found:
            unpack(path, ["a.bin"], tmp_path / "to")
        assert "\n" not in str(found.value)


@pytest.mark.parametrize("header", [b"{'descr': '|i1', 'fortran_order': (", b"\xff" * 40, b"{" * 60, b"1" * 60])
def test_an_array_with_an_odd_header_is_one_line(header: bytes, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3, np.int8))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:10] + header.ljust(117) + b"\n" + content[128:])
    with pytest.raises(BadInput, match=r"a\.npy: is no \.npy file"):
        read_array(tmp_path / "a.npy")
