"""A program without what never changes: constant gates, tables behind tables, results that nobody reads.

The scores stay the same for every picture, bit for bit. Trained squeeze-and-excite gates that are always open (hard
sigmoids of sums that never fall below 3) are common; with the gate its pool and both its layers go.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .operators import Gate, Lookup, Operator, RescaledConvolve, Rounded
from .program import Program, Tensor


def fold(program: Program) -> Program:
    """The program that gives the same scores with fewer operators; one that cannot be shortened comes back as it is."""
    operators = [_opened(program, operator) for operator in program.operators]
    tensors = dict(program.tensors)
    operators = _without_unread(operators, program.outputs)
    operators = _joined(operators, tensors, program.outputs)
    if len(operators) == len(program.operators):
        return program
    kept = {program.input, *(operator.output for operator in operators)}
    return replace(program, operators=tuple(operators), tensors={n: t for n, t in tensors.items() if n in kept})


def _opened(program: Program, operator: Operator) -> Operator:
    """A gate whose factor is one number for every picture is a function of one value."""
    if not isinstance(operator, Gate):
        return operator
    (x, g), _ = program.of(operator)
    if g.low != g.high or g.name == x.name:
        return operator
    reached = np.clip(np.arange(-128, 128, dtype=np.int32), x.low, x.high)  # beyond, 32 bits are not proven
    products = (reached - x.zero_point) * (g.low - g.zero_point)
    values = operator.requantize.apply(products[None, None, None])
    return Lookup(operator.name, x.name, operator.output, values.reshape(1, 256).astype(np.int8))


def _without_unread(operators: list[Operator], outputs: tuple[str, ...]) -> list[Operator]:
    kept: list[Operator] = []
    read = set(outputs)
    for operator in reversed(operators):
        if operator.output in read:
            kept.append(operator)
            read.update(operator.inputs)
    return kept[::-1]


def _joined(operators: list[Operator], tensors: dict[str, Tensor], outputs: tuple[str, ...]) -> list[Operator]:
    """Tables that only follow a rounded sum, or another table, become part of it."""
    readers = Counter(name for operator in operators for name in operator.inputs) + Counter(outputs)
    made: list[Operator] = []
    for operator in operators:
        before = next((i for i, earlier in enumerate(made) if earlier.output in operator.inputs), None)
        if isinstance(operator, Lookup) and before is not None and readers[operator.input] == 1:
            longer = _followed(made[before], tensors[operator.input], operator)
            if longer is not None:
                made[before] = longer
                continue
        made.append(operator)
    return made


def _followed(first: Operator, between: Tensor, then: Lookup) -> Operator | None:
    if between.dtype != "int8":
        return None
    if isinstance(first, Lookup):
        channels = max(len(first.tables), len(then.tables))
        tables = np.stack([_of(then, c, first.tables[c % len(first.tables)]) for c in range(channels)])
        return replace(first, output=then.output, tables=tables)
    if isinstance(first, Rounded) and len(then.tables) == 1:
        table = first.requantize.table
        made = np.arange(-128, 128).astype(np.int8) if table is None else table
        how = replace(first.requantize, table=_of(then, 0, made))
        return replace(first, output=then.output, requantize=how)  # type: ignore[call-arg]
    if isinstance(first, RescaledConvolve) and len(then.tables) == 1:
        table = first.rescale.table
        made = np.arange(-128, 128).astype(np.int8) if table is None else table
        return replace(first, output=then.output, rescale=replace(first.rescale, table=_of(then, 0, made)))
    return None


def _of(lookup: Lookup, channel: int, values: NDArray[np.int8]) -> NDArray[np.int8]:
    found: NDArray[np.int8] = lookup.tables[channel % len(lookup.tables)][values.astype(np.int64) + 128]
    return found
