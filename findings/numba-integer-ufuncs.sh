#!/usr/bin/env bash
# numba: compiled, `np.fmod` of negative integers, `np.power` of int64 and `np.sign` of unsigned numbers give other numbers than NumPy.
#
# Guess: a function compiled by `njit` calls the NumPy functions in it with NumPy's results; integers are exact.
# Seen:  `np.fmod` of signed integers is the remainder of their bits read as unsigned: of int8, -7 by 3 is 0 (249 by 3) and not -1, and
#        114 by -5 is 114 and not 4. `np.remainder` and `%` are right. `np.power` of integers is rounded as a double: 3 to the 39th in
#        int64 ends in 256 and not in 267, and -125 to the 7th in int8 is 0 instead of wrapping to 11; `**` of the same arrays, in the same
#        compiled code, is exact. `np.sign` compares as signed: of uint8 200 it is 255, the -1 of that type, and so it is for every
#        unsigned number whose top bit is set. An array of uint64 plus the literal 1 becomes a float, by way of
#        int64: 2^63 + 1 is a negative number.
# With:  numba==0.68.1, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numba==0.68.1 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numpy as np
from numba import njit

print("numba", version("numba"), "with numpy", version("numpy"))


@njit
def fmod(x, y):
    return np.fmod(x, y)


@njit
def remainder(x, y):
    return np.remainder(x, y)


@njit
def power(x, y):
    return np.power(x, y)


@njit
def stars(x, y):
    return x**y


@njit
def sign(x):
    return np.sign(x)


@njit
def plus_one(x):
    return x + 1


def unsigned(x):
    return x.view(x.dtype.str.replace("i", "u"))


# fmod: the bits are read as unsigned
for kind in ("i1", "i2", "i4", "i8"):
    x, y = (v.ravel().astype(kind) for v in np.meshgrid(np.arange(-100, 101), [-7, -5, -3, 3, 5, 7]))
    right, seen = np.fmod(x, y), fmod(x, y)
    assert np.array_equal(remainder(x, y), np.remainder(x, y))
    assert np.array_equal(unsigned(seen), unsigned(x) % unsigned(y)) and seen.dtype == right.dtype
    both_positive = (x >= 0) & (y > 0)
    print(f"fmod, {x.dtype}: wrong {(seen != right).sum()} of {len(x)}, of those with both positive {(seen != right)[both_positive].sum()}")
    assert (seen != right).sum() > 500 and np.array_equal(seen[both_positive], right[both_positive])
    assert np.array_equal(fmod(x.astype(float), y.astype(float)), np.fmod(x.astype(float), y.astype(float)))
a, b = np.array([-7, 114], "i1"), np.array([3, -5], "i1")
print("fmod of -7 by 3 and of 114 by -5, int8: NumPy", np.fmod(a, b), "numba", fmod(a, b))
assert np.fmod(a, b).tolist() == [-1, 4] and fmod(a, b).tolist() == [0, 114]

# power: rounded as a double
a, b = np.array([3, 5, -7], "i8"), np.array([39, 27, 21], "i8")
print("power, int64: NumPy", np.power(a, b), "numba", power(a, b), "numba's **", stars(a, b))
assert np.power(a, b).tolist() == stars(a, b).tolist() == [3**39, 5**27, (-7) ** 21]
assert power(a, b).tolist() == [int(float(int(x) ** int(y))) for x, y in zip(a, b)]
a, b = np.array([-125, 3], "i1"), np.array([7, 4], "i1")
print("power, int8: NumPy", np.power(a, b), "numba", power(a, b), "numba's **", stars(a, b))
assert np.power(a, b).tolist() == stars(a, b).tolist() == [11, 81] and power(a, b)[1] == 81 and power(a, b)[0] != 11

# sign: the top bit of an unsigned number
for kind in ("u1", "u2", "u4", "u8"):
    top = 2 ** (8 * int(kind[1]) - 1)
    x = np.array([0, 1, top - 1, top, 2 * top - 1], kind)
    print(f"sign of {x}, {x.dtype}: NumPy {np.sign(x)}, numba {sign(x)}")
    assert np.sign(x).tolist() == [0, 1, 1, 1, 1] and sign(x).tolist() == [0, 1, 1, 2 * top - 1, 2 * top - 1]

# uint64 and a literal
x = np.array([5, 2**63], "u8")
print("plus one, uint64: NumPy", np.add(x, 1), "numba", plus_one(x), plus_one(x).dtype)
assert (x + 1).tolist() == [6, 2**63 + 1] and plus_one(x).dtype == float and plus_one(x)[1] < -9e18
END
