"""The read-only memories of a program's engine, bit by bit, and the widths of what they hold."""

from dataclasses import dataclass
from functools import cached_property

from .passes import KINDS, PAIR, PRODUCT, Pass, Work


@dataclass(frozen=True)
class Memory:
    """A memory of the engine. rows: its contents, or None for one that is written."""

    name: str
    width: int
    depth: int
    rows: tuple[int, ...] | None

    @property
    def size_bytes(self) -> float:
        """Bytes that it holds."""
        return self.width * self.depth / 8

    @property
    def address_bits(self) -> int:
        """Of an address."""
        return max((self.depth - 1).bit_length(), 1)


@dataclass(frozen=True)
class Image:
    """A program's memories. fields: of a row of `passes`, lowest first, with their widths."""

    work: Work
    fields: dict[str, int]
    signed: frozenset[str]
    multiplier_bits: int
    offset_bits: int
    activations: Memory
    weights: Memory
    constants: Memory
    tables: Memory
    passes: Memory

    @cached_property
    def kinds(self) -> frozenset[int]:
        """The kinds of steps that occur."""
        return frozenset(one.kind for one in self.work.passes)

    @property
    def shifts(self) -> tuple[int, ...]:
        """All shifts that occur."""
        return tuple(sorted({one.shift for one in self.work.passes}))

    @property
    def substep_bits(self) -> int:
        """Of the number of a step of a word."""
        return max(self.fields["substeps"], self.fields["last_substeps"])

    @property
    def memories(self) -> tuple[Memory, ...]:
        """All of them."""
        return self.activations, self.weights, self.constants, self.tables, self.passes

    @property
    def copies(self) -> dict[str, int]:
        """How many there are of each: one of the tables for each requantizer, none of weights in gates."""
        geometry = self.work.geometry
        others = {"tables": min(geometry.requantizers, geometry.side), "weights": int(not geometry.hardwired)}
        return {memory.name: others.get(memory.name, 1) for memory in self.memories}

    @property
    def memory_bytes(self) -> dict[str, int]:
        """Of all copies of each."""
        return {m.name: round(m.size_bytes) * self.copies[m.name] for m in self.memories}


def image(work: Work) -> Image:
    """The memories of `work`."""
    side = work.geometry.side
    banks = work.geometry.banks
    words = -(-max(work.storage.words, 2 * banks) // banks) * banks
    activations = Memory("activations", work.geometry.word_bits, words, None)
    rows = [_fields(one, activations.address_bits) for one in work.passes]
    widths = {}
    signed = set()
    for name in rows[0]:
        values = [row[name] for row in rows]
        if min(values) < 0:
            signed.add(name)
        widths[name] = max(1, *((v if v >= 0 else -v - 1).bit_length() for v in values)) + (name in signed)
    packed = []
    for row in rows:
        at = value = 0
        for name, width in widths.items():
            value |= (row[name] & ((1 << width) - 1)) << at
            at += width
        packed.append(value)
    multipliers, offsets = work.constants[:, 0], work.constants[:, 1]
    multiplier_bits, offset_bits = _signed_bits(multipliers), _signed_bits(offsets)
    constants = [
        (int(m) & ((1 << multiplier_bits) - 1)) | (int(o) & ((1 << offset_bits) - 1)) << multiplier_bits
        for m, o in work.constants
    ]
    constants += [0] * side  # a pair reads rows of columns that it does not have
    tables = tuple(int(v) & 255 for v in work.tables.ravel())
    weights = work.weights or (0,)
    return Image(
        work, widths, frozenset(signed), multiplier_bits, offset_bits, activations,
        Memory("weights", work.geometry.weight_bits, len(weights), weights),
        Memory("constants", multiplier_bits + offset_bits, len(constants), tuple(constants)),
        Memory("tables", 8, len(tables), tables),
        Memory("passes", sum(widths.values()), len(packed), tuple(packed)),
    )  # fmt: skip


def _signed_bits(values) -> int:  # type: ignore[no-untyped-def]
    largest = max(int(values.max()), -int(values.min()) - 1, 0)
    return largest.bit_length() + 1


def _fields(one: Pass, address_bits: int) -> dict[str, int]:
    """What the engine reads of a pass; see `hardware`. Counts are given as the last value of their counter."""
    (rows, columns), (kernel_rows, kernel_columns) = one.size, one.window
    return {
        **{name: int(one.kind == kind) for kind, name in enumerate(KINDS)},
        "two": int(one.kind in (PRODUCT, PAIR)), "other": int(one.second >= 0),
        "smallest": int(one.smallest), "signs": int(one.ternary), "dense": int(one.dense),
        "unsigned": int(one.unsigned),
        "serial": int(one.substeps > 1), "sliding": int(one.sliding), "weighted": int(one.entries > 0),
        "tiles": one.tiles - 1, "tile": one.tile - 1, "tile_words": one.tile // one.side,
        "rows": one.rows - 1, "columns": one.columns - 1,
        "kernel_rows": kernel_rows - 1, "kernel_columns": kernel_columns - 1,
        "words": one.words - 1, "substeps": one.substeps - 1, "last_substeps": one.last_substeps - 1,
        "first": one.first, "last": one.last, "skip_first": one.skip[0], "skip_next": one.skip[1],
        "height": rows, "width": columns, "stride_rows": one.stride[0], "stride_columns": one.stride[1],
        "top": -one.padding[0], "left": -one.padding[1],
        "fill": one.fill & 255, "second_fill": one.second_fill & 255,
        "source": one.source % (1 << address_bits), "tile_step": one.tile_step,
        "next_column": (one.in_words - (one.words - 1)), "next_row": columns * one.in_words,
        "pixel_column": one.pixel_column, "pixel_row": one.pixel_row,
        "second": max(one.second, 0), "second_column": one.second_column, "second_row": one.second_row,
        "target": one.target, "target_column": one.target_column, "target_row": one.target_row,
        "wide": int(one.wide),
        "held": int(one.held), "entries": one.entries, "weights": one.weights, "sub": one.steps_per_entry - 1,
        "constants": one.constants, "spread": int(one.spread), "own_rows": int(one.own_rows),
        "shift": one.shift, "low": one.low & 0xFFFF, "high": one.high & 0xFFFF,
        "table": max(one.table, 0), "tabled": int(one.table >= 0), "own_tables": int(one.own_tables),
    }  # fmt: skip
