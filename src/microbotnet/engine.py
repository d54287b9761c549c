"""Run an integer program on this machine: its C, compiled once and kept; without a compiler, the interpreter.

Nothing here imports torch.
"""

import ctypes
import hashlib
import os
import tempfile
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .child import COMPILE_SECONDS, run_child, zig_caches
from .compiled import Library
from .errors import BadInput
from .integer import interpreter
from .integer.file import fingerprint
from .integer.operators import Softmax
from .integer.outputs import output_bytes, unpacked
from .integer.program import Program
from .sources import open_program

FEWEST, MOST = 16, 256  # pictures that a thread takes at a time
_LINE = 64  # bytes of the cache's

_MANY = """
#include <stddef.h>
#include "net.h"
#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC
#endif

PUBLIC extern const size_t net_arena_bytes;
PUBLIC void net_many(const net_input_t *inputs, char *outputs, void *arena, size_t count);

const size_t net_arena_bytes = NET_ARENA_BYTES;

void net_many(const net_input_t *inputs, char *outputs, void *arena, size_t count)
{
    for (; count; count--, inputs += NET_INPUT_BYTES, outputs += (NET_OUTPUT_BYTES + 3) / 4 * 4)
        net_run(inputs, (net_output_t *)(void *)outputs, arena);
}
"""


