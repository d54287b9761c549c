"""Canonical Huffman codes over NumPy arrays (Huffman 1952; Deep Compression, arXiv 1510.00149, section 4).

A code is known by its lengths alone: codes of one length follow each other in the order of their symbols, shorter ones
first. Lengths stop at 16 bits, so that decoding is one look-up a bit position, done for all positions at once.
"""

import heapq
from typing import Any

import numpy as np

from ..errors import BadInput

Ints = np.ndarray[Any, np.dtype[Any]]

LONGEST = 16


def code_lengths(counts: Ints) -> Ints:
    """Bits of each symbol's code, uint8; 0 for a symbol that does not occur, 1 for one that is alone.

    Optimal for these counts, unless a code would be longer than 16 bits: then for counts that are flattened until none
    is.

    Args:
        counts: how often each symbol occurs, of at most 2¹⁶ symbols.
    """
    counts = flattened = np.asarray(counts, dtype=np.int64)
    while (lengths := _unlimited_lengths(flattened)).max(initial=0) > LONGEST:
        flattened = (flattened + 1) // 2
    if flattened is not counts:  # what flattening made equal is still the longer the rarer
        rarest_first = np.argsort(counts, kind="stable")[np.count_nonzero(counts == 0) :]
        lengths[rarest_first] = np.sort(lengths[rarest_first])[::-1]
    return lengths.astype(np.uint8)


def encode(symbols: Ints, lengths: Ints) -> bytes:
    """The symbols' codes one after the other, the first bit in a byte's highest; whole bytes."""
    codes = _codes(lengths)[symbols]
    bits = lengths[symbols].astype(np.int64)
    ends = np.cumsum(bits)
    shifts = np.repeat(ends, bits) - 1 - np.arange(bits.sum())
    return np.packbits((np.repeat(codes, bits) >> shifts) & 1).tobytes()


def decode(content: bytes, lengths: Ints, count: int) -> Ints:
    """`count` symbols, int64, from what `encode` made.

    Every bit position is taken for the start of a code, which says where the next one would start; the true starts
    are then found by doubling: when the first n are known, a jump over n codes gives the next n.

    Raises:
        BadInput: the lengths are no code, or the content holds fewer symbols or more bytes than that.
    """
    if not 0 < count <= 8 * len(content):
        raise BadInput(f"a Huffman stream of {len(content)} bytes does not hold {count} symbols")
    if lengths.max(initial=0) > LONGEST or not _is_code(lengths):
        raise BadInput("its Huffman code is none")
    data = np.frombuffer(content + bytes(3), np.uint8).astype(np.int64)
    here = np.arange(8 * len(content))
    window = data[here >> 3] << 16 | data[(here >> 3) + 1] << 8 | data[(here >> 3) + 2]
    symbol_of, length_of = _table(lengths)
    window = window >> (24 - LONGEST - (here & 7)) & (2**LONGEST - 1)
    end = len(here)
    jump = np.append(np.minimum(here + length_of[window], end), end)
    starts = np.zeros(1, np.int64)
    while len(starts) < count:
        starts = np.concatenate([starts, jump[starts]])
        jump = jump[jump]
    starts = starts[:count]
    last = int(starts[-1])
    if last >= end or -(-(last + int(length_of[window[last]])) // 8) != len(content):
        raise BadInput(f"a Huffman stream of {len(content)} bytes does not hold {count} symbols")
    symbols: Ints = symbol_of[window[starts]]
    return symbols


def _unlimited_lengths(counts: Ints) -> Ints:
    """Huffman's algorithm: join the two rarest until one is left; a join makes all codes below it a bit longer."""
    lengths = np.zeros(len(counts), np.int64)
    present = np.flatnonzero(counts)
    lengths[present[:1]] = 1
    heap = [(int(counts[symbol]), int(symbol), [int(symbol)]) for symbol in present]
    heapq.heapify(heap)
    if len(heap) > 1:
        lengths[present] = 0
    while len(heap) > 1:
        count, order, below = heapq.heappop(heap)
        other, _, others = heap[0]
        below = below + others
        lengths[below] += 1
        heapq.heapreplace(heap, (count + other, order, below))
    return lengths


def _is_code(lengths: Ints) -> bool:
    """Whether the lengths fill the space of codes, or are those of a single symbol."""
    used = lengths[lengths > 0].astype(np.int64)
    return bool(used.size == 1 and used[0] == 1) or int((2 ** (LONGEST - used)).sum()) == 2**LONGEST


def _ordered(lengths: Ints) -> Ints:
    """The symbols that have codes, in the order of their codes."""
    order = np.lexsort((np.arange(len(lengths)), lengths))
    return order[lengths[order] > 0]


def _codes(lengths: Ints) -> Ints:
    order = _ordered(lengths)
    widths = 2 ** (LONGEST - lengths[order].astype(np.int64))  # the share of all 16-bit words that begin with the code
    codes = np.zeros(len(lengths), np.int64)
    codes[order] = (np.cumsum(widths) - widths) >> (LONGEST - lengths[order])
    return codes


def _table(lengths: Ints) -> tuple[Ints, Ints]:
    """For every 16-bit word: the symbol that it begins with, and the length of its code."""
    order = _ordered(lengths)
    symbols = np.repeat(order, 2 ** (LONGEST - lengths[order].astype(np.int64)))
    symbols = np.resize(symbols, 2**LONGEST)  # a single symbol's code fills half of the words
    return symbols, lengths[symbols].astype(np.int64)
