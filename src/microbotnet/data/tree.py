"""Read files by their names from a folder or straight from a zip archive, which is never unpacked."""

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from ..errors import BadInput
from ..preprocessing import is_left_behind

MAX_BYTES = 16 << 20
"""Of one file: what claims to be larger is no small picture or list of them."""


class Tree(Protocol):
    """Files by their names, which are relative, with slashes."""

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""

    def read(self, name: str) -> bytes:
        """The content of a file; BadInput if it cannot be read whole."""

    def names(self, folder: str) -> list[str]:
        """The names of the files straight in a folder, but hidden ones; none if there is no such folder."""


@contextmanager
def open_tree(source: Path, marker: str) -> Iterator[Tree]:
    """The files of a folder or zip archive; names begin where `marker` is found, at the top or one folder below.

    Raises:
        BadInput: nothing is there, it is no archive or was cut short, a path in it climbs out, or `marker` is missing.
    """
    if source.is_dir():
        below = sorted(path for path in source.iterdir() if path.is_dir() and not is_left_behind(path.name))
        for root in (source, *below):
            if (root / marker).is_file():
                yield _Folder(root)
                return
        raise BadInput(f"{source}: {marker} is not in it")
    if not source.exists():
        raise BadInput(f"{source}: no such file or folder")
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error) as error:
        raise BadInput(f"{source}: cut short, or no zip archive ({error})") from None
    with archive:
        yield _Archive(archive, source, marker)


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    def read(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise BadInput(f"{self.root / name}: cannot be read ({error.strerror})") from None

    def names(self, folder: str) -> list[str]:
        place = self.root / folder
        files = (path.name for path in place.iterdir() if path.is_file()) if place.is_dir() else ()
        return [f"{folder}/{name}" for name in files if not is_left_behind(name)]


class _Archive:
    def __init__(self, archive: zipfile.ZipFile, source: Path, marker: str) -> None:
        self.archive, self.source = archive, source
        self.members = {
            member.filename: member for member in archive.infolist() if not f"/{member.filename}".endswith("/")
        }
        for name in self.members:
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or ":" in path.as_posix().partition("/")[0]:
                raise BadInput(f"{source}: the path {name!r} in it climbs out of the folder; nothing was taken from it")
        found = [
            name
            for name in self.members
            if name == marker or (name.partition("/")[2] == marker and not is_left_behind(name.partition("/")[0]))
        ]
        if not found:
            raise BadInput(f"{source}: {marker} is not in it")
        self.root = found[0].removesuffix(marker)
        self.folders: dict[str, list[str]] = {}
        for name in self.members:
            if name.startswith(self.root) and not is_left_behind(PurePosixPath(name).name):
                inside = name.removeprefix(self.root)
                self.folders.setdefault(inside.rpartition("/")[0], []).append(inside)

    def has(self, name: str) -> bool:
        return self.root + name in self.members

    def read(self, name: str) -> bytes:
        member = self.members[self.root + name]
        if member.file_size > MAX_BYTES:
            raise BadInput(f"{self.source}: {name}: {member.file_size:,} bytes, more than a small picture has")
        try:
            return self.archive.read(member)
        except Exception as error:  # damage meets the reader with every kind of exception
            raise BadInput(f"{self.source}: {name}: damaged in the archive ({error})") from None

    def names(self, folder: str) -> list[str]:
        return self.folders.get(folder, [])
