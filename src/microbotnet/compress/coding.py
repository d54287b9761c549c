"""One tensor as bytes, and back, bit for bit.

Three ways, of which the shortest is taken:

- plain: its values as they are, in float16 where that loses nothing.
- dense: a codebook of its distinct values, and the index of every value in it, Huffman coded.
- sparse: the same for the values that are not zero, and the gaps between them, Huffman coded as well.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BadInput
from .gaps import entries, to_gaps, to_places
from .huffman import code_lengths, decode, encode

Values = np.ndarray[Any, np.dtype[Any]]

LARGEST_CODEBOOK = 256
GAP_BITS = range(1, 9)
_DIGITS = "0123456789abcdefg"  # a code's length, 0 to 16
_PLAIN = {"float16", "float32", "float64", "uint8", "int8", "int32", "int64", "bool"}
_MOST_VALUES = 2**28


@dataclass(frozen=True)
class Coded:
    """A tensor's bytes in `parts`, and in `how` (plain JSON) what else it takes to read them."""

    how: dict[str, Any]
    parts: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of the parts and about those of the code lengths."""
        return sum(map(len, self.parts)) + sum(len(self.how.get(key, "")) for key in ("symbols", "gaps")) // 2


def pack(values: Values) -> Coded:
    """The shortest of the three ways; −0 is no zero here, so that every bit comes back."""
    plain = _plain(values)
    if values.dtype != np.float32 or values.size < 2:
        return plain
    flat = values.ravel().view(np.uint32)
    distinct, index, counts = np.unique(flat, return_inverse=True, return_counts=True)
    if len(distinct) > LARGEST_CODEBOOK:
        return plain
    found = [plain, _dense(distinct, index, counts)]
    if distinct[0] == 0 and len(distinct) > 1:
        places = np.flatnonzero(index)
        found += [_sparse(distinct, index[places], places, 2**bits - 1) for bits in GAP_BITS]
    return min(found, key=lambda coded: coded.size)


def unpack(how: dict[str, Any], parts: list[bytes], shape: tuple[int, ...]) -> Values:
    """The tensor that `pack` was given.

    Raises:
        BadInput, KeyError, TypeError, ValueError, IndexError: the parts are not what `how` and `shape` say.
    """
    size = int(np.prod(shape, dtype=object))
    if not 0 <= size <= _MOST_VALUES:
        raise BadInput(f"a tensor of {size} values")
    if how["way"] == "plain":
        return _from_plain(parts[0], how["dtype"], how["stored"], shape)
    book = _from_plain(parts[0], "float32", how["stored"], (-1,))
    if how["way"] == "dense":
        return book[_decoded(parts[1], how["symbols"], size)].reshape(shape)
    if how["way"] != "sparse":
        raise BadInput(f"a tensor coded in the unknown way {how['way']!r}")
    symbols = _decoded(parts[1], how["symbols"], how["entries"])
    values = np.zeros(size, np.float32)
    values[to_places(_decoded(parts[2], how["gaps"], how["entries"]))] = book[symbols]
    return values.reshape(shape)


def fixed_width_bytes(values: Values, *, codebook: bool) -> int:
    """Bytes of a float32 tensor without Huffman coding: all values, or the entries that are not zero with their gaps.

    The shorter of the two, with the gap width, 1 to 8 bits, that is best for this tensor. With `codebook`, a value is
    an index of as many bits as its distinct values need, and they are counted as float16 once; without, 32 bits.
    """
    flat = values.ravel()
    places = np.flatnonzero(flat)
    bits, book = 32, 0
    if codebook:
        distinct = len(np.unique(flat))
        bits, book = max(1, (distinct - 1).bit_length()), 2 * distinct
    sparse = min(entries(places, 2**gap - 1) * (bits + gap) for gap in GAP_BITS)
    return book + math.ceil(min(bits * flat.size, sparse) / 8)


def _plain(values: Values) -> Coded:
    stored = values
    if values.dtype == np.float32:
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        stored = half if half.astype(np.float32).tobytes() == values.tobytes() else values
    how = {"way": "plain", "dtype": values.dtype.name, "stored": stored.dtype.name}
    return Coded(how, (stored.tobytes(),))


def _from_plain(content: bytes, dtype: str, stored: str, shape: tuple[int, ...]) -> Values:
    if not {dtype, stored} <= _PLAIN:
        raise BadInput(f"a tensor of {dtype} stored as {stored}")
    return np.frombuffer(content, stored).astype(dtype).reshape(shape)


def _dense(distinct: Values, index: Values, counts: Values) -> Coded:
    book = _plain(distinct.view(np.float32))
    lengths = code_lengths(counts)
    how = {"way": "dense", "stored": book.how["stored"], "symbols": _digits(lengths)}
    return Coded(how, (*book.parts, encode(index, lengths)))


def _sparse(distinct: Values, index: Values, places: Values, limit: int) -> Coded:
    gaps, true = to_gaps(places, limit)
    symbols = np.zeros(len(gaps), np.int64)  # a filler has the first of the distinct values, which is zero
    symbols[true] = index
    if len(true) == len(gaps):
        distinct, symbols = distinct[1:], symbols - 1
    book = _plain(distinct.view(np.float32))
    codes = [code_lengths(np.bincount(numbers)) for numbers in (symbols, gaps)]
    streams = [encode(numbers, lengths) for numbers, lengths in zip((symbols, gaps), codes, strict=True)]
    how = {"way": "sparse", "stored": book.how["stored"], "entries": len(gaps)}
    return Coded(how | {"symbols": _digits(codes[0]), "gaps": _digits(codes[1])}, (*book.parts, *streams))


def _digits(lengths: Values) -> str:
    return "".join(_DIGITS[length] for length in lengths)


def _decoded(content: bytes, digits: str, count: int) -> Values:
    return decode(content, np.array([_DIGITS.index(digit) for digit in digits], np.uint8), count)
