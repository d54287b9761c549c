"""C++ compiled by the zig that comes as a package, loaded as a library."""

import ctypes
import sys
from pathlib import Path

from ..child import run_child
from ..errors import Failed

_LONGEST = 1800  # seconds


def compile_library(source: Path, *options: str) -> ctypes.CDLL:
    """The C++ file as a loaded library, beside it.

    Raises:
        Failed: the compiler failed, or did not end.
    """
    library = source.with_suffix(".so")
    command = [sys.executable, "-m", "ziglang", "c++", "-std=c++17", "-fno-sanitize=all", "-g0", "-shared", "-fPIC",
               "-Wno-everything", *options, "-o", str(library), str(source)]  # fmt: skip
    made = run_child(command, seconds=_LONGEST, name="zig c++")
    if made.returncode:
        raise Failed(f"{source.name} cannot be compiled: {made.stderr.strip()[-500:]}")
    return ctypes.CDLL(str(library))
