"""Places of elements as a `View` reads them."""

import numpy as np
from numpy.typing import NDArray

from ..integer.operators.view import AXES


def strided(at: NDArray[np.int64]) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
    """Sizes, strides and start of a `View` that reads these places in turn; None if there is none."""
    sizes: list[int] = []
    strides: list[int] = []
    rest = at
    while len(rest) > 1:
        step = int(rest[1] - rest[0])
        for run in (n for n in range(len(rest), 1, -1) if len(rest) % n == 0):
            rows = rest.reshape(-1, run)
            if (rows - rows[:, :1] == np.arange(run) * step).all():
                break
        else:
            return None
        sizes.insert(0, run)
        strides.insert(0, step)
        rest = rows[:, 0]
        if len(sizes) > AXES:
            return None
    return (tuple(sizes), tuple(strides), int(at[0])) if sizes else ((1,), (1,), int(at[0]))
