"""The columns: each adds up, for one output channel, what a step reads."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..images import Image
from ..passes import INT8, LARGEST, PAIR, PRODUCT, TERNARY


class Columns(wiring.Component):
    """The next sums, from a word of memory and a word of weights.

    Lanes add x, ¬x or nothing; the 1 that makes ¬x + 1 = −x is in the rounding's offset. What a kind of step does not
    use gets zeros, so that it stays still.

    data: a word; fields of the pass by name. first: forget the sums. fire: keep the new ones. aside: the word goes to
    the product or pair that the next step makes. sums: `side` of them, as they will be.
    """

    def __init__(self, image: Image) -> None:
        self.image, self.side, self.bits = image, image.work.geometry.side, image.work.sum_bits
        geometry = image.work.geometry
        flags = ("ternary", "int8", "product", "pair", "largest", "multiply", "dense", "ones", "unsigned", "serial")
        self.flags = flags
        ternary = [one for one in image.work.passes if one.kind == TERNARY]
        self.squares = any(one.dense for one in ternary)  # else a column's only lane is its own
        self.weighted = any(not one.ones for one in ternary)
        super().__init__({
            "data": In(geometry.word_bits), "weights": In(geometry.weight_bits), "lane": In(range(self.side)),
            "sub": In(range(self.side)), "first": In(1), "fire": In(1), "aside": In(1),
            "fill": In(8), "second_fill": In(8), **{name: In(1) for name in flags},
            "sums": Out(self.bits * self.side),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        side, kinds = self.side, self.image.kinds
        bytes_of = [self.data[8 * i : 8 * i + 8] for i in range(side)]
        kept = [Signal(8, name=f"aside{o}", reset_less=True) for o in range(side)]
        if kinds & {PRODUCT, PAIR}:
            with m.If(self.fire & self.aside):
                m.d.sync += [kept[o].eq(bytes_of[o]) for o in range(side)]
        lanes = self._lane_weights(m) if TERNARY in kinds else None
        serial = Signal(8)
        if INT8 in kinds:
            m.d.comb += serial.eq(self.data.word_select(self.lane, 8))
        for o in range(side):
            sum_ = Signal(signed(self.bits), name=f"sum{o}", reset_less=True)
            parts: list[Any] = []
            if lanes is not None:
                parts.append(self._lanes_sum(m, o, bytes_of, lanes))
            if kinds & {INT8, PRODUCT}:
                parts.append(self._product(m, o, bytes_of, kept, serial))
            added = Signal(signed(max(len(p) for p in parts)), name=f"added{o}")
            total = parts[0]
            for part in parts[1:]:  # all but one are zero
                total = total | part
            m.d.comb += added.eq(total)
            made = Signal(signed(self.bits), name=f"made{o}")
            m.d.comb += made.eq(Mux(self.first, 0, sum_) + added)
            x = bytes_of[o].as_signed()
            if LARGEST in kinds:
                with m.If(self.largest):
                    m.d.comb += made.eq(Mux(self.first | (x > sum_[:8].as_signed()), x, sum_[:8].as_signed()))
            if PAIR in kinds:
                with m.If(self.pair):
                    m.d.comb += made.eq(Cat(kept[o], bytes_of[o]))
            with m.If(self.fire & ~self.aside):
                m.d.sync += sum_.eq(made)
            m.d.comb += self.sums[self.bits * o : self.bits * (o + 1)].eq(made)
        return m

    def _lane_weights(self, m: Module) -> list[list[tuple[Any, Any]]]:
        """Of each column and lane: whether it counts, and whether negatively."""
        side = self.side
        one = int("01" * side, 2)
        own = Signal(2 * side)
        m.d.comb += own.eq(one)
        if self.weighted:
            m.d.comb += own.eq(Mux(self.ones, one, self.weights.word_select(self.sub, 2 * side)))
        found = []
        for o in range(side):
            row = []
            for c in range(side) if self.squares else (o,):
                weight = Signal(2, name=f"weight{o}_{c}")
                alone: Any = own[2 * o : 2 * o + 2] if o == c else 0
                at = 2 * (o * side + c)
                with m.If(self.ternary):
                    m.d.comb += weight.eq(Mux(self.dense, self.weights[at : at + 2], alone) if self.squares else alone)
                row.append((weight[0], weight[1]))
            found.append(row)
        return found

    def _lanes_sum(self, m: Module, o: int, bytes_of: list[Any], lanes: list[list[tuple[Any, Any]]]) -> Any:
        terms = []
        for c, (counts, negative) in zip(range(self.side) if self.squares else (o,), lanes[o], strict=True):
            x = Cat(bytes_of[c], bytes_of[c][7] & ~self.unsigned)
            term = Signal(signed(9), name=f"term{o}_{c}")
            m.d.comb += term.eq((x & counts.replicate(9)) ^ negative.replicate(9))
            terms.append(term)
        while len(terms) > 1:  # a tree
            terms = [a + b for a, b in zip(terms[::2], terms[1::2], strict=True)]
        return terms[0]

    def _product(self, m: Module, o: int, bytes_of: list[Any], kept: list[Any], serial: Signal) -> Any:
        kinds = self.image.kinds
        a, b = Signal(signed(9), name=f"a{o}"), Signal(signed(9), name=f"b{o}")
        if INT8 in kinds:
            parts = self.image.weights.width // (8 * self.side)
            sub = self.sub[: parts.bit_length() - 1]
            with m.If(self.int8):
                m.d.comb += [
                    a.eq(Mux(self.serial, serial, bytes_of[o]).as_signed()),
                    b.eq(self.weights.word_select(sub, 8 * self.side)[8 * o : 8 * o + 8].as_signed()),
                ]
        if PRODUCT in kinds:
            with m.If(self.product & ~self.aside):
                m.d.comb += [
                    a.eq(kept[o].as_signed() - self.fill.as_signed()),
                    b.eq(bytes_of[o].as_signed() - self.second_fill.as_signed()),
                ]
        product = Signal(signed(18), name=f"product{o}")
        m.d.comb += product.eq(a * b)
        return product
