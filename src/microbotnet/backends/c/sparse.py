"""Rows of ternary weights as lists of what is not zero; `kernels/lanes.c` and `armv6m.c` say how they are read."""

from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

FARTHEST = 15
LONGEST = 255  # bytes of a list
BLOCK, REACH = 16, 255  # rows of pairs, and inputs, that are computed at one time


def encode_rows(weights: NDArray[np.int8], *, passed: int = 1) -> NDArray[np.uint8] | None:
    """All rows' lists of distances of four bits, one after the other; None if a row does not fit the encoding.

    Args:
        weights: (rows, inputs) of −1, 0 and +1.
        passed: 1 if reading an entry moves on to the next, from which distances then count; 0 if not.
    """
    found: list[int] = []
    for lists in signed_places(weights, 1):
        distances = _row(lists, passed, FARTHEST)
        if distances is None or max(map(len, distances)) > 2 * LONGEST:
            return None
        found += [len(steps) // 2 for steps in distances]
        for steps in distances:
            found += [16 * a + b for a, b in zip(steps[::2], steps[1::2], strict=True)]
    return np.array(found, np.uint8)


def encode_bytes(weights: NDArray[np.int8], entry: int) -> NDArray[np.uint8] | None:
    """The same with a byte for every distance, in bytes of a tile whose entries have `entry` bytes."""
    found: list[int] = []
    for lists in signed_places(weights, 1):
        distances = _row(lists, 1, 255 // entry)
        if distances is None or max(map(len, distances)) > LONGEST:
            return None
        found += map(len, distances)
        for steps in distances:
            found += [entry * step for step in steps]
    return np.array(found, np.uint8)


def encode_pairs(weights: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Rows as places of a +1 and of a −1 in turn, 0 where there is none: of up to 16 rows 255 inputs at a time."""
    rows, inputs = weights.shape
    found: list[int] = []
    for first, at in product(range(0, rows, BLOCK), range(0, inputs, REACH)):
        for signs in signed_places(weights[first : first + BLOCK, at : at + REACH], 1):
            twos = -(-max(map(len, signs)) // 2)
            found.append(twos)
            plus, minus = ([*places, *[0] * (2 * twos - len(places))] for places in signs)
            found += [place for pair in zip(plus, minus, strict=True) for place in pair]
    return np.array(found, np.uint8)


def signed_places(rows: NDArray[np.int8], first: int) -> list[tuple[list[int], list[int]]]:
    """Of each row where it is 1, and where −1; columns are counted from `first`."""
    found = []
    for sign in (1, -1):
        row, column = np.nonzero(rows == sign)
        ends = np.bincount(row, minlength=len(rows)).cumsum().tolist()
        places = (column + first).tolist()
        found.append([places[begin:end] for begin, end in pairwise([0, *ends])])
    return list(zip(*found, strict=True))


def _row(lists: tuple[list[int], list[int]], passed: int, farthest: int) -> list[list[int]] | None:
    """The distances of a row's two lists; each has an even number."""
    found = bridged(lists, passed, farthest)
    return None if found is None else [_distances(places, passed) for places in found]


def bridged(given: tuple[list[int], list[int]], passed: int, farthest: int) -> list[set[int]] | None:
    """The lists with no gap over `farthest`: an entry put into both adds nothing."""
    lists = [set(places) for places in given]
    changed = True
    while changed:
        changed = False
        for own, other in (lists, lists[::-1]):
            at = 0
            for place in sorted(own):
                while place - at > farthest:
                    step = next(
                        (p for p in range(at + farthest, at - 1 + (1 - passed), -1) if p and p not in other), None
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
