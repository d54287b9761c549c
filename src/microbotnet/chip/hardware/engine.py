"""The engine: it reads a pass, walks through it, sums in columns, rounds and writes.

Stages after each other: what is read is asked for; it arrives; it is multiplied, or added up by lanes; that is added to
the columns' sums; those of a finished pixel are taken, some a cycle are chosen, multiplied, rounded, looked up and
written, while the next pixel's are made. What each stage begins with stands in registers, so that it changes once a
cycle. A tile begins while the last one's sums are rounded; its own wait until its constants are there.
"""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..images import Image
from ..passes import PAIR
from .columns import FLAGS, Columns
from .rounder import Rounder
from .walk import Walk, field


class Engine(wiring.Component):
    """The whole but for its memories.

    start: run a picture that lies in the activation memory; busy until done, which lasts one cycle. pass_number: the
    pass that runs; passed: it has ended and all it wrote is in memory. The memories answer in the next cycle and keep
    their answer until they are asked again, over writes too. A read and a write never meet in one bank.
    result: scores of 16 bits, in order, `requantizers` at once.
    """

    def __init__(self, image: Image) -> None:
        self.image, geometry = image, image.work.geometry
        self.side, self.columns = geometry.side, geometry.columns
        self.rounders = min(geometry.requantizers, geometry.side)
        table = image.tables.address_bits
        reads = {
            name: {"enable": Out(1), "address": Out(memory.address_bits), "data": In(memory.width)}
            for name, memory in (("read", image.activations), ("weights", image.weights),
                                 ("constants", image.constants), ("passes", image.passes))
            if not (geometry.hardwired and name == "weights")
        }  # fmt: skip
        super().__init__({
            "start": In(1), "busy": Out(1), "done": Out(1),
            "pass_number": Out(image.passes.address_bits), "passed": Out(1),
            **{f"{name}_{port}": flow for name, ports in reads.items() for port, flow in ports.items()},
            "write_enable": Out(self.side), "write_address": Out(image.activations.address_bits),
            "write_data": Out(geometry.word_bits),
            "tables_enable": Out(self.rounders), "tables_address": Out(self.rounders * table),
            "tables_data": In(8 * self.rounders),
            "result_valid": Out(self.rounders), "result": Out(16 * self.rounders),
        })  # fmt: skip

    def field(self, name: str) -> Any:
        """A field of the pass that runs; the memory keeps it."""
        return field(self.image, self.passes_data, name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.walk = walk = Walk(self.image)
        m.submodules.columns = columns = Columns(self.image)
        m.d.comb += walk.fields.eq(self.passes_data)
        self.idle, self.stall = Signal(), Signal()  # nothing is on its way; the columns wait for the rounders
        self.running, self.stale, self.pending = Signal(), Signal(), Signal()
        self.adding, self.turned = Signal(), Signal()  # a step is on its way; the last of a tile is added
        multipliers, offsets = self._constants(m, walk)
        self._sequence(m, walk)
        taken = self._sum(m, walk, columns)
        self._drain(m, columns, taken, multipliers, offsets)
        return m

    def _sequence(self, m: Module, walk: Walk) -> None:
        """Which pass, which tile."""
        number = self.pass_number
        m.d.comb += self.passes_address.eq(number)
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += number.eq(0)
                m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += [self.busy.eq(1), self.passes_enable.eq(1)]
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += [self.busy.eq(1), walk.begin.eq(1)]
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += [self.busy.eq(1), self.running.eq(1)]
                with m.If(walk.go & walk.tile_end):
                    m.next = "TURN"
                    with m.If(walk.last_tile):
                        m.next = "WAIT"
            with m.State("TURN"):  # what the tile's last step reads has arrived, or waits
                m.d.comb += self.busy.eq(1)
                with m.If(~self.stall):
                    m.d.comb += walk.turn.eq(1)
                    m.next = "RUN"
            with m.State("WAIT"):
                m.d.comb += self.busy.eq(1)
                with m.If(self.idle):
                    with m.If(number == self.image.passes.depth - 1):
                        m.d.comb += [self.passed.eq(1), self.done.eq(1)]
                        m.next = "IDLE"
                    with m.Else():
                        m.d.comb += self.passed.eq(1)
                        m.d.sync += number.eq(number + 1)
                        m.next = "FETCH"

    def _constants(self, m: Module, walk: Walk) -> tuple[list[Signal], list[Signal]]:
        """Each column's multiplier and offset, or one row for all, read when the last tile's have done their work."""
        f, count, image = self.field, self.columns, self.image
        multipliers = [Signal(image.multiplier_bits, name=f"multiplier{o}", reset_less=True) for o in range(count)]
        offsets = [Signal(image.offset_bits, name=f"offset{o}", reset_less=True) for o in range(count)]
        column, row = Signal(range(count)), Signal(image.constants.address_bits, reset_less=True)
        asked, ends = Signal(), Signal()
        m.d.comb += [self.constants_address.eq(row), ends.eq(~f("spread") | (column == f("tile")))]
        with m.If(walk.begin):
            m.d.sync += row.eq(f("constants"))
        with m.If(walk.begin | (self.turned & f("own_rows"))):
            m.d.sync += [self.stale.eq(1), asked.eq(0)]
        arrived, at = Signal(), Signal(range(count), reset_less=True)
        m.d.sync += arrived.eq(self.constants_enable)
        with m.If(self.stale & ~self.pending):
            with m.If(~asked):
                m.d.comb += self.constants_enable.eq(1)
                m.d.sync += [at.eq(column), column.eq(Mux(ends, 0, column + 1)), row.eq(row + 1), asked.eq(ends)]
            with m.Else():
                m.d.sync += self.stale.eq(0)
        with m.If(arrived):
            for o in range(count):
                with m.If((at == o) | ~f("spread")):
                    m.d.sync += [
                        multipliers[o].eq(self.constants_data[: image.multiplier_bits]),
                        offsets[o].eq(self.constants_data[image.multiplier_bits :]),
                    ]
        return multipliers, offsets

    def _sum(self, m: Module, walk: Walk, columns: Columns) -> dict[str, Signal]:
        """A step: what it reads is asked for, arrives, is worked out and is added to the sums, a cycle each."""
        f, side, image = self.field, self.side, self.image
        banks = image.work.geometry.banks
        meets = (self.read_address ^ self.write_address)[: banks.bit_length() - 1] == 0 if banks > 1 else Const(1)
        blocked = Signal()
        m.d.comb += [
            blocked.eq(walk.fresh & self.write_enable.any() & meets),
            walk.go.eq(self.running & ~self.stall & ~blocked),
            self.read_address.eq(walk.address), self.read_enable.eq(walk.go & walk.fresh),
        ]  # fmt: skip
        read_weights = walk.go & walk.fetch & (walk.first_pixel | ~f("held"))
        from_rom = self._weights(m, read_weights, walk.weight_address)
        widths = {
            "valid": 1, "inside": 1, "first": 1, "clear": 1, "last": 1, "substep": len(walk.substep),
            "sub": len(walk.sub), "second": 1, "tile_end": 1, "last_tile": 1, "target": len(walk.target),
            "tile": len(walk.tile),
        }  # fmt: skip
        asked, step, made = (
            {name: Signal(width, name=f"{name}_{at}", reset_less=name != "valid") for name, width in widths.items()
             if at != "made" or name not in ("inside", "sub")}
            for at in ("asked", "step", "made")
        )  # fmt: skip
        entry = Signal(len(walk.entry), reset_less=True)
        filling, kept = Signal(reset_less=True), Signal(reset_less=True)
        with m.If(~self.stall):
            m.d.sync += [asked["valid"].eq(walk.go), step["valid"].eq(asked["valid"]), made["valid"].eq(step["valid"])]
        with m.If(walk.go):
            m.d.sync += [asked[name].eq(getattr(walk, name)) for name in widths if name != "valid"]
            m.d.sync += [
                entry.eq(walk.entry), filling.eq(walk.fetch & f("held") & walk.first_pixel),
                kept.eq(f("held") & ~walk.first_pixel),
            ]  # fmt: skip
        weights = Signal(image.weights.width)
        entries = image.work.buffer_entries
        m.d.comb += weights.eq(from_rom)
        if entries:
            buffer = Array(Signal(image.weights.width, name=f"buffer{n}", reset_less=True) for n in range(entries))
            with m.If(asked["valid"] & filling):
                m.d.sync += buffer[entry].eq(from_rom)
            with m.If(kept):
                m.d.comb += weights.eq(buffer[entry])
        data, operands = Signal(len(columns.data), reset_less=True), Signal(len(weights), reset_less=True)
        fill = Signal(8)  # the field is as wide as the largest fill
        m.d.comb += fill.eq(f("fill"))
        with m.If(asked["valid"] & ~self.stall):
            m.d.sync += [step[name].eq(asked[name]) for name in widths if name != "valid"]
            m.d.sync += data.eq(Mux(asked["inside"], self.read_data, fill.replicate(side)))
            with m.If(f("ternary") & f("dense") | f("int8")):
                m.d.sync += operands.eq(weights)
        fire, add = step["valid"] & ~self.stall, made["valid"] & ~self.stall
        with m.If(fire):
            m.d.sync += [made[name].eq(step[name]) for name in made if name != "valid"]
        m.d.comb += [
            columns.data.eq(data), columns.weights.eq(operands),
            columns.substep.eq(step["substep"]), columns.sub.eq(step["sub"]),
            columns.fire.eq(fire), columns.aside.eq(f("two") & ~step["second"]),
            columns.fill.eq(fill), columns.second_fill.eq(f("second_fill")),
            columns.first.eq(made["first"] | f("two")), columns.clear.eq(made["clear"]),
            columns.add_substep.eq(made["substep"]), columns.add.eq(add & ~(f("two") & ~made["second"])),
            *(getattr(columns, name).eq(f(name)) for name in FLAGS),
        ]  # fmt: skip
        m.d.comb += self.adding.eq(asked["valid"] | step["valid"] | made["valid"])
        return {**made, "add": add}

    def _weights(self, m: Module, enable: Any, address: Any) -> Any:
        """The word of weights that was asked for last: from outside, or from gates where they are hardwired."""
        image = self.image
        if not image.work.geometry.hardwired:
            m.d.comb += [self.weights_enable.eq(enable), self.weights_address.eq(address)]
            return self.weights_data
        m.submodules.rom = rom = Memory(shape=image.weights.width, depth=image.weights.depth, init=image.weights.rows)
        port = rom.read_port()
        m.d.comb += [port.en.eq(enable), port.addr.eq(address)]
        return port.data

    def _drain(self, m, columns, step, multipliers, offsets) -> None:  # type: ignore[no-untyped-def]
        """Sums of a pixel out of the columns, through the rounders, into words, into memory."""
        f, side, count = self.field, self.side, self.rounders
        bits, groups = columns.bits, self.columns // count
        few, more = Signal(bits * side, reset_less=True), Signal(bits * (self.columns - side), reset_less=True)
        sums = Cat(few, more)
        pending, group, again = self.pending, Signal(range(groups), reset_less=True), Signal()
        first, last = Signal(range(side), reset_less=True), Signal(range(self.columns + 1), reset_less=True)
        target, tile = Signal(len(step["target"]), reset_less=True), Signal(len(step["tile"]), reset_less=True)
        last_group = Signal()
        has_pair = PAIR in self.image.kinds
        second_half = again if has_pair else Const(1)
        waits = f("pair") & ~second_half if has_pair else Const(0)
        shift = count.bit_length() - 1
        m.d.comb += last_group.eq((group == ((last - 1) >> shift)[: len(group)]) & ~waits)
        ready = Signal()
        m.d.comb += ready.eq((~pending | last_group) & ~self.stale)
        m.d.comb += self.stall.eq(step["valid"] & step["last"] & ~ready)
        take = Signal()
        m.d.comb += [take.eq(step["add"] & step["last"]), self.turned.eq(take & step["tile_end"] & ~step["last_tile"])]
        with m.If(pending):
            if has_pair:
                m.d.sync += again.eq(f("pair") & ~again)
            with m.If(~waits):
                m.d.sync += group.eq(group + 1)
            with m.If(last_group):
                m.d.sync += pending.eq(0)
        with m.If(take):
            m.d.sync += [
                few.eq(columns.sums), pending.eq(1), again.eq(0), group.eq(f("first") >> shift),
                first.eq(f("first")), last.eq(Mux(step["last_tile"], f("last"), f("tile") + 1)),
                target.eq(step["target"]), tile.eq(step["tile"]),
            ]  # fmt: skip
            with m.If(f("ternary") & f("dense")):
                m.d.sync += more.eq(columns.sums[len(few) :])

        def of(values: list[Any], number: int, group: Signal) -> Any:
            """Of each column the value of the one that rounder `number` has in that group."""
            return Array(values[number::count])[group]

        sum_of = [sums[bits * o : bits * (o + 1)].as_signed() for o in range(self.columns)]
        stages = [{name: Signal(width, name=f"{name}_{at}", reset_less=name != "valid") for name, width in {
            "valid": 1, "end": 1, "group": len(group), "first": len(first), "last": len(last), "target": len(target),
            "tile": len(tile),
        }.items()} for at in ("chosen", "multiplied", "rounded", "looked")]  # fmt: skip
        chosen, multiplied, rounded, looked = stages
        for at, stage in (("chosen", chosen), ("multiplied", multiplied)):
            stage |= {name: Signal(name=f"{name}_{at}", reset_less=True) for name in ("again", "waits")}
        m.d.sync += [chosen["valid"].eq(pending), multiplied["valid"].eq(chosen["valid"])]
        m.d.sync += rounded["valid"].eq(multiplied["valid"] & ~multiplied["waits"])
        m.d.sync += looked["valid"].eq(rounded["valid"] & ~f("wide"))
        with m.If(pending):
            values = {"end": last_group, "group": group, "first": first, "last": last, "target": target, "tile": tile,
                      "again": again, "waits": waits}  # fmt: skip
            m.d.sync += [chosen[name].eq(value) for name, value in values.items()]
        with m.If(chosen["valid"]):
            m.d.sync += [multiplied[name].eq(chosen[name]) for name in chosen if name != "valid"]
        with m.If(multiplied["valid"]):
            m.d.sync += [rounded[name].eq(multiplied[name]) for name in rounded if name != "valid"]
        with m.If(rounded["valid"]):
            m.d.sync += [looked[name].eq(rounded[name]) for name in ("end", "group", "first", "last", "target")]
        made_bytes = []
        for number in range(count):
            rounder = Rounder(self.image)
            m.submodules[f"rounder{number}"] = rounder
            value, multiplier = of(sum_of, number, group), of(multipliers, number, group)
            offset = of(offsets, number, multiplied["group"])
            if has_pair:
                half = Mux(again, value[8:16], value[:8]).as_signed()
                value = Mux(f("pair"), half, value)
                multiplier = Mux(f("pair"), Mux(again, multipliers[1], multipliers[0]), multiplier)
                offset = Mux(f("pair"), offsets[0], offset)
            with m.If(pending):
                m.d.sync += [rounder.value.eq(value), rounder.multiplier.eq(multiplier)]
            m.d.comb += [
                rounder.fire.eq(chosen["valid"]), rounder.add.eq(multiplied["valid"]),
                rounder.again.eq(multiplied["again"]), rounder.offset.eq(offset),
                rounder.shift.eq(f("shift")), rounder.low.eq(f("low")), rounder.high.eq(f("high")),
            ]  # fmt: skip
            made_bytes.append(self._look_up(m, rounder, number, rounded))
        self._write(m, made_bytes, looked)
        m.d.comb += self.idle.eq(~Cat(self.adding, pending, *(stage["valid"] for stage in stages)).any())

    def _look_up(self, m: Module, rounder: Rounder, number: int, rounded: dict[str, Signal]) -> Signal:
        """The rounded value through its table, if it has one; out to the user, if it is a score."""
        f, bits = self.field, self.image.tables.address_bits
        column = Cat(Const(number, self.rounders.bit_length() - 1), rounded["group"]) if self.rounders > 1 else (
            rounded["group"])  # fmt: skip
        mine = rounded["valid"] & (column >= rounded["first"]) & (column < rounded["last"])
        plain, made = Signal(8, name=f"plain{number}", reset_less=True), Signal(8, name=f"made{number}")
        with m.If(mine & ~f("wide")):
            m.d.sync += plain.eq(rounder.made[:8])
        table = Signal(max(bits - 8, 1), name=f"table{number}")
        channel = Cat(column[: (self.side - 1).bit_length()], rounded["tile"])
        m.d.comb += table.eq(f("table") + Mux(f("own_tables"), channel, 0))
        m.d.comb += [
            self.tables_enable[number].eq(mine & f("tabled")),
            self.tables_address[bits * number : bits * (number + 1)].eq(Cat(rounder.made[:7], ~rounder.made[7], table)),
            made.eq(Mux(f("tabled"), self.tables_data[8 * number : 8 * number + 8], plain)),
            self.result_valid[number].eq(mine & f("wide")),
            self.result[16 * number : 16 * number + 16].eq(rounder.made),
        ]
        return made

    def _write(self, m: Module, made: list[Signal], looked: dict[str, Signal]) -> None:
        """Bytes gathered to words, each of which is written with its last."""
        side, count = self.side, self.rounders
        word = [Signal(8, name=f"byte{o}", reset_less=True) for o in range(side)]
        within = (side // count - 1).bit_length()  # bits of the number of a group in its word
        group, which = looked["group"][:within], looked["group"][within:]
        new = [Mux(group == o // count, made[o % count], word[o]) for o in range(side)]
        with m.If(looked["valid"]):
            m.d.sync += [word[o].eq(new[o]) for o in range(side)]
            with m.If(looked["end"] | (group == side // count - 1)):
                columns = [Cat(Const(o, (side - 1).bit_length()), which) for o in range(side)]
                m.d.comb += self.write_enable.eq(Cat((c >= looked["first"]) & (c < looked["last"]) for c in columns))
        m.d.comb += [self.write_address.eq(looked["target"] + which), self.write_data.eq(Cat(new))]
