"""C libraries made on the user's machine, once, and kept in the cache.

Nothing here imports torch.
"""

import ctypes
import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from .atomic import cache_folder, temporary_folder, write_atomically
from .child import COMPILE_SECONDS, run_child, zig_caches
from .errors import Failed

_SUFFIX = ".dll" if sys.platform == "win32" else ".so"


class Library:
    """One library: in the user's cache, or made there.

    Its name ends in its own SHA-256, so that one that was cut short or altered is never loaded: reading behind a
    library's end stops the process.

    Args:
        what: changes whenever the sources do. options: of the compiler.
        sources: from a compiler's command to files' names and texts.
    """

    def __init__(
        self, what: str, sources: Callable[[Sequence[str]], Mapping[str, str]], options: Sequence[str] = ()
    ) -> None:
        self.sources, self.options = sources, options
        key = "\n".join([what, *options, platform.machine(), _processor()])
        self.key = hashlib.sha256(key.encode()).hexdigest()[:32]

    def load(self) -> tuple[str, ctypes.CDLL] | None:
        """The compiler's name and the library; None where no compiler works."""
        for name, command in _compilers():
            try:
                path = self._kept(name) or self._compile(name, command)
                return name, ctypes.CDLL(str(path))
            except (Failed, OSError):  # no such compiler, none that makes a library, none that can be loaded
                continue
        return None

    def _kept(self, name: str) -> Path | None:
        """The library that is in the cache, if it is whole; those that are not are removed."""
        for path in sorted(_folder().glob(f"{self.key}-{name}-*{_SUFFIX}")):
            if path.name == self._file(name, path.read_bytes()):
                return path
            path.unlink(missing_ok=True)
        return None

    def _file(self, name: str, content: bytes) -> str:
        return f"{self.key}-{name}-{hashlib.sha256(content).hexdigest()[:32]}{_SUFFIX}"

    def _compile(self, name: str, command: Sequence[str]) -> Path:
        """The library, made and kept."""
        sources = self.sources(command)
        with tempfile.TemporaryDirectory(prefix="microbotnet-") as room:
            for file, text in sources.items():
                (Path(room) / file).write_text(text, "utf-8")
            made = Path(room) / f"made{_SUFFIX}"
            files = [file for file in sources if file.endswith(".c")]
            words = [*command, "-std=c99", "-O3", *self.options, "-shared", "-o", str(made), *files]
            done = run_child(words, seconds=COMPILE_SECONDS, cwd=room, env=zig_caches(room))
            if done.returncode or not made.is_file():
                raise Failed(f"{name} made no library")
            content = made.read_bytes()
        path = _folder() / self._file(name, content)
        try:
            write_atomically(path, content)
        except Failed:  # a full disk
            path = Path(tempfile.mkdtemp(dir=temporary_folder())) / path.name  # one that is loaded is never written to
            path.write_bytes(content)
        return path


def _compilers() -> Iterator[tuple[str, list[str]]]:
    native = ["-march=native", "-fPIC"] if sys.platform != "win32" else ["-march=native"]
    system = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if system and shutil.which(system):
        yield Path(system).name, [system, *native]
    if importlib.util.find_spec("ziglang") is not None:
        yield "zig", [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=all", *native]


def _folder() -> Path:
    return cache_folder("compiled")


@cache
def _processor() -> str:
    """Libraries are made for the very processor; a cache on a shared disk may be seen by several."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(next((line for line in lines if line.startswith(key)), "") for key in ("model name", "flags"))
