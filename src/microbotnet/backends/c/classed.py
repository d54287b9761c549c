"""Ternary linear layers with more inputs than outputs: inputs that several outputs treat alike are added once for all.

Of two to four outputs at a time, an input belongs to the class of its weights, of which one and its negative are the
same. The sums of the classes are few; outputs are sums and differences of them.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from ...integer.operators import Convolve
from ...integer.program import Program
from .kernel_call import KernelCall, destination

FILES = ("requantize", "lanes", "armv6m", "rows", "window", "classed")
TOGETHER = (4, 3, 2)  # outputs
BLOCK = 8  # inputs of a list at one time


def classed_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """The forms of a linear layer.

    Args:
        operator: ternary; each output is one sum over the whole input.
    """
    y = program.of(operator)[1]
    rows: NDArray[np.int8] = operator.weights.reshape(len(operator.weights), -1)
    outputs, inputs = rows.shape
    if inputs >= 2**16:
        return []
    found = []
    for together in TOGETHER:
        classes = classes_of(together)
        lists = encode(rows, together)
        groups = -(-outputs // together)
        read = len(lists) - 2 * groups * len(classes)
        numbers = f"{{lists}}, {{signs}}, {inputs}, {outputs}, {together}, {len(classes)}"
        form = KernelCall(
            FILES,
            f"classed({{x}}, {destination(y)}, {{scratch}}, &how, &classes)",
            scratch=-(-(inputs + 1) // 4) * 4 + 4 * len(classes) + 4 * together * groups,
            arrays={"lists": lists, "signs": classes},
            how=operator.requantize,
            structs={"classes": ("classed_t", numbers)},
            instructions=8 * inputs
            + (3 + 3 / BLOCK) * read
            + groups * len(classes) * (14 + 8 * together)
            + 30 * outputs
            + 100,
        )
        found.append(form)
    return found


def classes_of(together: int) -> NDArray[np.int8]:
    """(classes, outputs) of which one and its negative are all weights of so many outputs but none."""
    every = np.array(list(product((0, 1, -1), repeat=together)), np.int8)[1:]
    first = every[np.arange(len(every)), (every != 0).argmax(1)]
    kept: NDArray[np.int8] = every[first > 0]
    return kept


def encode(rows: NDArray[np.int8], together: int) -> NDArray[np.uint16]:
    """Of each group of rows, class by class: how many inputs are taken off, and which, as places from 1 on; how many
    are added, and which. Lists are filled up with place 0, so that their length is a multiple of 8.
    """
    groups = -(-len(rows) // together)
    padded = np.zeros((groups * together, rows.shape[1]), np.int64)
    padded[: len(rows)] = rows
    digits = 3 ** np.arange(together)
    values = classes_of(together) @ digits  # of each class; of its negative, the negative
    codes = digits @ padded.reshape(groups, together, -1)
    lists = 2 * len(values)
    number = np.full(3**together, -1)  # of the list, by code; codes below 0 are counted from the end
    number[-values], number[values] = np.arange(0, lists, 2), np.arange(1, lists, 2)
    group, place = np.nonzero(codes)
    own = lists * group + number[codes[group, place]]
    order = np.argsort(own, kind="stable")
    count = np.bincount(own, minlength=groups * lists)
    length = -(-count // BLOCK) * BLOCK
    start = np.cumsum(1 + length) - length
    found = np.zeros(len(start) + length.sum(), np.uint16)
    found[start - 1] = length
    rank = np.arange(len(own)) - np.repeat(np.cumsum(count) - count, count)
    found[start[own[order]] + rank] = place[order] + 1
    return found
