"""Ternary linear layers and convolutions: lists of what is not zero, or codes of several weights each.

How many instructions a form takes is counted in its innermost loops of `kernels/armv6m.c` and `kernels/tables.c`.
"""

from dataclasses import replace
from math import prod

import numpy as np

from ...integer import ranges
from ...integer.operators import Convolve
from ...integer.program import Program
from .classed import classed_forms
from .codes import EACH, encode_codes, in_chunks
from .gathered import gathered_forms
from .kernel_call import KernelCall, destination, is_pointwise, window_of
from .lanes import centred, has_room, in_lanes, indices, slack
from .mirrored import mirrored_forms
from .requantization import exchanged
from .sparse import encode_bytes, encode_pairs, encode_rows

LISTED = ("requantize", "lanes", "armv6m", "rows", "window", "ternary")
TABLES = (*LISTED, "tables")
TABLE_BYTES = 5120  # of RAM at most, for the tables at one time
MOST = {1: 16, 2: 12, 4: 8}  # codes of a row at one time, by the words of an entry
ADD = {1: 5, 2: 7, 4: 11}  # instructions for a code
FINISH = {1: 25, 2: 56, 4: 92}  # instructions that round what a row of a tile comes to
BLOCK = 64  # rows of a linear layer at one time


def linear_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """Of a layer whose outputs are each one sum over the whole input."""
    (x,), y = program.of(operator)
    if operator.bits > 2 or not _covers(program, operator) or not (y.dtype == "int16" or has_room(program, operator)):
        return []
    how = exchanged(operator.requantize, ranges.sums(program, operator)[0]) if y.dtype == "int8" else None
    operator = operator if how is None else replace(operator, requantize=how)
    rows = operator.weights.reshape(len(operator.weights), -1)
    centre = x.zero_point if operator.requantize.pre_shift == 0 else 0
    outputs, inputs = rows.shape
    made = destination(y)
    found = []
    for encode, is_paired in ((encode_pairs, True), (lambda rows: encode_rows(rows, passed=0), False)):
        weights = encode(rows)
        if weights is not None:
            form = KernelCall(
                LISTED,
                f"ternary_linear({{x}}, {made}, (int8_t *){{scratch}}, {{weights}}, &how, {inputs}, {outputs}, "
                f"{centre}, {int(is_paired)})",
                scratch=inputs + -(-inputs // 255) if is_paired else inputs + 1,
                arrays={"weights": weights},
                how=centred(operator, centre),
                instructions=3.75 * weights.size + 12 * outputs * -(-inputs // 255) + FINISH[1] * outputs
                if is_paired
                else 12 * weights.size + (14 + FINISH[1]) * outputs,
            )
            found.append(form)
    for each in EACH:
        groups, chunk = _tables(inputs, each, 1)
        block = outputs if groups > chunk else min(outputs, BLOCK)
        shape = (inputs, outputs, x.zero_point, centre, inputs, groups, chunk, block, 3**each, each, 1)
        chunks = -(-groups // chunk)
        form = KernelCall(
            TABLES,
            f"tabled_linear({{x}}, {made}, (uint32_t *){{scratch}}, {{weights}}, &how, &shape)",
            scratch=4 * (block + groups * each + chunk * 3**each),
            arrays={"weights": in_chunks(encode_codes(rows, each), chunk)},
            how=centred(operator, centre),
            structs={"shape": ("tabled_t", ", ".join(map(str, shape)))},
            instructions=groups * _making(each, 1)
            + outputs * (10 * chunks + ADD[1] * groups + 8 + FINISH[1])
            + 8 * inputs,
        )
        found.append(form)
    return [*found, *gathered_forms(program, operator), *classed_forms(program, operator)]


def pixel_forms(program: Program, operator: Convolve) -> list[KernelCall]:
    """Of a convolution, of which 4 or 8 pixels are computed at once, in lanes."""
    (x,), y = program.of(operator)
    centre = x.zero_point
    fitting = in_lanes(program, operator, centre)
    if fitting is None or fitting.requantize.pre_shift:
        centre, fitting = 0, in_lanes(program, operator, 0)
    if fitting is None:
        return []
    operator, how = fitting, fitting.requantize
    shifted = how.pre_shift != 0
    pixels = prod(y.shape[1:])
    words = 4 if pixels > 4 else 2
    rows = operator.weights.reshape(len(operator.weights), -1)
    outputs, depth = len(operator.weights) // operator.groups, operator.weights.shape[1]
    tiles = -(-pixels // (2 * words))
    plain = is_pointwise(program, operator) and pixels % 4 == 0 and (pixels % 8 == 0 or words == 2)
    load = "unpack_at" if plain else "unfold"
    how, window = how if shifted else centred(operator, centre, more=128), window_of(operator)
    free = None if shifted else slack(program, operator)
    found = []
    for encode, is_bytes, each in (
        (lambda rows: encode_bytes(rows, 4 * words), 1, {2: 6.5, 4: 9.5}[words]),
        (encode_rows, 0, {2: 16.0, 4: 23.0}[words]),
    ):
        weights = None if shifted else encode(rows)
        if weights is not None:
            listed = (depth, outputs, x.zero_point, centre, words, is_bytes)
            form = KernelCall(
                LISTED,
                f"ternary({{x}}, {{y}}, (uint32_t *){{scratch}}, {{weights}}, &how, &window, &shape, {load})",
                scratch=4 * words * (rows.shape[1] + 1),
                arrays={"weights": weights},
                how=how,
                lanes=True,
                slack=free,
                window=window,
                structs={"shape": ("ternary_t", ", ".join(map(str, listed)))},
                instructions=tiles * (each * (weights.size - 2 * len(rows)) + (14 + FINISH[words]) * len(rows)),
            )
            found.append(form)
    for each in EACH:
        groups, chunk = _tables(rows.shape[1], each, words)
        codes = encode_codes(rows, each).reshape(operator.groups, outputs, groups)
        values = (depth, outputs, x.zero_point, centre, rows.shape[1], groups, chunk, outputs, 3**each, each, words)
        adding = outputs * (10 * -(-groups // chunk) + ADD[words] * groups + 5 * words + FINISH[words])
        kernel = f"tabled{words}{'_shifted' * shifted}"
        form = KernelCall(
            TABLES,
            f"{kernel}({{x}}, {{y}}, (uint32_t *){{scratch}}, {{weights}}, &how, &window, &shape, {load})",
            scratch=4 * words * (outputs + groups * each + chunk * 3**each),
            arrays={"weights": np.concatenate([in_chunks(part, chunk) for part in codes])},
            how=how,
            lanes=not shifted,
            slack=free,
            window=window,
            structs={"shape": ("tabled_t", ", ".join(map(str, values)))},
            instructions=tiles * operator.groups * (groups * _making(each, words) + adding),
        )
        found.append(form)
    if free is not None:
        reached = indices(ranges.sums(program, operator)[0], operator.requantize)
        found += mirrored_forms(program, operator, how, reached, centre, free)
    return found


def _tables(inputs: int, each: int, words: int) -> tuple[int, int]:
    """Codes of a row, and how many of them are looked up at one time."""
    groups = -(-inputs // each)
    return groups, min(groups, MOST[words], max(1, TABLE_BYTES // (4 * words * 3**each)))


def _making(each: int, words: int) -> float:
    """Instructions that make a table."""
    return {1: 2.33, 2: 4.67, 4: 6.67}[words] * 3.0**each + {1: 14, 2: 15, 4: 26}[words] * each + 40


def _covers(program: Program, operator: Convolve) -> bool:
    """Whether its kernel lies on the whole input, and nowhere else: over the end it may reach too."""
    (x,), y = program.of(operator)
    whole = operator.groups == 1 and operator.weights.shape[1:] == x.shape
    return whole and operator.padding == (0, 0) and y.shape[1:] == (1, 1)
