"""C++ compiled and loaded as a library: by a compiler of the machine, else by the zig that comes as a package.

zig builds its own C++ library before it compiles its first file, which takes two minutes of one core.
"""

import ctypes
import os
import shutil
import sys
from pathlib import Path

from ..child import run_child, zig_caches
from ..errors import Failed

_LONGEST = 1800  # seconds


def compile_library(source: Path, *options: str) -> ctypes.CDLL:
    """The C++ file as a loaded library, beside it.

    Raises:
        Failed: the compiler failed, or did not end.
    """
    library = source.with_suffix(".so")
    found = os.environ.get("CXX") or shutil.which("clang++") or shutil.which("c++") or shutil.which("g++")
    if found and shutil.which(found):
        compiler = [found]
    else:
        found, compiler = "zig c++", [sys.executable, "-m", "ziglang", "c++", "-fno-sanitize=all"]
    options = "-std=c++17", "-g0", "-shared", "-fPIC", "-w", *options
    command = [*compiler, *options, "-o", str(library), str(source)]
    made = run_child(command, seconds=_LONGEST, name=found, env=zig_caches(source.parent))
    if made.returncode:
        raise Failed(f"{source.name} cannot be compiled by {found}: {made.stderr.strip()[-500:]}")
    return ctypes.CDLL(str(library))
