"""Random programs and pictures, to hold an engine against the interpreter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .draw import Draw
from .program import LIMITS, Pair, Program

KINDS = ("convolve", "depthwise", "residual", "squeezed", "lookup", "max", "pool", "joined")
MORE = (
    *KINDS, "same", "slice", "halves", "turn", "shuffle", "enlarge", "flip", "border", "extreme", "product", "spatial",
    "uneven", "rescaled", "softmax",
)  # fmt: skip


def random_program(seed: int, *, size: Pair | None = None, operators: int = 6, saturating: bool = False) -> Program:
    """A small classifier of pictures at awkward shapes, whose sums are proven to fit.

    Odd maps, one channel, one pixel, strides with padding at every edge, groups, all-zero and extreme kernels and
    scales, residual adds, gates and concatenations occur, and scores by one kernel a channel. The same seed gives the
    same program.

    Args:
        size: rows and columns of the picture; None draws them from 1 to 9.
        operators: about how many, before pooling and the classifier.
        saturating: with the largest weights, zero points at the ends, and sums that saturate; see `Draw`.
    """
    draw = Draw(np.random.default_rng(seed), saturating=saturating)
    rng = draw.rng
    rows, columns = size or (int(rng.integers(1, 10)), int(rng.integers(1, 10)))
    x = draw.lookup(draw.tensor("picture", (3, rows, columns), "uint8"))
    for _ in range(operators):
        x = draw.grow(str(rng.choice(KINDS)), x)
    if seed % 10 == 8:  # a classifier of one channel, or one kernel a channel: its scores are not a byte each
        x = draw.convolve(x, scores=1) if x.shape[0] == 1 else draw.convolve(x, depthwise=True, scores=x.shape[0])
    elif seed % 5 == 4:  # as SqueezeNet ends
        x = draw.pool(x, whole=True, scores=True)
    else:
        x = draw.convolve(x, scores=int(rng.integers(1, 12)))
    labels = tuple(f"class {i}" for i in range(x.shape[0]))
    return Program(draw.tensors, tuple(draw.operators), "picture", (x.name,), labels)


def random_network(seed: int, *, operators: int = 8) -> Program:
    """A small network of any operators: of pictures or of features, with one output or several, as bytes or scores.

    The same seed gives the same program.
    """
    draw = Draw(np.random.default_rng(seed))
    rng = draw.rng
    rows, columns = (int(n) for n in rng.integers(1, 9, 2))
    if rng.integers(2):
        x = draw.lookup(draw.tensor("picture", (int(rng.integers(1, 4)), rows, columns), "uint8"))
    else:
        x = draw.tensor("features", (int(rng.integers(1, 7)), rows, columns), "int8", -128, 127)
    given = x.name if x.dtype == "int8" and not draw.operators else "picture"
    seen: list[str] = []
    for _ in range(operators):
        x = draw.grow(str(rng.choice(MORE)), x)
        seen.append(x.name)
    last = draw.convolve(x, scores=int(rng.integers(1, 6))) if rng.integers(2) else draw.lookup(x)
    between = [str(rng.choice(seen))] if seen and rng.integers(2) else []
    outputs = tuple(dict.fromkeys(name for name in (*between, last.name) if name != given))
    return Program(draw.tensors, tuple(draw.operators), given, outputs)


def random_pictures(program: Program, count: int, seed: int = 0) -> NDArray[Any]:
    """(count, *shape) of the input's dtype: noise, the first two all lowest and all highest, black and white."""
    x = program.tensors[program.input]
    low, high = LIMITS[x.dtype]
    pictures = np.random.default_rng(seed).integers(low, high + 1, (count, *x.shape), dtype=x.dtype)
    pictures[:1], pictures[1:2] = low, high
    return pictures
