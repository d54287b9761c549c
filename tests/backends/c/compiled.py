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
    """Programs as libraries; arenas have exactly the promised bytes, behind which nothing may be written.

    The compiler reads them all and optimizes every fourth: what the C means does not depend on it, and it takes most
    of its time. So tcc makes the code of the others, in a fiftieth of the time, where it is installed and can.
    """

    def __init__(self, programs: Sequence[Program], folder: Path, command: list[str], **options: Any) -> None:
        self.programs, self.arenas, self.libraries = programs, [], []
        quick = len(command) == 1 and options.get("prefer") != "vectors" and shutil.which("tcc") is not None
        for number, program in enumerate(programs):
            name = f"net{number}"
            sources = emit(program, name=name, **options)
            for file, text in sources.items():
                (folder / file).write_text(text)
            sizes = re.findall(r"_(?:ARENA|BEYOND)_BYTES (\d+)", sources[f"{name}.h"])
            self.arenas.append([np.full(int(size) // 4 + 16, GUARD, np.uint32) for size in sizes])
            library = ["-shared", "-fPIC", f"{name}.c", "-o", f"{name}.so"]
            if quick and number % 4:
                subprocess.run([*command, *STRICT, "-fsyntax-only", f"{name}.c"], cwd=folder, check=True)
                subprocess.run(["tcc", "-std=c99", *library], cwd=folder, check=True)
            else:
                level = "-O0" if number % 4 else "-O1"
                subprocess.run([*command, *STRICT, level, *library], cwd=folder, check=True)
            self.libraries.append(ctypes.CDLL(str(folder / f"{name}.so")))

    def outputs(self, number: int, pictures: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        """All outputs, picture by picture."""
        program, arenas = self.programs[number], self.arenas[number]
        run = getattr(self.libraries[number], f"net{number}_run")
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
