"""Networks as shapes without values, on torch's meta device.

There torch takes milliseconds for what changes values alone, and imports its compiler, which takes seconds.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

INITIAL = {"normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_"}  # of these initial weights are made
ELEMENTWISE = {"batch_norm", "relu", "relu_", "relu6", "hardtanh", "hardswish", "hardsigmoid", "silu", "dropout"}


class LeftOut(TorchFunctionMode):
    """Functions of these names hand on the tensor that they are given, if it has no values."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self.names = names

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if getattr(function, "__name__", "") in self.names:
            given = args[0] if args else next(iter((kwargs or {}).values()))
            if isinstance(given, Tensor) and given.is_meta:
                return given
        return function(*args, **(kwargs or {}))


@contextmanager
def without_values() -> Iterator[None]:
    """A network that is made here has shapes alone."""
    with torch.device("meta"), LeftOut(INITIAL):
        yield
