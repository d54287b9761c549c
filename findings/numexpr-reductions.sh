#!/usr/bin/env bash
# numexpr: sums of small integers wrap at 32 bits, those of float32 stop growing, and uint64 is read as signed.
#
# Guess: evaluate("sum(x)") is x.sum() of NumPy, which adds integers in 64 bits and floats in pairs.
# Seen:  the sum of 70000 uint16 numbers of 40000 is -1494967296, that of ten int32 numbers of 2^30 is -2147483648; the product of
#        sixteen int8 eights is 0. The sum of 2^25 float32 ones is 2^24, and of ten million float32 tenths 1087937, with NumPy 1000000. Of
#        uint64, 2^63 + 1 is not greater than 1, and half of it is negative. abs() of the int64 number -2^53 - 1 is a float, 2^53.
# With:  numexpr==2.14.2, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numexpr==2.14.2 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import numexpr
import numpy as np

print("numexpr", numexpr.__version__)


def show(what, seen, by_numpy, expected):
    print(f"{what:34} {seen}, NumPy {by_numpy}")
    assert seen == expected


for what, x, expected in (
    ("sum of 70000 times uint16 40000", np.full(70000, 40000, np.uint16), 70000 * 40000 - 2**32),
    ("sum of 10 times int32 2^30", np.full(10, 2**30, np.int32), -(2**31)),
    ("sum of 2^25 times float32 1", np.ones(2**25, np.float32), 2**24),
):
    show(what, numexpr.evaluate("sum(x)").item(), x.sum().item(), expected)
    assert x.sum() == len(x) * int(x[0])
tenths = np.full(10**7, 0.1, np.float32)
show("sum of 10^7 times float32 0.1", round(numexpr.evaluate("sum(tenths)").item()), round(tenths.sum().item()), 1087937)
eights = np.full(16, 8, np.int8)
show("product of 16 times int8 8", numexpr.evaluate("prod(eights)").item(), eights.prod().item(), 0)
large = np.array([2**63 + 1], np.uint64)
show("uint64 2^63 + 1 > 1", numexpr.evaluate("large > 1").item(), (large > 1).item(), False)
show("uint64 2^63 + 1, halved", numexpr.evaluate("large / 2").item(), (large / 2).item(), -(2.0**62))
deep = np.array([-(2**53) - 1])
show("abs of int64 -2^53 - 1", numexpr.evaluate("abs(deep)").item(), np.abs(deep).item(), 2.0**53)
END
