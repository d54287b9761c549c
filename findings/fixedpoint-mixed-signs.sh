#!/usr/bin/env bash
# fixedpoint: a signed number plus an unsigned one has a bit too few, and a sum of positive numbers is negative.
#
# Guess: `+` is a "full precision addition operator": its format grows until the sum fits, and the sum is exact.
# Seen:  15 in UQ4.0 plus 1 in Q4.0 is -16 in Q5.0, with no alert, also where overflow_alert is "error". The format has one integer
#        bit more than the wider operand, and none for the unsigned one becoming signed. Of the 256 sums of all UQ4.0 and all Q4.0, 28 are
#        wrong, those of 16 and more, in either order and with `+=`. Differences of the same numbers are in Q6.0, one bit more, and
#        all right; so are products, comparisons, and sums of two signed or of two unsigned numbers, or where the signed one has a
#        wider integer part.
# With:  fixedpoint==1.0.1 (Python 3.11)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check fixedpoint==1.0.1
cd "$room"
"$room/venv/bin/python" - <<'END'
from importlib.metadata import version

from fixedpoint import FixedPoint

print("fixedpoint", version("fixedpoint"))
print("what + says of itself:", FixedPoint.__add__.__doc__)
KINDS = {"rounding": "convergent", "overflow_alert": "error", "mismatch_alert": "error"}


def number(value, signed, m, n=0):
    return FixedPoint(value, signed, m, n, **KINDS)


def added_in_place(a, b):
    a += b
    return a


def all_of(signed, m):
    return range(-(2 ** (m - 1)), 2 ** (m - 1)) if signed else range(2**m)


a, b = number(15, False, 4), number(1, True, 4)
for name, seen in (("15 + 1", a + b), ("1 + 15", b + a), ("15 - 1", a - b), ("15 * 1", a * b)):
    print(f"{name} of {a.qformat} and {b.qformat}: {float(seen)} in {seen.qformat}")
assert float(a + b) == float(b + a) == -16 and (a + b).qformat == "Q5.0"
assert float(a - b) == 14 and (a - b).qformat == "Q6.0"
a, b = number(10.875, False, 4, 5), number(7.875, True, 4, 4)
print(f"{float(a)} + {float(b)} of {a.qformat} and {b.qformat}: {float(a + b)} in {(a + b).qformat}")
assert float(a + b) == 18.75 - 32

OPERATORS = {
    "+": (lambda a, b: a + b, lambda x, y: x + y),
    "+=": (added_in_place, lambda x, y: x + y),
    "-": (lambda a, b: a - b, lambda x, y: x - y),
    "*": (lambda a, b: a * b, lambda x, y: x * y),
    "<": (lambda a, b: a < b, lambda x, y: x < y),
}
for (first, second), expected in {
    ((False, 4), (True, 4)): {"+": 28, "+=": 28},
    ((True, 4), (False, 4)): {"+": 28, "+=": 28},
    ((False, 4), (True, 3)): {"+": 6, "+=": 6},
    ((False, 4), (True, 5)): {},
    ((False, 3), (True, 4)): {},
    ((True, 4), (True, 4)): {},
}.items():
    wrong, least = {}, []
    for name, (ours, exact) in OPERATORS.items():
        for x in all_of(*first):
            for y in all_of(*second):
                right, seen = exact(x, y), ours(number(x, *first), number(y, *second))
                if float(seen) != right:
                    wrong[name] = wrong.get(name, 0) + 1
                    least.append(right)
    formats = [("Q" if signed else "UQ") + f"{m}.0" for signed, m in (first, second)]
    print(f"all {formats[0]} and all {formats[1]}: wrong {wrong or 'none'}" + (f", from {min(least)} on" if least else ""))
    assert wrong == expected and (not least or min(least) == 16)
wrong = sum(float(number(x, False, 4) + number(y, False, 4)) != x + y for x in range(16) for y in range(16))
print("all UQ4.0 and all UQ4.0: wrong sums", wrong)
assert not wrong
END
