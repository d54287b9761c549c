"""A program in NumPy: every engine must give these integers, bit for bit. What an operator means, its own file says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .program import Array, Program


def run(program: Program, inputs: NDArray[Any]) -> NDArray[Any]:
    """The one output: (N, features) where it is a list, such as scores, else (N, channels, height, width).

    Its dtype is its tensor's; of scores, int16, the class is the first of the largest.

    Args:
        inputs: pictures (N, 3, H, W) uint8, or features (N, *shape) int8.

    Raises:
        BadInput: see `run_all`; or there are several outputs.
    """
    return handed_on(program, run_all(program, inputs), program.result.name)


def run_all(program: Program, inputs: NDArray[Any]) -> dict[str, Array]:
    """Every tensor by name, (N, channels, height, width) int32.

    Raises:
        BadInput: the inputs are not (N, *shape) of the dtype of the program's input.
    """
    x = program.tensors[program.input]
    if inputs.dtype != x.dtype or inputs.shape[1:] != x.shape:
        raise BadInput(f"the program takes (N, {', '.join(map(str, x.shape))}) {x.dtype}, not {inputs.shape} "
                       f"{inputs.dtype}")  # fmt: skip
    values = {program.input: inputs.astype(np.int32)}
    for operator in program.operators:
        read, output = program.of(operator)
        values[operator.output] = operator.compute([values[name] for name in operator.inputs], read, output)
    return values


def handed_on(program: Program, values: dict[str, Array], name: str) -> NDArray[Any]:
    """An output as the caller gets it: in its dtype, a list without height and width."""
    tensor = program.tensors[name]
    found = values[name].astype(tensor.dtype)
    return found[:, :, 0, 0] if tensor.shape[1:] == (1, 1) else found
