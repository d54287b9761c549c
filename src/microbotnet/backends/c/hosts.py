"""On hosts, what is rare: written once for both layouts, that of `vectors` and that of `avx512`."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...integer.program import Program, Requantize, Tensor
from . import avx512, vectors
from .kernel_call import KernelCall

FILES = ("hosts",)


@dataclass(frozen=True)
class Layout:
    """How tensors lie: bytes of a pixel, and what is added to an integer."""

    width: Callable[[Tensor], int]
    apart: int


def of_vectors(program: Program) -> Layout:
    """That of `vectors`."""
    return Layout(vectors.width, 0)


def of_avx512(program: Program) -> Layout:
    """That of `avx512`."""
    return Layout(lambda tensor: avx512.width(program, tensor), 128)


def gather(layout: Layout, x: Tensor, y: Tensor, index: NDArray[np.int64], fill: int = 0) -> KernelCall:
    """y's elements, each from the element of x that `index`, of y's shape, says; where it says −1, `fill`."""
    channel, pixel = np.divmod(index, prod(x.shape[1:]))
    at = np.where(index < 0, -1, pixel * layout.width(x) + channel).reshape(y.shape[0], -1).T
    value = fill + layout.apart
    sizes = f"{prod(y.shape[1:])}, {y.shape[0]}, {layout.width(y)}"
    call = f"host_gather({{x}}, {{y}}, {{index}}, {value - 256 if value > 127 else value}, {sizes})"
    return KernelCall(FILES, call, arrays={"index": np.ascontiguousarray(at, np.int32)})


def rounding(how: Requantize) -> tuple[dict[str, NDArray[Any]], dict[str, tuple[str, str]]]:
    """The arrays and the struct `how` of a requantization, a host_rounding_t."""
    arrays: dict[str, NDArray[Any]] = {"multiplier": how.multiplier, "offset": how.offset}
    table = "0"
    if how.table is not None:
        arrays["table"], table = how.table, "{table}"
    numbers = f"{how.low}, {how.high}, {how.pre_shift}, {how.shift}, {int(len(how.multiplier) > 1)}"
    return arrays, {"how": ("host_rounding_t", f"{{multiplier}}, {{offset}}, {table}, {numbers}")}
