"""C++ compiled by the zig that comes as a package, loaded as a library."""

import ctypes
import subprocess
import sys
from pathlib import Path

from ..errors import Failed


def compile_library(source: Path, *options: str) -> ctypes.CDLL:
    """The C++ file as a loaded library, beside it.

    Raises:
        Failed: the compiler failed.
    """
    library = source.with_suffix(".so")
    command = [sys.executable, "-m", "ziglang", "c++", "-std=c++17", "-fno-sanitize=all", "-shared", "-fPIC",
               "-Wno-everything", *options, "-o", str(library), str(source)]  # fmt: skip
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    if made.returncode:
        raise Failed(f"{source.name} cannot be compiled: {made.stderr.strip()[-500:]}")
    return ctypes.CDLL(str(library))
