#!/usr/bin/env bash
# PyRTL: signed_tree_multiplier takes the most negative number as zero.
#
# Guess: a multiplier of "two's-complement signed integers" multiplies all of them.
# Seen:  in four bits -8 times anything is 0, so that 29 of 256 products are wrong; in six bits, -32 times anything. It multiplies the
#        absolute values with one bit less than they need. signed_mult is right for all pairs.
# With:  pyrtl==1.0.3 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check pyrtl==1.0.3
cd "$room"
"$room/venv/bin/python" - <<'END'
from importlib.metadata import version

import pyrtl
from pyrtl.rtllib import multipliers

print("pyrtl", version("pyrtl"))
wrong = {}
for bits in (4, 6):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1)
    for name, circuit in (("signed_tree_multiplier", multipliers.signed_tree_multiplier), ("signed_mult", pyrtl.signed_mult)):
        pyrtl.reset_working_block()
        a, b, product = pyrtl.Input(bits, "a"), pyrtl.Input(bits, "b"), pyrtl.Output(2 * bits, "product")
        product <<= circuit(a, b)
        simulation = pyrtl.FastSimulation()
        found = {}
        for x in range(low, high):
            for y in range(low, high):
                simulation.step({"a": x, "b": y})
                value = pyrtl.val_to_signed_integer(simulation.inspect("product"), 2 * bits)
                if value != x * y:
                    found[x, y] = value
        print(f"{bits} bits, {name}: {len(found)} of {4**bits} products wrong", list(found.items())[:3])
        wrong[bits, name] = found
for bits in (4, 6):
    low = -(2 ** (bits - 1))
    found = wrong[bits, "signed_tree_multiplier"]
    assert len(found) == 2 ** (bits + 1) - 3 and set(found.values()) == {0}
    assert all(low in pair and 0 not in pair for pair in found)
    assert not wrong[bits, "signed_mult"]
END
