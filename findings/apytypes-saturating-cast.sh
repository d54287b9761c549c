#!/usr/bin/env bash
# APyTypes: a saturating cast to more fractional bits gives a wrong number, even one of the other sign.
#
# Guess: with OverflowMode.SAT a value beyond the target's range becomes its largest or smallest number.
# Seen:  from 33 integer bits to 16, 123456 becomes the largest number with 31 fractional bits, and -7616 with 48; 65536 becomes 0,
#        and 2^31 the smallest number with 32. The value is moved to the new point before it is compared with the limits, in a word
#        of 64 bits, and loses what it has above. Arrays do the same. A target of more than 64 bits is right.
# With:  apytypes==0.5.1 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check apytypes==0.5.1
cd "$room"
"$room/venv/bin/python" - <<'END'
import apytypes
from apytypes import APyFixed, APyFixedArray, OverflowMode

print("apytypes", apytypes.__version__)
wrong = {}
for value in (123456, 65536, -70000, 2**31):
    for fraction in (8, 31, 32, 48, 49):
        form = {"int_bits": 16, "frac_bits": fraction, "overflow": OverflowMode.SAT}
        bits = APyFixed.from_float(value, int_bits=33, frac_bits=0).cast(**form).to_bits()
        in_array = APyFixedArray.from_float([value], int_bits=33, frac_bits=0).cast(**form)[0].to_bits()
        width = 16 + fraction
        raw = bits - (1 << width) if bits >> (width - 1) else bits
        right = max(-(1 << (width - 1)), min((1 << (width - 1)) - 1, value << fraction))
        print(f"{value:10} with {fraction:2} fractional bits: {raw / 2**fraction:.6f}{'' if raw == right else ', wrong'}")
        assert in_array == bits
        if raw != right:
            wrong[value, fraction] = raw / 2**fraction
assert wrong == {(123456, 48): -7616, (65536, 48): 0, (-70000, 48): -4464, (2**31, 32): -32768, (2**31, 48): 0}
END
