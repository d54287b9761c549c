"""Files that are whole or not there, and the folder for what can be made again."""

import atexit
import errno
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from .errors import Failed


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader, or a crash, finds the old file or the new one, never half of it.

    Raises:
        Failed: the disk is full or the folder cannot be written; what stood at `path` is untouched.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Failed(f"{path}: the disk is full; free some space and run the same command again") from None
        raise Failed(f"{path}: cannot write: {error.strerror or error}") from None


def cache_folder(*names: str) -> Path:
    """A folder in the user's cache for this package; where it cannot be written, in `temporary_folder`."""
    import platformdirs

    return _usable(Path(platformdirs.user_cache_dir("microbotnet")), names)


@cache
def _usable(root: Path, names: tuple[str, ...]) -> Path:
    folder = root.joinpath(*names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        folder = temporary_folder().joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@cache
def temporary_folder() -> Path:
    """One that is removed when the process ends."""
    made = tempfile.mkdtemp(prefix="microbotnet-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)
