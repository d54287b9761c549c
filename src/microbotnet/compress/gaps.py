"""Places in a sparse kernel as gaps (Deep Compression, arXiv 1510.00149, section 2, figure 2).

A gap is how many zeros stand before an entry. Gaps have an upper limit; where there are more zeros, a filler entry of
value zero is put in after `limit` of them. Zeros after the last entry are not written.
"""

from typing import Any

import numpy as np

Ints = np.ndarray[Any, np.dtype[Any]]


def to_gaps(places: Ints, limit: int) -> tuple[Ints, Ints]:
    """The gaps before the entries at `places`, and which of them are not fillers.

    Args:
        places: int64, growing, from 0.
        limit: the greatest gap, at least 1.

    Returns:
        gaps, int64, E; and the indices of the true entries among them, int64, as many as places.
    """
    zeros = np.diff(places, prepend=-1) - 1
    fillers, rest = zeros // (limit + 1), zeros % (limit + 1)
    true = np.cumsum(fillers + 1) - 1
    gaps = np.full(len(places) + int(fillers.sum()), limit, np.int64)
    gaps[true] = rest
    return gaps, true


def to_places(gaps: Ints) -> Ints:
    """Where the entries stand, fillers among them."""
    return np.cumsum(gaps + 1) - 1


def entries(places: Ints, limit: int) -> int:
    """How many gaps `to_gaps` gives."""
    return len(places) + int(((np.diff(places, prepend=-1) - 1) // (limit + 1)).sum())
