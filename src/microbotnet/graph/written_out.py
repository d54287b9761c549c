"""Functions of torch that are written out in simpler ones, so that every reader knows what they are made of.

A chip has no gated linear unit; it has a slice, a sigmoid and a product, each with a rounding of its own.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor


def _glu(input: Tensor, dim: int = -1) -> Tensor:
    """arXiv 1612.08083: the first half times the sigmoid of the second."""
    value, gate = input.chunk(2, dim)
    return value * torch.sigmoid(gate)


def _addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    product = tensor1 * tensor2
    return input + (product if value == 1 else product * value)


def _addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else quotient * value)


def _lerp(input: Tensor, end: Tensor, weight: Tensor | float) -> Tensor:
    return input + (end - input) * weight


def _indexed(input: Tensor, index: Any) -> Any:
    """Lists of places become tensors here, because on a tensor without values they would lose theirs."""
    parts = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(part, list) for part in parts):
        return NotImplemented
    return input[tuple(torch.tensor(part) if isinstance(part, list) else part for part in parts)]


_FORMS: dict[str, Callable[..., Any]] = {
    "glu": _glu,
    "addcmul": _addcmul,
    "addcdiv": _addcdiv,
    "lerp": _lerp,
    "__getitem__": _indexed,
}


def written_out(mode: AbstractContextManager[Any], function: Any, args: Any, kwargs: Any) -> Any:
    """What the function makes, by simpler ones that `mode` sees; NotImplemented where it is simple itself."""
    form = _FORMS.get(function.__name__)
    if form is None:
        return NotImplemented
    with mode:
        return form(*args, **(kwargs or {}))
