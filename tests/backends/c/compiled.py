"""Programs compiled on this machine, as functions of pictures."""

import ctypes
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microbotnet.backends.c import emit
from microbotnet.backends.c.kernel_call import KernelCall
from microbotnet.engine import _suited
from microbotnet.integer.outputs import output_bytes, unpacked
from microbotnet.integer.program import Program

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
GUARD = 0xA5A5A5A5


def take_only(wanted: Callable[[KernelCall], bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a layer that has wanted forms has no others."""
    module = import_module("microbotnet.backends.c.emit")
    choose = module.choose

    def only(candidates: list[list[KernelCall]], prefer: str, more: int) -> list[KernelCall]:
        return choose([[f for f in forms if wanted(f)] or forms for forms in candidates], prefer, more)

    monkeypatch.setattr(module, "choose", only)


def compiler(name: str) -> list[str]:
    """The command; skips the test where it is absent."""
    if name == "zig":
        if find_spec("ziglang") is None:
            pytest.skip("ziglang is not installed")
        return [sys.executable, "-m", "ziglang", "cc"]
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return [name]


def compiler_for(name: str, prefer: str) -> list[str]:
    """With the flags that the kernels need; skips the test on a processor that has not the instructions."""
    command = compiler(name)
    if prefer != "avx512":
        return command
    if _suited([*command, "-march=native"]) != "avx512":
        pytest.skip("this processor has no AVX-512 VNNI and VBMI")
    return [*command, "-march=native"]


class Compiled:
    """Programs in one library; arenas have exactly the promised bytes, behind which nothing may be written.

    An optimizer sees every fourth: what the C means does not depend on it, and it takes most of a compiler's time.
    """

    def __init__(self, programs: Sequence[Program], folder: Path, command: list[str], **options: Any) -> None:
        self.programs, self.arenas = programs, []
        for number, program in enumerate(programs):
            sources = emit(program, name=f"net{number}", **options)
            for name, text in sources.items():
                (folder / name).write_text(text)
            sizes = re.findall(r"_(?:ARENA|BEYOND)_BYTES (\d+)", sources[f"net{number}.h"])
            self.arenas.append([np.full(int(size) // 4 + 16, GUARD, np.uint32) for size in sizes])
        for number in range(len(programs)):
            words = [*STRICT, "-O0" if number % 4 else "-O1", "-fPIC", "-c", f"net{number}.c"]
            subprocess.run([*command, *words], cwd=folder, check=True)
        objects = [f"net{number}.o" for number in range(len(programs))]
        subprocess.run([*command, "-shared", *objects, "-o", "nets.so"], cwd=folder, check=True)
        self.library = ctypes.CDLL(str(folder / "nets.so"))

    def outputs(self, number: int, pictures: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        """All outputs, picture by picture."""
        program, arenas = self.programs[number], self.arenas[number]
        run = getattr(self.library, f"net{number}_run")
        pointer, size = np.ctypeslib.ndpointer, output_bytes(program)
        run.argtypes, run.restype = [pointer(pictures.dtype), *[pointer(np.uint32)] * (1 + len(arenas))], None
        found = []
        for picture in pictures:
            buffer = np.full(-(-size // 4) + 4, GUARD, np.uint32)
            run(np.require(picture, requirements="CA"), buffer, *arenas)
            found.append(buffer.view(np.uint8)[:size])
            assert (buffer[-4:] == GUARD).all()
        assert all((arena[-16:] == GUARD).all() for arena in arenas)
        return unpacked(program, np.stack(found))

    def scores(self, number: int, pictures: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, Any]:
        """(N, classes) int16, picture by picture."""
        (found,) = self.outputs(number, pictures)
        return found
