"""The rounder: y = clamp((sum·multiplier + offset) >> shift), and its table's index."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..images import Image


class Rounder(wiring.Component):
    """Rounds one sum a cycle.

    value·multiplier is kept at the end of the cycle in which `fire`, and that + offset at the end of the one in which
    `add`. With `again`, what is kept takes the offset's place, so that a pair of values with a multiplier each needs
    two cycles. made: that, shifted and clamped.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        super().__init__({
            "value": In(signed(image.work.sum_bits)), "multiplier": In(signed(image.multiplier_bits)),
            "offset": In(signed(image.offset_bits)), "fire": In(1), "again": In(1), "add": In(1),
            "shift": In(image.fields["shift"]), "low": In(signed(16)), "high": In(signed(16)),
            "made": Out(signed(16)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.image.work.round_bits
        product, kept = (Signal(signed(bits), name=name, reset_less=True) for name in ("product", "kept"))
        base, shifted = Signal(signed(bits)), Signal(signed(bits))
        m.d.comb += base.eq(Mux(self.again, kept, self.offset))
        with m.If(self.fire):
            m.d.sync += product.eq(self.value * self.multiplier)
        with m.If(self.add):
            m.d.sync += kept.eq(product + base)
        ways = {shift: kept >> shift for shift in self.image.shifts}
        with m.Switch(self.shift):
            for shift, way in ways.items():
                with m.Case(shift):
                    m.d.comb += shifted.eq(way)
        m.d.comb += self.made.eq(Mux(shifted < self.low, self.low, Mux(shifted > self.high, self.high, shifted)))
        return m
