"""From a module of one's own to its integer program, in one call."""

import warnings
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.augment import Batches, contiguous
from ..errors import BadInput
from ..quant.activations import quantize_activations, unrounded
from ..quant.bias_correction import correct_biases
from ..quant.calibration import calibrate
from ..training.state import check_values
from .lower import lower
from .program import Program

_BATCH = 250  # inputs, so that a large calibration needs little memory
_OTHERS = 0.1  # of the answers, which may be others without a word


def to_program(
    model: nn.Module,
    inputs: NDArray[Any],
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    labels: Sequence[str] = (),
    bits: int = 8,
) -> Program:
    """Quantize a trained network after training, and lower it.

    In one call: `quantize_activations`, `calibrate`, `correct_biases` and `lower`.

    Weights become 8 bits with a scale for each output channel (ternary kernels keep their three values), activations
    8 bits with one scale a tensor, sums 32 bits: Jacob et al. 2017 (arXiv 1712.05877), with ranges of the least mean
    squared error.

    Args:
        model: any module of one (N, …) float32 input; its weights are those of its eval mode. It is left as it was.
        inputs: what sets the ranges, a few hundred or thousand: pictures, (N, C, H, W) uint8, which the network sees as
            (p / 255 − mean) / std; or features as the network takes them, (N, …) float32.
        mean, std: of each channel of the pictures; None is 0 and 1.
        labels: the classes' names, as many as there are outputs.
        bits: of the activations, 8 or 4.

    Returns:
        A program that takes pixels, uint8, or features, int8 = round(x / scale) + zero_point of its input tensor.

    Raises:
        BadInput: the inputs are of another dtype, or of a shape that the network cannot take; an operator that has no
            integer form (with the line of the network's code); weights or values that are NaN or infinite.
    """
    check_values(model.state_dict(), type(model).__name__)
    copy = contiguous(deepcopy(model).eval())
    set_ranges(copy, inputs, mean, std, bits=bits)
    features = inputs.dtype != np.uint8
    channels = inputs.shape[1]
    seen = (None, None) if features else (mean or (0.0,) * channels, std or (1.0,) * channels)
    return lower(copy, *seen, input_shape=inputs.shape[1:], labels=labels)


def set_ranges(
    model: nn.Module,
    inputs: NDArray[Any],
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    *,
    bits: int = 8,
) -> None:
    """Put quantizers on the activations of `model`, in place, with ranges and biases from `inputs`; see `to_program`.

    Warns:
        UserWarning: the rounded network names another class for more than a tenth of the first inputs.
    """
    if not isinstance(inputs, np.ndarray) or inputs.dtype not in (np.uint8, np.float32) or inputs.ndim < 2:
        found = f"{inputs.shape} {inputs.dtype}" if isinstance(inputs, np.ndarray) else type(inputs).__name__
        raise BadInput(f"inputs must be an array (N, …), uint8 for pictures or float32 for features, not {found}")
    if inputs.dtype == np.uint8 and inputs.ndim != 4:
        raise BadInput(f"pictures are (N, C, H, W) uint8, not {inputs.shape}; give features as float32")
    if not inputs.size:
        raise BadInput(f"inputs of shape {inputs.shape} hold nothing to set ranges with; give a hundred or more")
    quantizers = quantize_activations(model, bits, inputs.shape[1:])
    first = next(_batches(inputs, mean, std))
    quantizers.watch = unrounded
    real = _answers(model, first)
    calibrate(model, _batches(inputs, mean, std))
    correct_biases(model, _batches(inputs, mean, std))
    others = float((_answers(model, first) != real).double().mean())
    if others > _OTHERS:
        warnings.warn(
            f"rounded to {bits} bits the network names another class for {100 * others:.0f} % of {len(first)} inputs; "
            f"train it on for a few epochs with its activations rounded: microbotnet train settle --from FILE "
            f"--activations {bits}",
            stacklevel=3,
        )


def _answers(model: nn.Module, inputs: Tensor) -> Tensor:
    """The first class of each input, (N,) int64, in eval mode; of what is no classifier zeros."""
    training = model.training
    with torch.no_grad():
        found = model.eval()(inputs)
    model.train(training)
    scores = isinstance(found, Tensor) and found.ndim == 2 and found.shape[1:] != inputs.shape[1:]  # no autoencoder
    return found.argmax(1) if scores else torch.zeros(len(inputs), dtype=torch.long)


def _batches(inputs: NDArray[Any], mean: Sequence[float] | None, std: Sequence[float] | None) -> Iterator[Tensor]:
    """The inputs as the network takes them."""
    whole = torch.from_numpy(np.ascontiguousarray(inputs))
    if inputs.dtype == np.uint8:
        channels = inputs.shape[1]
        given = [tuple(values or default * channels) for values, default in ((mean, (0.0,)), (std, (1.0,)))]
        if any(len(values) != channels for values in given):
            raise BadInput(f"the pictures have {channels} channels; mean and std need as many numbers")
        batches = Batches(whole, *given)
    for index in torch.split(torch.arange(len(whole)), _BATCH):
        yield batches.take(index) if inputs.dtype == np.uint8 else whole[index]
