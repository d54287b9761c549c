#!/usr/bin/env bash
# hwtypes: a signed division rounds down where the values are known, and towards zero where a solver proves it.
#
# Guess: BitVector, SMTBitVector and z3BitVector are one type of number three times: what is proved of a circuit is what its simulation does.
# Seen:  bvsdiv of -7 by 2 in four bits is -4 in BitVector, and -3 in SMTBitVector and z3BitVector, which is what SMT-LIB defines and C
#        does. bvsrem is -1 in SMTBitVector, which is right, and 1 in the other two; so in z3BitVector quotient times divisor plus
#        remainder is -5. Of the 256 pairs, 85 quotients and 77 remainders of BitVector are not those of SMTBitVector: where the signs
#        differ and it does not divide, and the quotient of a negative number by 0. SIntVector's // and % do the same. Unsigned
#        division, shifts, products and sums agree for all pairs.
# With:  hwtypes==1.4.7, z3-solver==5.4.1.0, pysmt==0.9.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check hwtypes==1.4.7 z3-solver==5.4.1.0 pysmt==0.9.6
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import z3
from hwtypes import BitVector, SIntVector, SMTBitVector, SMTSIntVector, z3BitVector

print("hwtypes", version("hwtypes"))
WIDTH = 4
NUMBERS = range(-8, 8)


def by_smt_lib(name, a, b):
    """The signed operators, as SMT-LIB defines them in terms of the unsigned ones."""
    if b == 0:
        quotient = 1 if a < 0 else -1
    else:
        quotient = abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1)
    return signed(quotient if name == "bvsdiv" else a - b * quotient)


def signed(number):
    return (number + 8) % 16 - 8


def value_of(vector):
    """The number that a vector of any of the types holds."""
    if isinstance(vector, BitVector):
        return vector.as_sint()
    if isinstance(vector, z3BitVector):
        return z3.simplify(vector.value).as_signed_long()
    return signed(int(vector.value.simplify().constant_value()))


different = {}
for name in ("bvsdiv", "bvsrem", "bvudiv", "bvurem", "bvashr", "bvlshr", "bvshl", "bvmul", "bvadd", "bvsub"):
    different[name] = 0
    for a in NUMBERS:
        for b in NUMBERS:
            known, smt, by_z3 = (value_of(getattr(kind[WIDTH](a), name)(kind[WIDTH](b))) for kind in (BitVector, SMTBitVector, z3BitVector))
            assert by_z3 == (known if name == "bvsrem" else smt)
            if name in ("bvsdiv", "bvsrem"):
                assert smt == by_smt_lib(name, a, b)
                if (a, b) in ((-7, 2), (-7, 0)):
                    print(f"{name} of {a} and {b}: BitVector {known}, SMTBitVector {smt}, z3BitVector {by_z3}")
            different[name] += known != smt
print("of 256 pairs differ:", different)
assert different.pop("bvsdiv") == 85 and different.pop("bvsrem") == 77 and not any(different.values())

pair = [(kind[WIDTH](-7) // kind[WIDTH](2), kind[WIDTH](-7) % kind[WIDTH](2)) for kind in (SIntVector, SMTSIntVector)]
seen = [[value_of(vector) for vector in each] for each in pair]
print(f"-7 // 2 and -7 % 2: SIntVector {seen[0]}, SMTSIntVector {seen[1]}")
assert seen == [[-4, 1], [-3, -1]]
END