@dataclass(frozen=True)
class Network:
    """A program that can be run, from any number of threads at once.

    engine: what runs it, for people: a compiler's name, or "interpreter".
    """

    program: Program
    engine: str
    run_many: Any  # the C function, or None
    rooms: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes' names; their numbers where the program has none."""
        classes = self.program.scores.shape[0]
        return self.program.labels or tuple(str(number) for number in range(classes))

    @cached_property
    def input_shape(self) -> tuple[int, int, int]:
        """Of a picture, or of features: channels, rows, columns."""
        return self.program.tensors[self.program.input].shape

    def predict(self, pictures: NDArray[np.uint8], *, threads: int | None = None) -> NDArray[np.float32]:
        """The probability of every class, (N, classes) float32: the softmax of the scores, or what they are already.

        Args:
            pictures: (N, channels, rows, columns) uint8.
            threads: at most so many; None takes all cores.

        Raises:
            BadInput: the pictures have another shape or type.
        """
        scores = self.program.scores
        if self._ends_in_softmax:
            found = (self.scores(pictures, threads=threads).astype(np.float32) - scores.zero_point) * scores.scale
            return found.astype(np.float32)
        logits = self.scores(pictures, threads=threads) * np.float32(scores.scale)  # the zero point cancels
        odds = np.exp(logits - logits.max(1, keepdims=True))
        probabilities: NDArray[np.float32] = odds / odds.sum(1, keepdims=True)
        return probabilities

    @cached_property
    def _ends_in_softmax(self) -> bool:
        made = (operator for operator in self.program.operators if operator.output == self.program.result.name)
        return any(isinstance(operator, Softmax) for operator in made)

    def scores(self, pictures: NDArray[Any], *, threads: int | None = None) -> NDArray[Any]:
        """The one output's own numbers, of a classifier (N, classes) int16: the interpreter's, to the last bit.

        Raises:
            BadInput: see `outputs`; or there are several outputs.
        """
        self.program.result  # noqa: B018 - says how many there are
        return self.outputs(pictures, threads=threads)[0]

    def outputs(self, inputs: NDArray[Any], *, threads: int | None = None) -> tuple[NDArray[Any], ...]:
        """Every output: (N, features) where it is a list, else (N, channels, height, width), int8 or int16.

        Args:
            inputs: pictures (N, channels, height, width) uint8, or features of that shape int8, as the network takes.
            threads: at most so many; None takes all cores.

        Raises:
            BadInput: the inputs have another shape or type.
        """
        x = self.program.tensors[self.program.input]
        if inputs.dtype != x.dtype or inputs.shape[1:] != x.shape:
            raise BadInput(f"the network takes (N, {', '.join(map(str, x.shape))}) {x.dtype}, not "
                           f"{inputs.shape} {inputs.dtype}")  # fmt: skip
        if self.run_many is None:
            values = interpreter.run_all(self.program, inputs)
            return tuple(interpreter.handed_on(self.program, values, name) for name in self.program.outputs)
        return unpacked(self.program, self._raw(inputs, threads))

    def _raw(self, pictures: NDArray[Any], threads: int | None) -> NDArray[np.uint8]:
        """The buffers of the outputs, (N, bytes)."""
        if len(pictures) <= FEWEST:
            return self._run(pictures)
        threads = min(threads or os.cpu_count() or 1, -(-len(pictures) // FEWEST))
        each = min(max(-(-len(pictures) // (4 * threads)), FEWEST), MOST)
        parts = [pictures[i : i + each] for i in range(0, len(pictures), each)]
        if threads == 1:
            return np.concatenate([self._run(part) for part in parts])
        with ThreadPoolExecutor(threads) as pool:  # C runs without Python's lock
            return np.concatenate(list(pool.map(self._run, parts)))

    def _run(self, pictures: NDArray[Any]) -> NDArray[np.uint8]:
        """Outputs for at most MOST pictures."""
        try:
            room = self.rooms.room
        except AttributeError:
            room = self.rooms.room = _Room(self.program, self.run_many.arena_bytes)
        count = len(pictures)
        self.run_many(pictures.tobytes(), room.outputs_at, room.arena_at, count)
        outputs: NDArray[np.uint8] = room.outputs[:count].copy()
        return outputs


class _Room:
    """What a thread computes in. Addresses are taken once: asking an array for its own takes as long as a layer."""

    def __init__(self, program: Program, arena_bytes: int) -> None:
        self.outputs = np.zeros((MOST, -(-output_bytes(program) // 4) * 4), np.uint8)
        self.outputs_at = self.outputs.ctypes.data
        self.arena = np.zeros(arena_bytes + _LINE, np.uint8)
        self.arena_at = -(-self.arena.ctypes.data // _LINE) * _LINE


def load(source: str | Path | Program) -> Network:
    """A network that is ready to run.

    Args:
        source: a program; its file; a shipped checkpoint's name (`microbotnet weights`) or a checkpoint's file. A
            checkpoint that has no program beside it is lowered first, which needs torch.

    Raises:
        BadInput: there is no such network, or it has no integer form.

    Warns:
        RuntimeWarning: no C compiler was found or worked; the interpreter is hundreds of times slower.
    """
    program = source if isinstance(source, Program) else open_program(str(source))
    library = _library(program)
    if library is None:
        warnings.warn(
            "no C compiler works here (cc, or ziglang from pip): networks are interpreted, slowly",
            RuntimeWarning,
            stacklevel=2,
        )
        return Network(program, "interpreter", None)
    return Network(program, *library)


def _library(program: Program) -> tuple[str, Any] | None:
    """The engine's name and the C function; None where no compiler works."""

    def sources(command: Sequence[str]) -> dict[str, str]:
        from .backends.c import emit

        return emit(program, prefer=_suited(command)) | {"many.c": _MANY}

    made = Library(f"{fingerprint(program)}\n{_emitter()}", sources).load()
    if made is None:
        return None
    name, library = made
    function: Any = library.net_many
    function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_size_t]
    function.restype = None
    function.arena_bytes = ctypes.c_size_t.in_dll(library, "net_arena_bytes").value
    return name, function


def _suited(command: Sequence[str]) -> str:
    """Which kernels suit the processor that the compiler writes for: its own macros say."""
    from .backends.c.avx512 import MACROS

    words = [*command, "-dM", "-E", "-x", "c", os.devnull]
    with tempfile.TemporaryDirectory(prefix="microbotnet-") as room:
        done = run_child(words, seconds=COMPILE_SECONDS, env=zig_caches(room))
    defined = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("#define ")}
    return "avx512" if defined.issuperset(MACROS) else "vectors"


@cache
def _emitter() -> str:
    """Changes whenever the C that is written does."""
    digest = hashlib.sha256(_MANY.encode())
    for folder in (files("microbotnet.backends.c"), files("microbotnet.backends.c") / "kernels"):
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith((".c", ".py")):
                digest.update(entry.read_bytes())
    return digest.hexdigest()
