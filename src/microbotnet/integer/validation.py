"""Whether a program's operators, arrays and tensors fit one another: what an engine may rely on without looking."""

import numpy as np

from ..errors import BadInput
from .program import LIMITS, Program, Tensor

_LARGEST = 2**16  # of a side or a number of channels


class _Contradiction(Exception):
    """What does not fit."""


def demand(holds: bool | np.bool_, otherwise: str) -> None:
    """Refuse the operator or tensor that is being looked at, for this reason."""
    if not holds:
        raise _Contradiction(otherwise)


def check_consistent(program: Program) -> None:
    """Look at every name, shape, dtype and stated range.

    Raises:
        BadInput: something contradicts something else; it names the operator or tensor.
    """
    place = "the program"
    try:
        for name, tensor in program.tensors.items():
            place = f"tensor {name}"
            _check_tensor(name, tensor)
        place = "the program"
        demand(program.input in program.tensors, "its input is not one of its tensors")
        demand(program.tensors[program.input].dtype in ("uint8", "int8"), "its input must be uint8 or int8")
        made = {program.input}
        for operator in program.operators:
            place = f"operator {operator.name}"
            demand(all(name in made for name in operator.inputs), "reads what has not been made")
            demand(operator.output in program.tensors, "makes what is not one of the program's tensors")
            demand(operator.output not in made, "makes what is there already")
            made.add(operator.output)
            inputs, output = program.of(operator)
            for x in inputs:
                demand(x.dtype in operator.reads, f"reads {x.dtype}")
            demand(output.dtype in operator.makes, f"makes {output.dtype}")
            listed = output.name in program.outputs and output.shape[1:] == (1, 1)
            demand(output.dtype == "int8" or listed, f"makes {output.dtype}, but no list that is an output")
            shape, low, high = operator.made(inputs, output)
            demand(shape == output.shape, f"makes {shape}, not {output.shape}")
            demand(output.low <= low and high <= output.high, f"makes {low}…{high}, outside its output's range")
        place = "the program"
        demand(made == set(program.tensors), "some tensor is made by no operator")
        demand(bool(program.outputs) and bool(program.operators), "has no output")
        demand(len(set(program.outputs)) == len(program.outputs), "has an output twice")
        demand(program.input not in program.outputs, "its input is an output")
        demand(all(name in made for name in program.outputs), "its output is made by no operator")
        if program.labels:
            classes = program.tensors[program.outputs[0]].shape[0]
            demand(len(program.outputs) == 1, "has labels and several outputs")
            demand(len(program.labels) == classes, f"{len(program.labels)} labels for {classes} classes")
    except _Contradiction as error:
        raise BadInput(f"{place}: {error}") from None


def _check_tensor(name: str, tensor: Tensor) -> None:
    demand(tensor.name == name, f"is called {tensor.name}")
    demand(tensor.dtype in LIMITS, f"has dtype {tensor.dtype}")
    demand(len(tensor.shape) == 3 and all(1 <= n <= _LARGEST for n in tensor.shape), f"has shape {tensor.shape}")
    least, most = LIMITS[tensor.dtype]
    demand(least <= tensor.low <= tensor.high <= most, f"has the range {tensor.low}…{tensor.high}")
    demand(least <= tensor.zero_point <= most, f"has the zero point {tensor.zero_point}")
    demand(0 < tensor.scale < float("inf"), f"has the scale {tensor.scale}")
