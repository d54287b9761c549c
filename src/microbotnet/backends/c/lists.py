"""Rows of ternary weights as lists of distances, four bits each; `kernels/lanes.c` says how they are read."""

import numpy as np
from numpy.typing import NDArray

FARTHEST = 15
LONGEST = 255


def encode_rows(weights: NDArray[np.int8], *, passed: int = 1) -> NDArray[np.uint8] | None:
    """All rows' lists, one after the other; None if a row does not fit the encoding.

    Args:
        weights: (rows, inputs) of −1, 0 and +1.
        passed: 1 if reading an entry moves on to the next, from which distances then count; 0 if not.
    """
    found: list[int] = []
    for row in weights:
        lists = _bridged([set((np.flatnonzero(row == sign) + 1).tolist()) for sign in (1, -1)], passed)
        if lists is None or max(map(len, lists)) > 2 * LONGEST:
            return None
        distances = [_distances(places, passed) for places in lists]
        found += [len(pairs) // 2 for pairs in distances]
        for pairs in distances:
            found += [16 * a + b for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
    return np.array(found, np.uint8)


def _bridged(lists: list[set[int]], passed: int) -> list[set[int]] | None:
    """The lists with no gap over `FARTHEST`: an entry put into both adds nothing."""
    changed = True
    while changed:
        changed = False
        for own, other in (lists, lists[::-1]):
            at = 0
            for place in sorted(own):
                while place - at > FARTHEST:
                    step = next(
                        (p for p in range(at + FARTHEST, at - 1 + (1 - passed), -1) if p and p not in other), None
                    )
                    if step is None:
                        return None
                    own.add(step)
                    other.add(step)
                    at, changed = step + passed, True
                at = place + passed
    return lists


def _distances(places: set[int], passed: int) -> list[int]:
    """From each entry to the next; with entry 0, which is zero, in front if their number is odd."""
    path = [*([0] if len(places) % 2 else []), *sorted(places)]
    return [b - a - passed for a, b in zip([-passed, *path], path, strict=False)]
