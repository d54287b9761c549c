#!/usr/bin/env bash
# fxpmath: a signed number times an unsigned one loses its low bits, in a format that has room for them.
#
# Guess: the format of a product holds every product, so that the product is exact.
# Seen:  31 bits with a sign times 32 bits without one give the format fxp-s63/0, and 455 of 500 products differ in their low bits; 24
#        times 32 bits, in fxp-s56/0, one in seven. Neither `inaccuracy` nor `extended_prec` is set. Sums lose them too.
#        Both with a sign, both without, or 32 times 32 bits: all are exact. NumPy takes int64 times uint64 as a float64.
# With:  fxpmath==0.4.10, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check fxpmath==0.4.10 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import random
from importlib.metadata import version

from fxpmath import Fxp

print("fxpmath", version("fxpmath"))
random.seed(0)


def draw(signed, bits):
    return random.randrange(-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else random.randrange(2**bits)


def inexact(first, second, what):
    """In how many of 500 the result, of the format that fxpmath chooses, is not that of Python's integers."""
    count, flags = 0, set()
    for _ in range(500):
        x, y = draw(*first), draw(*second)
        a, b = Fxp(x, first[0], first[1], 0), Fxp(y, second[0], second[1], 0)
        assert (int(a.val), int(b.val)) == (x, y)
        result, right = (a * b, x * y) if what == "product" else (a + b, x + y)
        count += int(result.val) != right
        flags |= {name for name, is_set in result.status.items() if is_set and int(result.val) != right}
    names = [f"{bits} bits {'with' if signed else 'without'} a sign" for signed, bits in (first, second)]
    print(f"{what} of {names[0]} and {names[1]}, {result.dtype}: {count} of 500 are wrong, flags {sorted(flags)}")
    assert not flags
    return count


assert inexact((True, 31), (False, 32), "product") > 400
assert 20 < inexact((True, 24), (False, 32), "product") < 120
assert inexact((True, 24), (False, 60), "sum") > 400
assert inexact((True, 31), (True, 32), "product") == 0
assert inexact((False, 31), (False, 32), "product") == 0
assert inexact((True, 32), (False, 32), "product") == 0
assert inexact((True, 24), (True, 60), "sum") == 0

a, b = 2**30 - 1, 2**32 - 3
result = Fxp(a, True, 31, 0) * Fxp(b, False, 32, 0)
print(f"{a} * {b} = {a * b}, as {result.dtype} {int(result.val)}")
assert int(result.val) != a * b
END
