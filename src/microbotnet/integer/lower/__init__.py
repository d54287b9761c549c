"""From a network of PyTorch whose activations are quantized to the integer program that computes the same.

Each file holds the operators of one kind; `lowering.py`, what they have in common.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

from torch import nn

from ...errors import BadInput
from ...quant.activations import NAME, ActivationQuantizers
from .. import ranges
from ..program import Program
from .lowering import Lowering

for _file in iter_modules(__path__):  # each says which operators it lowers
    import_module(f"{__name__}.{_file.name}")


def lower(
    model: nn.Module,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    *,
    input_shape: Sequence[int] = (3, 32, 32),
    labels: Sequence[str] = (),
    source: dict[str, str] | None = None,
) -> Program:
    """The integer program of `model`, proven to need no more than 32 bits.

    Batch norms of running statistics fold into the multipliers and offsets of the layer before; kernels of
    {−1, 0, +1} times a scale are recognised from their values, all others are rounded to 8 bits for each output
    channel. Each operator's output differs from the rounded network's, on the same inputs, by at most one unit.

    Args:
        model: with `quant.activations.quantize_activations`, its ranges trained or calibrated.
        mean, std: of each channel of the pictures, on the scale 0…1; the program takes them as uint8. None where the
            input is features: the program takes them as int8, with the scale of its input tensor.
        input_shape: of one input: channels, height, width; channels, length; or features.
        labels: the classes' names. source: where the network came from, for people.

    Raises:
        BadInput: the activations are not quantized; an operator that has no integer form (it is named, with its
            place in the network's code).
    """
    quantizers = getattr(model, NAME, None)
    if not isinstance(quantizers, ActivationQuantizers):
        raise BadInput("the network's activations are not quantized; see quantize_activations and calibrate")
    program = Lowering(model, quantizers, tuple(input_shape), mean, std).run()
    if labels and len(labels) != program.result.shape[0]:
        count = program.result.shape[0]
        raise BadInput(f"{len(labels)} labels for a network with {count} outputs")
    program = replace(program, labels=tuple(labels), source=dict(source or {}))
    ranges.check(program)
    return program
