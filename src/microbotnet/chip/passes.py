"""What the engine does for a program: passes over its memory, and the constants that they read.

A pass makes some output channels of one operator, a *column* each and some of them (a tile) at a time. For each tile
and each pixel of the output it takes steps: over the window's rows and columns and the words of a pixel, adding up what
it reads. Then the columns' sums are rounded and written, a word for each `side` of them.

A depthwise pass *slides*: it goes over the columns of the input, and each word that it reads counts at once in the sums
of all outputs that it belongs to, as many as the kernel has columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..integer.operators import (
    Add,
    Concatenate,
    Convolve,
    Extreme,
    Gate,
    Lookup,
    MaxPool,
    Operator,
    Pad,
    SumPool,
    View,
    WindowSum,
)
from ..integer.program import Program
from ..integer.ranges import sums
from .geometry import Geometry
from .rounding import Rounding, narrowed, narrowed_pair, rounding
from .storage import Place, Storage, place

TERNARY, INT8, PRODUCT, PAIR, LARGEST = range(5)  # what a step does to the sums
_KNOWN = "Lookup, Convolve, SumPool, WindowSum, MaxPool, Extreme, Add, Gate, Concatenate, Pad and View"
MOST_PASSES = 256  # of a View
KINDS = ("ternary", "int8", "product", "pair", "largest")


@dataclass(frozen=True)
class Pass:
    """One pass. Addresses and steps between them are in words.

    kind: of `KINDS`. dense: each column sums all lanes, not only its own. ones: weights are 1 and not read.
    smallest: of what is compared. ternary: the multipliers' weights are −1, 0 and 1. sliding: see above. unsigned: what
    is read is 0…255.
    tiles, of so many columns: of the output. rows, columns, window: of the output and the kernel; where it slides, of
    the input and one column of the kernel. words: of a pixel that are read. substeps: steps that a word takes;
    last_substeps: and the last word of a pixel. skip: columns before the first that ends an output, and between two.
    first, last: the columns of the last tile from the first to before the last are made.
    size: rows and columns of the input; a window that begins `padding` outside reads `fill` there.
    source: of the window at the first pixel, which may lie before the input; pixel_row, pixel_column: to the next's.
    tile_step: from one tile's first word to the next's.
    second: the other input of what is made of two, or -1, and its steps.
    target: where the outputs go; target_column, target_row: from one to the next, and from a row's last to the next.
    wide: out to the user, as 16 bits, instead.
    held: a tile's weights stay in the buffer from its first pixel on. entries: words of weights of a tile.
    steps_per_entry: steps that one word of weights serves.
    spread: each column has a row of constants of its own; own_rows: so has each tile.
    table: the first, or -1; own_tables: each channel its own. side: channels of a word.
    """

    operator: int
    kind: int
    dense: bool
    ones: bool
    smallest: bool
    ternary: bool
    sliding: bool
    unsigned: bool
    tiles: int
    tile: int
    rows: int
    columns: int
    window: tuple[int, int]
    words: int
    substeps: int
    last_substeps: int
    skip: tuple[int, int]
    first: int
    last: int
    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    fill: int
    source: int
    pixel_row: int
    pixel_column: int
    tile_step: int
    in_words: int
    second: int
    second_row: int
    second_column: int
    second_fill: int
    target: int
    target_row: int
    target_column: int
    wide: bool
    held: bool
    entries: int
    weights: int
    steps_per_entry: int
    constants: int
    spread: bool
    own_rows: bool
    shift: int
    low: int
    high: int
    table: int
    own_tables: bool
    side: int

    @property
    def pixels(self) -> int:
        """That windows stand at."""
        return self.rows * self.columns

    @property
    def made(self) -> int:
        """Pixels of the output."""
        return self.rows * ((self.columns - 1 - self.skip[0]) // (self.skip[1] + 1) + 1)

    @property
    def steps(self) -> int:
        """For each tile and pixel."""
        return self.window[0] * self.window[1] * ((self.words - 1) * self.substeps + self.last_substeps)


@dataclass(frozen=True)
class Work:
    """A program for the engine.

    weights: the words, in the order they are read; of ternary ones two bits each, whether it counts and whether it is
    negative. constants: (rows, 2) int64, multiplier and offset. tables: (tables, 256) int8.
    buffer_entries: words of weights that are kept at once. reach: outputs that a word counts in at once. sum_bits: of a
    column's sum; round_bits: of a sum times its multiplier plus its offset; both as the weights prove.
    """

    program: Program
    geometry: Geometry
    storage: Storage
    passes: tuple[Pass, ...]
    weights: tuple[int, ...]
    constants: NDArray[np.int64]
    tables: NDArray[np.int8]
    buffer_entries: int
    reach: int
    sum_bits: int
    round_bits: int


def compile_program(program: Program, geometry: Geometry) -> Work:
    """The passes of `program`.

    Raises:
        BadInput: it has an operator that the engine lacks; it is named.
    """
    return _Compiler(_spread_gates(program), geometry).work()


def _spread_gates(program: Program) -> Program:
    """The same with each gate of one channel repeated by a View first, because lane meets lane in a product."""
    tensors = dict(program.tensors)
    operators: list[Operator] = []
    for operator in program.operators:
        if isinstance(operator, Gate):
            x, g = (program.tensors[name] for name in operator.inputs)
            if g.shape[0] == 1 < x.shape[0]:
                name = f"{operator.name}.repeated"
                (_, rows, columns), channels = g.shape, x.shape[0]
                tensors[name] = replace(g, name=name, shape=(channels, rows, columns))
                operators.append(View(name, g.name, name, (channels, rows, columns), (0, columns, 1), 0))
                operator = replace(operator, inputs=(x.name, name))
        operators.append(operator)
    return replace(program, tensors=tensors, operators=tuple(operators))


class _Compiler:
    def __init__(self, program: Program, geometry: Geometry) -> None:
        self.program, self.geometry, self.side = program, geometry, geometry.side
        self.storage = place(program, self.side)
        self.passes: list[Pass] = []
        self.weights: list[int] = []
        self.constants: list[tuple[int, int]] = []
        self.tables: list[NDArray[np.int8]] = []
        self.known: dict[bytes, int] = {}
        self.index = 0
        self.reach, self.sum_bits, self.round_bits = 1, 17, 18

    def work(self) -> Work:
        for number, operator in enumerate(self.program.operators):
            self.index = number
            self._operator(operator)
        passes = tuple(self._hold(p) for p in self.passes)
        entries = max((p.entries for p in passes if p.held), default=0)
        constants = np.array(self.constants or [(0, 0)], np.int64)
        tables = np.array(self.tables or [np.zeros(256, np.int8)], np.int8)
        return Work(self.program, self.geometry, self.storage, passes, tuple(self.weights), constants, tables, entries,
                    self.reach, self.sum_bits, self.round_bits)  # fmt: skip

    def _hold(self, one: Pass) -> Pass:
        """Weights are kept where that spares reads and they fit."""
        spared = one.entries * one.tiles * (one.pixels - 1)
        return replace(one, held=0 < one.entries <= self.geometry.buffer and spared > 0)

    def _operator(self, operator: Operator) -> None:
        inputs, output = self.program.of(operator)
        match operator:
            case Lookup(tables=tables):
                x = self._place(operator.input)
                offset = -128 if inputs[0].dtype == "uint8" else 0
                self._copy(x, operator, offset, self._table(tables), own=len(tables) > 1)
            case Convolve():
                self._convolve(operator)
            case SumPool(kernel=kernel, stride=stride):
                (how,) = self._fit(operator, rounding(operator.requantize, 1))
                self._add(self._place(operator.input), operator.output, TERNARY, how, ones=True, window=kernel,
                          stride=stride)  # fmt: skip
            case MaxPool(kernel=kernel, stride=stride, padding=padding):
                self._add(self._place(operator.input), operator.output, LARGEST, _copied(), ones=True, window=kernel,
                          stride=stride, padding=padding, fill=-128)  # fmt: skip
            case Pad(before=(0, *padding), fill=fill) if output.shape[0] == inputs[0].shape[0]:
                self._add(self._place(operator.input), operator.output, TERNARY, _copied(), ones=True,
                          padding=(padding[0], padding[1]), fill=fill)  # fmt: skip
            case Pad(before=(before, *padding), fill=fill):
                inside = range(before, before + inputs[0].shape[0])
                for tile in range(0, output.shape[0], self.side):
                    channels = [c - before if c in inside else None for c in range(tile, output.shape[0])[: self.side]]
                    self._pick(self._place(operator.input), operator.output, _copied(), tile, channels,
                               otherwise=fill, padding=(padding[0], padding[1]), fill=fill)  # fmt: skip
            case View():
                self._view(operator)
            case WindowSum():
                self._windows(operator)
            case Extreme(largest=largest):
                first, second = (self._place(name) for name in operator.inputs)
                self._two(first, second, operator.output, LARGEST, _copied(), smallest=not largest)
            case Add(multipliers=(a, b)):
                how = rounding(operator.requantize, 1)
                how = replace(how, multiplier=np.array([a, b]), offset=np.array([how.offset[0], 0]))
                both = narrowed_pair(how, *((x.low, x.high) for x in inputs))
                self._round(np.array([128 * np.abs(both.multiplier).sum()]), both)
                first, second = (self._place(name) for name in operator.inputs)
                self._two(first, second, operator.output, PAIR, both)
            case Gate():
                first, second = (self._place(name) for name in operator.inputs)
                (how,) = self._fit(operator, rounding(operator.requantize, 1))
                self._two(first, second, operator.output, PRODUCT, how)
            case Concatenate():
                hows, start = self._fit(operator, *(rounding(how, 1) for how in operator.requantize)), 0
                for name, how in zip(operator.inputs, hows, strict=True):
                    x = self._place(name)
                    for word in _cut(range(start, start + x.tensor.shape[0]), self.side):
                        self._pick(x, operator.output, how, word[0], [c - start for c in word])
                    start += x.tensor.shape[0]
            case _:
                kind = type(operator).__name__
                raise BadInput(f"{operator.name}: the circuit has no {kind}; it has {_KNOWN}")
        if output.dtype == "int16" and any(output.name in o.inputs for o in self.program.operators):
            raise BadInput(f"{operator.name}: the circuit keeps tensors of 8 bits; scores of 16 can only leave it")

    def _place(self, name: str) -> Place:
        return self.storage.places[name]

    def _fit(self, operator: Operator, *hows: Rounding, moved: NDArray[np.int64] | int = 0) -> list[Rounding]:
        """Make sums wide enough for the operator's, less `moved`; the same roundings with the shortest constants."""
        made = []
        for found, how in zip(sums(self.program, operator), hows, strict=True):
            low, high = found.low - np.maximum(moved, 0), found.high - np.minimum(moved, 0)
            self.sum_bits = max(self.sum_bits, max(int(high.max()), -int(low.min()) - 1, 0).bit_length() + 1)
            made.append(narrowed(how, low, high))
            self._round(np.maximum(np.abs(low), np.abs(high)) * np.abs(made[-1].multiplier), made[-1])
        return made

    def _round(self, products: NDArray[np.int64], how: Rounding) -> None:
        """Make the rounder wide enough for these products and their offsets."""
        self.round_bits = max(self.round_bits, int((products + np.abs(how.offset)).max()).bit_length() + 1)

    def _add(
        self,
        x: Place,
        output: str,
        kind: int,
        how: Rounding,
        *,
        ones: bool = False,
        dense: bool = False,
        window: tuple[int, int] = (1, 1),
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        fill: int = 0,
        table: int | None = None,
        own_tables: bool = False,
        **changed: Any,
    ) -> None:
        """A pass that makes `output` from `x`, all its tiles; `changed` are fields that differ."""
        side, made = self.side, self.program.tensors[output]
        tile = self.geometry.columns if dense and kind == TERNARY else side
        channels, rows, columns = made.shape
        pixel, width = x.pixel_words, x.tensor.shape[2]
        start = x.address - (padding[0] * width + padding[1]) * pixel
        place = self.storage.places.get(output)
        shared = len(how.multiplier) == 1
        if table is None:
            table = -1 if how.table is None else self._table(how.table[None])
        constants = len(self.constants)
        rows_of = zip(how.multiplier.tolist(), how.offset.tolist(), strict=True)
        self.constants += rows_of
        if not shared:  # every tile has all its columns' rows
            self.constants += [(0, 0)] * (-len(how.multiplier) % tile)
        step = place.pixel_words if place else 0
        of = Pass(
            operator=self.index, kind=kind, dense=dense, ones=ones, smallest=False, ternary=False, sliding=False,
            unsigned=x.tensor.dtype == "uint8", tiles=-(-channels // tile), tile=tile, rows=rows, columns=columns,
            window=window, words=pixel if dense else 1, substeps=1, last_substeps=1, skip=(0, 0),
            first=0, last=(channels - 1) % tile + 1, size=(x.tensor.shape[1], x.tensor.shape[2]), stride=stride,
            padding=padding, fill=fill, source=start, pixel_row=stride[0] * width * pixel,
            pixel_column=stride[1] * pixel, tile_step=0 if dense else 1, in_words=pixel,
            second=-1, second_row=0, second_column=0, second_fill=0,
            target=place.address if place else 0, target_row=step, target_column=step,
            wide=made.dtype == "int16", held=False, entries=0, weights=len(self.weights), steps_per_entry=1,
            constants=constants, spread=not shared, own_rows=not shared and kind != PAIR,
            shift=how.shift, low=how.low, high=how.high, table=table, own_tables=own_tables, side=side,
        )  # fmt: skip
        self.passes.append(replace(of, **changed))

    def _copy(self, x: Place, operator: Lookup, offset: int, table: int, *, own: bool) -> None:
        how = replace(_copied(), offset=np.array([offset]))
        self._add(x, operator.output, TERNARY, how, ones=True, table=table, own_tables=own)

    def _two(self, x: Place, other: Place, output: str, kind: int, how: Rounding, **changed: Any) -> None:
        """A pass whose second step reads another tensor, repeated along rows or columns if it has one."""
        (_, rows, columns), pixel = other.tensor.shape, other.pixel_words
        row, column = (0 if rows == 1 else columns * pixel), (0 if columns == 1 else pixel)
        fill, second_fill = (x.tensor.zero_point, other.tensor.zero_point) if kind == PRODUCT else (0, 0)
        self._add(x, output, kind, how, ones=True, window=(1, 2), fill=fill, second=other.address, second_row=row,
                  second_column=column, second_fill=second_fill, **changed)  # fmt: skip

    def _convolve(self, operator: Convolve) -> None:
        x, side = self._place(operator.input), self.side
        outputs, depth = operator.weights.shape[:2]
        kernel = (operator.weights.shape[2], operator.weights.shape[3])
        ternary, own = operator.bits < 8, depth == 1 and operator.groups == outputs
        lanes = ternary and not own
        negative = (operator.weights < 0).reshape(outputs, -1).sum(1) if lanes else np.zeros(outputs, np.int64)
        # −x is ¬x + 1 in the lanes; the 1 is in the offset.
        (how,) = self._fit(operator, rounding(operator.requantize, outputs, negative), moved=negative)
        settings: dict[str, Any] = {"window": kernel, "stride": operator.stride, "padding": operator.padding,
                                    "fill": x.tensor.zero_point}  # fmt: skip
        kind = TERNARY if ternary else INT8
        if own:
            self._slide(x, operator, how)
            return
        if operator.groups == 1:
            self._dense(x, operator, operator.weights, kind, how, settings)
            return
        for tile in range(0, outputs, side):  # a tile reads the words of its groups, with weights of 0 where it must
            rows = slice(tile, min(tile + side, outputs))
            group = np.arange(rows.start, rows.stop) // (outputs // operator.groups)
            low, high = group.min() * depth // side, -(-int(group.max() + 1) * depth // side)
            spread = np.zeros((len(group), (high - low) * side, *kernel), np.int8)
            for number, (mine, weights) in enumerate(zip(group, operator.weights[rows], strict=True)):
                at = mine * depth - low * side
                spread[number, at : at + depth] = weights
            part = replace(how, multiplier=how.multiplier[rows], offset=how.offset[rows])
            self._dense(x, operator, spread, kind, part, settings, low, tile // side)

    def _dense(
        self,
        x: Place,
        operator: Convolve,
        weights: NDArray[np.int8],
        kind: int,
        how: Rounding,
        settings: dict[str, Any],
        low: int = 0,
        tile: int | None = None,
    ) -> None:
        """A pass in which columns sum over lanes; with `tile` it makes that one alone, from the words `low`… on."""
        side, many, target = self.side, self.geometry.multipliers, self.storage.places.get(operator.output)
        words = -(-weights.shape[1] // side)
        lanes = min(weights.shape[1], x.tensor.shape[0] - low * side) - (words - 1) * side
        substeps, last = (1, 1) if kind == TERNARY else (side // many, -(-lanes // many))
        entries, packed = self._all(weights, kind == TERNARY, words, last * many)
        changed: dict[str, Any] = {"entries": entries, "substeps": substeps, "last_substeps": last}
        if tile is not None:
            before = (operator.padding[0] * x.tensor.shape[2] + operator.padding[1]) * x.pixel_words
            changed |= {"tiles": 1, "tile": side, "words": words, "last": len(weights)}
            changed |= {"source": x.address + low - before, "target": target.address + tile if target else 0}
        self._add(x, operator.output, kind, how, dense=True, **settings, **changed)
        self.weights += packed

    def _pick(
        self,
        x: Place,
        output: str,
        how: Rounding,
        at: int,
        channels: Sequence[int | None],
        *,
        otherwise: int = 0,
        padding: tuple[int, int] = (0, 0),
        fill: int = 0,
        source: int = 0,
        target: int = 0,
        **changed: Any,
    ) -> None:
        """A pass that copies channels of `x` by weights of 1, into a word.

        at: the output's channel that the first becomes. channels: None for one that is `otherwise`. source, target:
        words from the beginning of the maps to the first pixel's.
        """
        side, first = self.side, at % self.side
        there = {column: c for column, c in enumerate(channels, first) if c is not None}
        low, high = min(there.values(), default=0) // side, max(there.values(), default=0) // side + 1
        weights = np.zeros((side, (high - low) * side, 1, 1), np.int8)
        weights[list(there), [c - low * side for c in there.values()]] = 1
        if None in channels:
            rest = [0 if column in there else otherwise for column in range(side)]
            how = replace(how, multiplier=np.ones(side, np.int64), offset=np.array(rest))
        entries, packed = self._all(weights, True, high - low)
        before = (padding[0] * x.tensor.shape[2] + padding[1]) * x.pixel_words
        self._add(
            x, output, TERNARY, how, dense=True, padding=padding, fill=fill, entries=entries, tiles=1, tile=side,
            words=high - low, first=first, last=first + len(channels), source=x.address + source + low - before,
            target=self._place(output).address + target + at // side, **changed,
        )  # fmt: skip
        self.weights += packed

    def _view(self, operator: View) -> None:
        """Passes that each move some channels of a word, for pixels between which all steps are alike."""
        x, y = self._place(operator.input), self._place(operator.output)
        (count, rows, columns), area = y.tensor.shape, x.tensor.shape[1] * x.tensor.shape[2]
        channel, pixel = np.divmod(operator.index.reshape(count, rows, columns), area)
        pieces = _alike(channel, pixel, self.side)
        if len(pieces) > MOST_PASSES:
            raise BadInput(f"{operator.name}: moves elements between channels and pixels; the circuit would need "
                           f"{len(pieces):,} passes for it, and takes at most {MOST_PASSES}")  # fmt: skip
        for channels, (row, down), (column, right) in pieces:
            wide, high = -(-(columns - column) // right), -(-(rows - row) // down)
            places = pixel[channels[0], row::down, column::right] * x.pixel_words
            self._pick(
                x, operator.output, _copied(), channels[0], [int(c) for c in channel[channels, row, column]],
                rows=high, columns=wide, stride=(0, 0), source=int(places[0, 0]),
                pixel_row=int(places[min(1, high - 1), 0] - places[0, 0]),
                pixel_column=int(places[0, min(1, wide - 1)] - places[0, 0]),
                target=(row * columns + column) * y.pixel_words, target_column=right * y.pixel_words,
                target_row=(down * columns - (wide - 1) * right) * y.pixel_words,
            )  # fmt: skip

    def _windows(self, operator: WindowSum) -> None:
        """A pass for each window."""
        x, y = self._place(operator.input), self.storage.places.get(operator.output)
        ends = [(rows, columns) for rows in operator.rows for columns in operator.columns]
        counts = np.array([(b - a) * (d - c) for (a, b), (c, d) in ends], np.int64)
        moved = -x.tensor.zero_point * counts
        (how,) = self._fit(operator, rounding(operator.requantize, len(ends), moved), moved=moved)
        for number, ((a, b), (c, d)) in enumerate(ends):
            only = replace(how, multiplier=how.multiplier[number, None], offset=how.offset[number, None])
            self._add(
                x, operator.output, TERNARY, only, ones=True, rows=1, columns=1, window=(b - a, d - c),
                source=x.address + (a * x.tensor.shape[2] + c) * x.pixel_words,
                target=y.address + number * y.pixel_words if y else 0,
            )  # fmt: skip

    def _slide(self, x: Place, operator: Convolve, how: Rounding) -> None:
        """A depthwise pass."""
        weights, ternary = operator.weights[:, 0], operator.bits < 8
        (channels, rows, columns), (down, right) = weights.shape, operator.stride
        side, many = self.side, self.geometry.multipliers
        substeps = -(-columns // many)
        self.reach = max(self.reach, columns)
        # An output ends with its kernel's last column, which the last multiplier has in the first substep.
        spread = np.zeros((-(-channels // side) * side, rows, substeps * many), np.int8)
        spread[:channels, :, :columns] = weights[:, :, ::-1]
        steps = spread.reshape(-1, side, rows, substeps, many)[..., ::-1].transpose(0, 2, 3, 4, 1)
        per = 4 if ternary else 1
        entries, words = self._pack(steps.reshape(len(steps), rows * substeps, -1), ternary, per)
        made, slides = self.program.tensors[operator.output].shape[2], columns > 1
        self._add(
            x, operator.output, INT8, how, window=(rows, 1), stride=(down, 1 if slides else right),
            padding=operator.padding, fill=x.tensor.zero_point, ternary=ternary, sliding=True,
            columns=(made - 1) * right + columns if slides else made,
            skip=(columns - 1, right - 1) if slides else (0, 0), substeps=substeps, last_substeps=substeps,
            entries=entries, steps_per_entry=per,
        )  # fmt: skip
        self.weights += words

    def _all(self, weights: NDArray[np.int8], ternary: bool, words: int, lanes: int = 0) -> tuple[int, list[int]]:
        """Words of a dense kernel (outputs, inputs, rows, columns). lanes: of a pixel's last word, if not ternary."""
        side, many, kernel = self.side, self.geometry.multipliers, weights.shape[2:]
        tile = self.geometry.columns if ternary else side
        tiles = -(-len(weights) // tile)
        spread = np.zeros((tiles * tile, words * side, *kernel), np.int8)
        spread[: len(weights), : weights.shape[1]] = weights
        # tiles, rows, columns, words, lanes, outputs of the tile
        ordered = spread.reshape(tiles, tile, words, side, *kernel).transpose(0, 4, 5, 2, 3, 1)
        if ternary:
            return self._pack(ordered.transpose(0, 1, 2, 3, 5, 4).reshape(tiles, -1, tile * side), True, 1)
        steps = ordered.reshape(tiles, kernel[0] * kernel[1], words * side, side)[:, :, : (words - 1) * side + lanes]
        return self._pack(steps.reshape(tiles, -1, many * side), False, 1)

    def _pack(self, steps: NDArray[np.int8], ternary: bool, per: int) -> tuple[int, list[int]]:
        """Words of tiles' steps (tiles, steps, values), the first value lowest, and how many a tile has."""
        tiles, count, values = steps.shape
        entries = -(-count // per)
        padded = np.zeros((tiles, entries * per, values), np.int8)
        padded[:, :count] = steps
        rows = padded.reshape(tiles * entries, -1)
        if ternary:
            bits = np.stack([rows != 0, rows < 0], 2).reshape(len(rows), -1)
        else:
            bits = np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little").astype(bool)
        return entries, [int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little") for row in bits]

    def _table(self, tables: NDArray[np.int8]) -> int:
        """The number of the first of these tables, each kept once where that can be."""
        key = tables.tobytes()
        if key not in self.known:
            self.known[key] = len(self.tables)
            self.tables += list(tables)
        return self.known[key]


Piece = tuple[range, tuple[int, int], tuple[int, int]]


def _cut(channels: range, side: int) -> list[range]:
    """Channels by the word that they are in."""
    starts = [channels.start, *range((channels.start // side + 1) * side, channels.stop, side)]
    return [range(a, b) for a, b in zip(starts, [*starts[1:], channels.stop], strict=True)]


def _alike(channel: NDArray[np.int64], pixel: NDArray[np.int64], side: int) -> list[Piece]:
    """Channels of a word, and every so many rows and columns, for which what is read moves by equal steps.

    channel, pixel: (channels, rows, columns), where each element comes from. A piece is channels, first row and step
    of rows, first column and step of columns.
    """
    count, rows, columns = channel.shape
    each = [(down, right) for down in range(1, rows + 1) for right in range(1, columns + 1)]
    tried = sorted((steps for steps in each if prod(steps) <= MOST_PASSES), key=prod)
    found: list[Piece] = []
    for word in _cut(range(count), side):
        # Lanes that read one pixel, wherever it is.
        borders = [c for c in word[1:] if (pixel[c] != pixel[c - 1]).any()]
        for run in zip([word[0], *borders], [*borders, word[-1] + 1], strict=True):
            of, at = channel[slice(*run)], pixel[run[0]]
            down, right = next((steps for steps in tried if _even(of, at, *steps)), (rows, columns))
            found += [(range(*run), (row, down), (column, right)) for row, column in np.ndindex(down, right)]
    return found


def _even(channel: NDArray[np.int64], pixel: NDArray[np.int64], down: int, right: int) -> bool:
    """Whether every so many rows and columns have the same channels, and pixels at equal steps."""
    for row, column in np.ndindex(down, right):
        channels, pixels = channel[:, row::down, column::right], pixel[row::down, column::right]
        if (channels != channels[:, :1, :1]).any():
            return False
        steps = np.diff(pixels, axis=0), np.diff(pixels, axis=1)
        if any(step.size and (step != step[0, 0]).any() for step in steps):
            return False
    return True


def _copied() -> Rounding:
    return Rounding(np.array([1]), np.array([0]), 0, -128, 127, None)
