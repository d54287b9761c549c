"""The loops of a pass: tiles, pixels, the window, the words of a pixel, the steps of a word."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..images import Image


class Walk(wiring.Component):
    """Where the next step reads.

    begin: start a pass. turn: start its next tile. go: take a step. Addresses are of words, modulo the memory.
    first: of the steps of a pixel; clear: and no sums go on. last: an output ends with this step. tile_end: and the
    tile. fresh: the step reads a word. inside: from the map, not from beside it. entry, sub: the word of weights that
    it needs and which part; fetch: and not the one before.
    """

    def __init__(self, image: Image) -> None:
        memory = image.activations.address_bits
        self.image = image
        widths = image.fields
        self.entry_bits = max(widths["entries"], 1)
        super().__init__({
            "fields": In(sum(widths.values())), "begin": In(1), "turn": In(1), "go": In(1),
            "address": Out(memory), "inside": Out(1), "fresh": Out(1), "second": Out(1),
            "first": Out(1), "clear": Out(1), "last": Out(1), "tile_end": Out(1), "last_tile": Out(1),
            "first_pixel": Out(1), "substep": Out(image.substep_bits), "sub": Out(2), "entry": Out(self.entry_bits),
            "fetch": Out(1), "weight_address": Out(image.weights.address_bits), "target": Out(memory),
            "tile": Out(widths["tiles"]),
        })  # fmt: skip

    def field(self, name: str) -> Any:
        """A field of the pass."""
        return field(self.image, self.fields, name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        f, widths = self.field, self.image.fields
        bits = self.image.activations.address_bits

        def counter(limit: str, extra: int = 0) -> tuple[Signal, Any]:
            count = Signal(widths[limit] + extra, name=f"count_{limit}")
            return count, count == f(limit)

        i, last_row = counter("rows")
        j, last_column = counter("columns")
        u, last_u = counter("kernel_rows")
        v, last_v = counter("kernel_columns")
        k, last_word = counter("words")
        substep, sub, entry = self.substep, self.sub, self.entry
        space = max(widths["height"], widths["width"], widths["kernel_rows"], widths["kernel_columns"]) + 2

        def loaded(width: Any, name: str) -> Signal:
            """A register that a pass's beginning sets, so that it needs no reset."""
            return Signal(width, name=name, reset_less=True)

        top, left = loaded(signed(space), "top"), loaded(signed(space), "left")
        base, row, pixel, tap, at = (loaded(bits, name) for name in ("base", "row", "pixel", "tap", "at"))
        second_base, second_row, second = (loaded(bits, f"second_{name}") for name in ("base", "row", "at"))
        target_base, target = loaded(bits, "target_base"), loaded(bits, "target_now")
        weight_base = loaded(self.image.weights.address_bits, "weight_base")
        skip = loaded(max(widths["skip_first"], widths["skip_next"]), "skip")
        tile, first_pixel = loaded(widths["tiles"], "tile_now"), loaded(1, "first_pixel_now")
        m.d.comb += [self.target.eq(target), self.tile.eq(tile), self.first_pixel.eq(first_pixel)]

        last_substep, last_step = Signal(), Signal()
        m.d.comb += [
            last_substep.eq(~f("serial") | (substep == Mux(last_word, f("last_substeps"), f("substeps")))),
            last_step.eq(last_substep & last_word & last_v & last_u),
            self.last.eq(last_step & (skip == 0)),
            self.first.eq((u == 0) & (v == 0) & (k == 0) & (substep == 0)),
            self.clear.eq(~f("sliding") | (j == 0)),
            self.last_tile.eq(tile == f("tiles")),
            self.tile_end.eq(last_step & last_row & last_column),
            self.second.eq(f("other") & (v != 0)),
            self.address.eq(Mux(self.second, second, at)),
            self.fresh.eq(self.inside & (substep == 0)),
            self.fetch.eq(f("weighted") & (sub == 0)),
            self.weight_address.eq(weight_base + entry),
        ]
        y, x = Signal(signed(space)), Signal(signed(space))
        m.d.comb += [y.eq(top + u), x.eq(left + v)]
        m.d.comb += self.inside.eq(f("other") | ((y >= 0) & (y < f("height")) & (x >= 0) & (x < f("width"))))

        def restart(where: Any, second_where: Any) -> list[Any]:
            return [
                base.eq(where), row.eq(where), pixel.eq(where), tap.eq(where), at.eq(where),
                second_base.eq(second_where), second_row.eq(second_where), second.eq(second_where),
                top.eq(f("top")), left.eq(f("left")), first_pixel.eq(1), skip.eq(f("skip_first")),
            ]  # fmt: skip

        with m.If(self.begin):
            m.d.sync += restart(f("source"), f("second"))
            m.d.sync += [tile.eq(0), target.eq(f("target")), target_base.eq(f("target")), weight_base.eq(f("weights"))]
        with m.Elif(self.turn):
            m.d.sync += restart(base + f("tile_step"), second_base + f("tile_step"))
            m.d.sync += [
                tile.eq(tile + 1),
                target.eq(target_base + f("tile_words")), target_base.eq(target_base + f("tile_words")),
                weight_base.eq(weight_base + f("entries")),
            ]  # fmt: skip
        with m.Elif(self.go):
            with m.If(f("serial")):
                m.d.sync += substep.eq(Mux(last_substep, 0, substep + 1))
            with m.If(f("weighted")):
                wrap = Signal()
                m.d.comb += wrap.eq((sub == f("sub")) | last_step)
                m.d.sync += sub.eq(Mux(wrap, 0, sub + 1))
                with m.If(wrap):
                    m.d.sync += entry.eq(Mux(last_step, 0, entry + 1))
            with m.If(last_substep):
                m.d.sync += [k.eq(Mux(last_word, 0, k + 1)), at.eq(at + 1)]
                with m.If(last_word):
                    m.d.sync += [v.eq(Mux(last_v, 0, v + 1)), at.eq(at + f("next_column"))]
                    with m.If(last_v):
                        below = tap + f("next_row")
                        m.d.sync += [u.eq(Mux(last_u, 0, u + 1)), tap.eq(below), at.eq(below)]
                        with m.If(last_u):
                            self._next_pixel(m, (i, last_row), (j, last_column), (row, pixel, tap, at),
                                             (second_row, second), (top, left, target, skip),
                                             first_pixel)  # fmt: skip
        return m

    def _next_pixel(self, m: Module, rows, columns, places, seconds, corner, first_pixel) -> None:  # type: ignore[no-untyped-def]
        f = self.field
        (i, last_row), (j, last_column) = rows, columns
        row, pixel, tap, at = places
        second_row, second = seconds
        top, left, target, skip = corner
        beside = pixel + f("pixel_column")
        m.d.sync += [
            first_pixel.eq(0), j.eq(Mux(last_column, 0, j + 1)),
            pixel.eq(beside), tap.eq(beside), at.eq(beside),
            second.eq(second + f("second_column")),
            left.eq(left + f("stride_columns")), skip.eq(skip - 1),
        ]  # fmt: skip
        with m.If(skip == 0):
            step = Mux(last_column, f("target_row"), f("target_column"))
            m.d.sync += [target.eq(target + step), skip.eq(f("skip_next"))]
        with m.If(last_column):
            under, second_under = row + f("pixel_row"), second_row + f("second_row")
            m.d.sync += [
                i.eq(Mux(last_row, 0, i + 1)),
                row.eq(under), pixel.eq(under), tap.eq(under), at.eq(under),
                second_row.eq(second_under), second.eq(second_under),
                left.eq(f("left")), top.eq(top + f("stride_rows")), skip.eq(f("skip_first")),
            ]  # fmt: skip


def field(image: Image, bits: Any, name: str) -> Any:
    """The field `name` of the bits of a row of passes, signed where it can be negative."""
    at = 0
    for each, width in image.fields.items():
        if each == name:
            found = bits[at : at + width]
            return found.as_signed() if name in image.signed else found
        at += width
    raise KeyError(name)
