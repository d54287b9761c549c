"""For x86 processors with AVX-512 VNNI and VBMI: four products added up at once, in 16 lanes."""

from collections.abc import Mapping
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolution, Lookup
from ...integer.program import Program, Requantize, Tensor
from ...integer.rescale import Rescale
from .kernel_call import KernelCall, Window, table
from .vectors import is_depthwise

LANES = 16
REGISTER = 64  # bytes
MACROS = ("__AVX512F__", "__AVX512BW__", "__AVX512VL__", "__AVX512VNNI__", "__AVX512VBMI__")  # of the compiler
FILES = ("window", "avx512")


def room(program: Program, tensor: Tensor) -> int:
    """Bytes of a tensor; a register may be read and written behind its last pixel."""
    return prod(tensor.shape[1:]) * width(program, tensor) + REGISTER


def width(program: Program, tensor: Tensor) -> int:
    """Bytes of a pixel: a multiple of LANES, but 4 for a normalised picture that only convolutions read."""
    readers = [operator for operator in program.operators if tensor.name in operator.inputs]
    maker = next((operator for operator in program.operators if operator.output == tensor.name), None)
    picture = isinstance(maker, Lookup) and maker.input == program.input and tensor.shape[0] <= 4
    if picture and all(isinstance(reader, Convolution) and not is_depthwise(program, reader) for reader in readers):
        return 4
    return -(-tensor.shape[0] // LANES) * LANES


def signs_apart(tables: NDArray[np.int8], *, picture: bool) -> NDArray[np.uint8]:
    """Tables (…, 256) of q = −128…127, or of a picture's 0…255, as the kernels index them, their values as bytes."""
    found = (tables.astype(np.int16) + 128).astype(np.uint8)
    return found if picture else np.roll(found, 128, -1)


def avx512_form(
    call: str,
    how: Requantize | Rescale,
    start: NDArray[np.number],
    *,
    arrays: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    window: Window | None = None,
    scratch: int = 0,
    lanes: int = LANES,
    suffix: str = "",
    structs: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> KernelCall:
    """With an avx512_t whose arrays have `lanes` values, or LANES times the same."""
    many = len(start) > 1 or lanes > LANES
    numbers: dict[str, NDArray[Any]] = {
        "multiplier" + suffix: _filled(how.multiplier, lanes, many),
        "offset" + suffix: _filled(how.bias if isinstance(how, Rescale) else how.offset, lanes, many),
        "start" + suffix: _filled(start, max(lanes, len(start)), many),
    }
    names = ", ".join(f"{{{what}}}" for what in numbers)
    found = "0"
    looked_up = table(how)
    if not np.array_equal(looked_up, np.arange(-128, 128)):
        numbers["table" + suffix] = signs_apart(looked_up, picture=False)
        found = f"{{table{suffix}}}"
    if isinstance(how, Rescale):
        numbers["right" + suffix] = _filled(how.shift, lanes, many)
        rest = f"{how.low}, {how.high}, 0, 0, {-many}, {{right{suffix}}}, {how.zero_point}"
    else:
        rest = f"{how.low}, {how.high}, {how.pre_shift}, {how.shift}, {-many}, 0, 0"
    structs = {f"how{suffix}": ("avx512_t", f"{names}, {found}, {rest}"), **structs}
    return KernelCall(FILES, call, scratch, {**numbers, **arrays}, window=window, structs=structs)


def _filled(values: NDArray[np.number], lanes: int, many: bool) -> NDArray[np.int32]:
    if len(values) == 1:
        return np.full(lanes, values[0], np.int32)
    found = np.zeros(lanes, np.int32)
    found[: len(values)] = values
    return found
