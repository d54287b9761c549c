"""The columns: each adds up, for one output channel, what a step reads."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..images import Image
from ..passes import INT8, LARGEST, PAIR, PRODUCT, TERNARY

FLAGS = ("ternary", "int8", "product", "pair", "largest", "smallest", "dense", "unsigned", "sliding", "signs")


class Columns(wiring.Component):
    """The next sums, from a word of memory and a word of weights.

    Lanes add x, ¬x or nothing; the 1 that makes ¬x + 1 = −x is in the rounding's offset. As many columns as a word has
    channels have lanes and multipliers; those behind have lanes only. What lanes and multipliers make stands in
    registers, and is added to the sums in the cycle after. What a kind of step does not use gets zeros or stays as it
    was, so that it stands still.

    A column's multipliers take as many lanes in a dense step, and in a sliding one the same lane, by as many columns
    of the kernel. Then the sums that have not ended stand in a row, and each moves on with the next column of the map.

    data: a word; fields of the pass by name. fire: keep what this step makes. aside: the word goes to what the next
    step makes of two. Of the step before: first: of the steps of a pixel; clear: and all sums begin; add_substep: its
    substep; add: keep the new sums. sums: of all columns, as they will be.
    """

    def __init__(self, image: Image) -> None:
        self.image, geometry, passes = image, image.work.geometry, image.work.passes
        self.side, self.count, self.multipliers = geometry.side, geometry.columns, geometry.multipliers
        self.bits = image.work.sum_bits
        self.squares = any(one.dense for one in passes if one.kind == TERNARY)  # else a column's only lane is its own
        self.has_slides, self.has_signs = any(one.sliding for one in passes), any(one.ternary for one in passes)
        super().__init__({
            "data": In(geometry.word_bits), "weights": In(geometry.weight_bits),
            "substep": In(image.substep_bits), "sub": In(2), "fire": In(1), "aside": In(1),
            "fill": In(8), "second_fill": In(8), **{name: In(1) for name in FLAGS},
            "first": In(1), "clear": In(1), "add_substep": In(image.substep_bits), "add": In(1),
            "sums": Out(self.bits * self.count),
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
        some = Signal(8 * self.multipliers)  # a dense step's lanes
        if INT8 in kinds:
            m.d.comb += some.eq(self.data.word_select(self.substep, 8 * self.multipliers))
        for o in range(self.count):
            sum_ = Signal(signed(self.bits), name=f"sum{o}", reset_less=True)
            made = Signal(signed(self.bits), name=f"made{o}")
            m.d.comb += self.sums[self.bits * o : self.bits * (o + 1)].eq(made)
            added: list[Any] = []
            if lanes is not None and (o < side or self.squares):
                added.append(self._kept(m, f"tree{o}", self._lanes_sum(m, o, bytes_of, lanes), self.ternary))
            if o >= side:
                m.d.comb += made.eq(Mux(self.first, 0, sum_) + sum(added))
                with m.If(self.add & self.ternary & self.dense):
                    m.d.sync += sum_.eq(made)
                continue
            before: Any = 0
            if kinds & {INT8, PRODUCT}:
                products = self._products(m, o, bytes_of, kept, some)
                before = self._slide(m, o, products) if self.has_slides else 0
                added.append(self._ended(m, o, products))
            total = Signal(signed(max(len(p) for p in added)), name=f"added{o}")
            m.d.comb += [
                total.eq(Mux(self.ternary, added[0], added[-1])),
                made.eq(Mux(self.first, Mux(self.clear, 0, before), sum_) + total),
            ]
            if kinds & {LARGEST, PAIR}:
                seen = self._kept(m, f"seen{o}", bytes_of[o].as_signed(), self.largest | self.pair)
            if LARGEST in kinds:
                x, last = seen, sum_[:8].as_signed()
                with m.If(self.largest):
                    m.d.comb += made.eq(Mux(self.first | ((x > last) ^ self.smallest), x, last))
            if PAIR in kinds:
                with m.If(self.pair):
                    m.d.comb += made.eq(Cat(kept[o], seen))
            with m.If(self.add):
                m.d.sync += sum_.eq(made)
        return m

    def _kept(self, m: Module, name: str, value: Any, used: Any) -> Signal:
        """What a step makes, for the next cycle."""
        kept = Signal(value.shape(), name=name, reset_less=True)
        with m.If(self.fire & used):
            m.d.sync += kept.eq(value)
        return kept

    def _lane_weights(self, m: Module) -> list[list[tuple[Any, Any]]]:
        """Of each column and lane: whether it counts, and whether negatively. Where no weights are read it is its own
        lane that counts.
        """
        found = []
        for o in range(self.count):
            row = []
            for c in range(self.side) if self.squares else (o,):
                weight = Signal(2, name=f"weight{o}_{c}")
                at, own = 2 * (o * self.side + c), int(o == c)
                with m.If(self.ternary):
                    m.d.comb += weight.eq(Mux(self.dense, self.weights[at : at + 2], own) if self.squares else own)
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

    def _products(self, m: Module, o: int, bytes_of: list[Any], kept: list[Any], some: Signal) -> list[Any]:
        """Of a column's multipliers; the last one makes products of maps too."""
        kinds, side, many = self.image.kinds, self.side, self.multipliers
        found = []
        for number in range(many):
            a, b = Signal(signed(9), name=f"a{o}_{number}"), Signal(signed(9), name=f"b{o}_{number}")
            at = number * side + o
            if INT8 in kinds:
                with m.If(self.int8):
                    m.d.comb += [
                        a.eq(Mux(self.dense, some.word_select(number, 8), bytes_of[o]).as_signed()),
                        b.eq(self.weights[8 * at : 8 * at + 8].as_signed()),
                    ]
                    if self.has_signs:
                        part = self.weights.word_select(self.sub, 2 * many * side)[2 * at : 2 * at + 2]
                        with m.If(self.signs):
                            m.d.comb += b.eq(Cat(part[0], part[1]).as_signed())
            if PRODUCT in kinds and number == many - 1:
                with m.If(self.product & ~self.aside):
                    m.d.comb += [
                        a.eq(kept[o].as_signed() - self.fill.as_signed()),
                        b.eq(bytes_of[o].as_signed() - self.second_fill.as_signed()),
                    ]
            found.append(self._kept(m, f"product{o}_{number}", a * b, self.int8 | self.product & ~self.aside))
        return found

    def _slide(self, m: Module, o: int, products: list[Any]) -> Any:
        """The sums that have not ended, those nearest to their end first; where they go on, the nearest."""
        many, reach = self.multipliers, self.image.work.reach
        rest = [Signal(signed(self.bits), name=f"sum{o}_{n}", reset_less=True) for n in range(1, reach)]
        for n, sum_ in enumerate(rest, 1):
            behind = rest[n] if n < len(rest) else 0
            product = Mux(self.add_substep == n // many, products[many - 1 - n % many], 0)
            with m.If(self.add & self.sliding):
                m.d.sync += sum_.eq(Mux(self.first, Mux(self.clear, 0, behind), sum_) + product)
        return rest[0] if rest else 0

    def _ended(self, m: Module, o: int, products: list[Any]) -> Any:
        """What the products add to the sum that ends first."""
        *others, last = products
        if self.has_slides and self.image.work.reach > self.multipliers:
            last = Mux(self.sliding & (self.add_substep != 0), 0, last)
        if not others:
            return last
        rest = Signal(signed(len(others[0]) + 2), name=f"rest{o}")
        m.d.comb += rest.eq(Mux(self.sliding, 0, sum(others)) if self.has_slides else sum(others))
        return rest + last
