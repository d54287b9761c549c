"""How a program's outputs lie in the one buffer that the caller gives: one after the other, each at a multiple of 4."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .interpreter import handed_on
from .program import ELEMENT_BYTES, Array, Program

_ALIGNMENT = 4


def places(program: Program) -> dict[str, int]:
    """The byte at which each output begins."""
    found, at = {}, 0
    for name in program.outputs:
        found[name] = at
        tensor = program.tensors[name]
        at += -(-prod(tensor.shape) * ELEMENT_BYTES[tensor.dtype] // _ALIGNMENT) * _ALIGNMENT
    return found


def output_bytes(program: Program) -> int:
    """Bytes of the buffer."""
    last = program.tensors[program.outputs[-1]]
    return places(program)[last.name] + prod(last.shape) * ELEMENT_BYTES[last.dtype]


def packed(program: Program, values: dict[str, Array]) -> NDArray[np.uint8]:
    """The buffer of each picture, (N, bytes), as an engine leaves it, from what `interpreter.run_all` gave."""
    count = len(values[program.outputs[0]])
    made = np.zeros((count, output_bytes(program)), np.uint8)
    for name, at in places(program).items():
        found = np.ascontiguousarray(handed_on(program, values, name))
        raw = found.astype(found.dtype.newbyteorder("<")).reshape(count, prod(found.shape[1:])).view(np.uint8)
        made[:, at : at + raw.shape[1]] = raw
    return made


def unpacked(program: Program, raw: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
    """Every output, as `interpreter.run` gives one, of buffers (N, bytes)."""
    found = []
    for name, at in places(program).items():
        tensor = program.tensors[name]
        size = prod(tensor.shape) * ELEMENT_BYTES[tensor.dtype]
        values = np.ascontiguousarray(raw[:, at : at + size]).view(np.dtype(tensor.dtype).newbyteorder("<"))
        shape = tensor.shape[:1] if tensor.shape[1:] == (1, 1) else tensor.shape
        found.append(values.astype(tensor.dtype).reshape(len(raw), *shape))
    return tuple(found)
