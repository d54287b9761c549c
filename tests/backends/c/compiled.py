"""A program compiled on this machine, as a function of pictures."""

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microbotnet.backends.c import emit
from microbotnet.integer.program import Program

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
Pictures = np.ndarray[Any, np.dtype[np.uint8]]


def compiler(name: str) -> list[str]:
    """The command; skips the test where it is absent."""
    if name == "zig":
        if find_spec("ziglang") is None:
            pytest.skip("ziglang is not installed")
        return [sys.executable, "-m", "ziglang", "cc"]
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return [name]


def write(program: Program, folder: Path, **options: Any) -> dict[str, str]:
    """The emitted files, also in `folder`."""
    sources = emit(program, **options)
    for name, text in sources.items():
        (folder / name).write_text(text)
    return sources


def compiled(
    program: Program, folder: Path, command: list[str], **options: Any
) -> Callable[[Pictures], np.ndarray[Any, np.dtype[np.int16]]]:
    """Pictures to scores, picture by picture, in an arena of exactly the promised bytes."""
    sources = write(program, folder, **options)
    library = folder / "net.so"
    subprocess.run([*command, *STRICT, "-O1", "-shared", "-fPIC", folder / "net.c", "-o", library], check=True)
    run = ctypes.CDLL(str(library)).net_run
    pointer = np.ctypeslib.ndpointer
    run.argtypes = [pointer(np.uint8), pointer(np.int16), pointer(np.uint32)]
    run.restype = None
    arena = np.full(int(sources["net.h"].split("NET_ARENA_BYTES ")[1].split()[0]) // 4, 0xA5A5A5A5, np.uint32)
    classes = program.tensors[program.output].shape[0]

    def scores(pictures: Pictures) -> np.ndarray[Any, np.dtype[np.int16]]:
        found = np.empty((len(pictures), classes), np.int16)
        for picture, row in zip(pictures, found, strict=True):
            run(picture, row, arena)
        return found

    return scores
