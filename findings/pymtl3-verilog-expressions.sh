#!/usr/bin/env bash
# PyMTL3: in the Verilog that it writes, sext and the reductions of an expression lack their brackets: another bit is the sign.
#
# Guess: sext(a - b, 16) repeats the top bit of a - b, and reduce_xor(a - b) is the parity of a - b, in the simulator and in the
#        Verilog that VerilogTranslationPass makes of the same block.
# Seen:  sext becomes { { 8 { a - b[7] } }, a - b }, whose sign is a minus the top bit of b: 0 - 1 is -1 in the simulator and 255 in the
#        Verilog, and 89 of 100 pairs differ; reduce_xor(a - b) becomes ^ a - b, the parity of a minus b, and 56 differ.
#        sext of a sum, product, and, xor, shift and comparison, and the reductions of sums, ands and exclusive
#        ors, are wrong too. sext(~a), sext of a port and of a slice agree, as do zext, trunc, concat, a shift and a comparison
#        of such expressions, and both functions over a wire that holds the expression.
# With:  pymtl3==3.1.17 (Python 3.11), Icarus Verilog 11.0 (the package iverilog)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check pymtl3==3.1.17
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
import importlib
import re
import subprocess
import sys
from importlib.metadata import version

print("pymtl3", version("pymtl3"))
sys.path.insert(0, ".")
NUMBERS = (0, 1, 2, 7, 16, 100, 127, 128, 200, 255)
PAIRS = [(a, b) for a in NUMBERS for b in NUMBERS]
CASES = (
    # expression of the ports, bits of the result, its exact value, is the Verilog right
    ("sext(a - b, 16)", 16, lambda a, b: signed(a - b), False),
    ("sext(a + b, 16)", 16, lambda a, b: signed(a + b), False),
    ("sext(a * b, 16)", 16, lambda a, b: signed(a * b), False),
    ("sext(a & b, 16)", 16, lambda a, b: signed(a & b), False),
    ("sext(a ^ b, 16)", 16, lambda a, b: signed(a ^ b), False),
    ("sext(a << b, 16)", 16, lambda a, b: signed(a << b), False),
    ("sext(a < b, 8)", 8, lambda a, b: -(a < b), False),
    ("reduce_and(a + b)", 1, lambda a, b: (a + b) % 256 == 255, False),
    ("reduce_or(a & b)", 1, lambda a, b: a & b != 0, False),
    ("reduce_xor(a - b)", 1, lambda a, b: ones((a - b) % 256), False),
    ("reduce_xor(a & b)", 1, lambda a, b: ones(a & b), False),
    ("reduce_xor(a ^ b)", 1, lambda a, b: ones(a ^ b), False),
    # what agrees
    ("sext(~a, 16)", 16, lambda a, b: signed(~a), True),
    ("sext(a, 16)", 16, lambda a, b: signed(a), True),
    ("sext(a[4:8], 8)", 8, lambda a, b: signed(a & 0xF0) >> 4, True),
    ("zext(a - b, 16)", 16, lambda a, b: (a - b) % 256, True),
    ("zext(a < b, 8)", 8, lambda a, b: a < b, True),
    ("trunc(a + b, 4)", 4, lambda a, b: a + b, True),
    ("concat(a + b, b)", 16, lambda a, b: (a + b) % 256 * 256 + b, True),
    ("(a + b) >> 1", 8, lambda a, b: (a + b) % 256 >> 1, True),
    ("(a - b) < b", 1, lambda a, b: (a - b) % 256 < b, True),
    ("reduce_xor(a)", 1, lambda a, b: ones(a), True),
    ("sext(w, 16)", 16, lambda a, b: signed(a - b), True),
    ("reduce_xor(w)", 1, lambda a, b: ones((a - b) % 256), True),
)


def signed(number):
    return (number + 128) % 256 - 128


def ones(number):
    return bin(number).count("1") % 2


with open("circuits.py", "w") as out:
    print("from pymtl3 import *", file=out)
    for number, (expression, bits, _, _) in enumerate(CASES):
        of_ports = re.sub(r"\b([abw])\b", r"s.\1", expression)
        print(f"""
class Circuit{number}(Component):
    def construct(s):
        s.a, s.b, s.y, s.w = InPort(8), InPort(8), OutPort({bits}), Wire(8)
        @update
        def difference():
            s.w @= s.a - s.b
        @update
        def result():
            s.y @= {of_ports}""", file=out)

circuits = importlib.import_module("circuits")
from pymtl3 import DefaultPassGroup
from pymtl3.passes.backends.verilog import VerilogTranslationPass


def simulated(kind):
    circuit, seen = kind(), []
    circuit.elaborate()
    circuit.apply(DefaultPassGroup())
    for a, b in PAIRS:
        circuit.a @= a
        circuit.b @= b
        circuit.sim_eval_combinational()
        seen.append(int(circuit.y))
    return seen


def synthesized(kind, bits):
    circuit = kind()
    circuit.elaborate()
    circuit.set_metadata(VerilogTranslationPass.enable, True)
    circuit.apply(VerilogTranslationPass())
    with open(circuit.get_metadata(VerilogTranslationPass.translated_filename)) as file:
        text = file.read()
    top = circuit.get_metadata(VerilogTranslationPass.translated_top_module)
    steps = "\n".join(f'a = {a}; b = {b}; #1 $display("%0d", y);' for a, b in PAIRS)
    bench = f"""module bench; reg [7:0] a, b; wire [{bits - 1}:0] y;
    {top} c(.a(a), .b(b), .y(y), .clk(1'b0), .reset(1'b0)); initial begin {steps} end endmodule"""
    with open("seen.sv", "w") as out:
        print(text, bench, sep="\n", file=out)
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", "seen.vvp", "seen.sv"], check=True, capture_output=True)
    seen = subprocess.run(["vvp", "-n", "seen.vvp"], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in seen.split()], next(line.strip() for line in text.splitlines() if re.match(r"\s*y = ", line))


wrong = {}
for number, (expression, bits, exact, right) in enumerate(CASES):
    kind = getattr(circuits, f"Circuit{number}")
    simulator, (verilog, line) = simulated(kind), synthesized(kind, bits)
    assert simulator == [int(exact(a, b)) % 2**bits for a, b in PAIRS]
    wrong[expression] = sum(ours != theirs for ours, theirs in zip(simulator, verilog))
    pair = next((place for place in range(len(PAIRS)) if simulator[place] != verilog[place]), None)
    example = "" if pair is None else f", as of {PAIRS[pair]}: simulator {simulator[pair]}, Verilog {verilog[pair]}"
    print(f"{expression}: {wrong[expression]} of {len(PAIRS)} differ{example}: {line}")
    assert (wrong[expression] == 0) == right
assert wrong["sext(a - b, 16)"] == 89 and wrong["reduce_xor(a - b)"] == 56
END
