#!/usr/bin/env bash
# Migen: a sum or difference within a comparison, a shift or a `Cat` is wider in its simulator than in the Verilog that it writes.
#
# Guess: a circuit that the simulator found right is right in the Verilog: a + b of eight bits has nine, a - b has a sign.
# Seen:  the Verilog has the same expressions without the widths. Of unsigned bytes `a - b < 0` is never true, and of signed ones
#        -100 - 100 < 0 is false: both are computed in eight bits. (a - b) >> 1 of 3 and 250 is -124 in the simulator and
#        524164 in the Verilog, which takes it as unsigned. `Cat(a + 1, b)` has b at bit 9 in the simulator and at bit 8 in the
#        Verilog. a[:8] + b with signed b zero-extends b. a + b, a - b, a * b, a < b and, into 20 bits, (a + b) >> 1 agree.
# With:  migen==0.10.0 (Python 3.11), Icarus Verilog 11.0 (the package iverilog)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check migen==0.10.0 colorama==0.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import subprocess
from importlib.metadata import version

from migen import Cat, Module, Signal, run_simulation
from migen.fhdl.verilog import convert

print("migen", version("migen"))


class Circuit(Module):
    def __init__(self, expression, signed):
        self.a, self.b = Signal((8, signed), name="a"), Signal((8, signed), name="b")
        self.y = Signal((20, True), name="y")
        self.comb += self.y.eq(expression(self.a, self.b))


def simulated(expression, signed, a, b):
    circuit, seen = Circuit(expression, signed), []

    def bench():
        yield circuit.a.eq(a)
        yield circuit.b.eq(b)
        yield
        seen.append((yield circuit.y))

    run_simulation(circuit, bench())
    return seen[0]


def synthesized(expression, signed, a, b):
    circuit = Circuit(expression, signed)
    text = str(convert(circuit, {circuit.a, circuit.b, circuit.y}, name="circuit"))
    kind = "reg signed [7:0]" if signed else "reg [7:0]"
    bench = f"""module bench; {kind} a = {a}; {kind} b = {b}; wire signed [19:0] y;
    circuit c(.a(a), .b(b), .y(y)); initial #1 $display("%0d", y); endmodule"""
    with open("seen.v", "w") as out:
        print(text, bench, sep="\n", file=out)
    subprocess.run(["iverilog", "-g2005", "-s", "bench", "-o", "seen.vvp", "seen.v"], check=True)
    seen = subprocess.run(["vvp", "-n", "seen.vvp"], check=True, capture_output=True, text=True).stdout
    return int(seen), next(line.strip() for line in text.splitlines() if "assign y" in line)


for name, expression, signed, a, b, right, verilog in (
    ("a + b", lambda a, b: a + b, True, -100, -100, -200, -200),
    ("a - b", lambda a, b: a - b, False, 3, 250, -247, -247),
    ("a * b", lambda a, b: a * b, True, -128, -128, 16384, 16384),
    ("a < b", lambda a, b: a < b, True, -100, 100, 1, 1),
    ("(a + b) >> 1", lambda a, b: (a + b) >> 1, False, 200, 100, 150, 150),
    ("a - b < 0, unsigned", lambda a, b: a - b < 0, False, 3, 250, 1, 0),
    ("a - b < 0, signed", lambda a, b: a - b < 0, True, -100, 100, 1, 0),
    ("(a - b) >> 1", lambda a, b: (a - b) >> 1, False, 3, 250, -247 >> 1, ((-247) % 2**20) >> 1),
    ("Cat(a + 1, b)", lambda a, b: Cat(a + 1, b), False, 200, 100, 201 + (100 << 9), 201 + (100 << 8)),
    ("a[:8] + b", lambda a, b: a[:8] + b, True, 3, -50, -47, 3 + 256 - 50),
):
    seen, (answer, line) = simulated(expression, signed, a, b), synthesized(expression, signed, a, b)
    print(f"{name} of {a} and {b}: simulator {seen}, Verilog {answer}: {line}")
    assert (seen, answer) == (right, verilog)
END
