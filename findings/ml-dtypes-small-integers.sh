#!/usr/bin/env bash
# ml_dtypes: sums and means of int4 arrays stay in 4 bits, and other functions answer in int8, which is too small for uint4.
#
# Guess: np.sum, np.mean, np.dot and @ of int4 are the numbers that they are of int8: NumPy sums small integers in 64 bits and gives
#        their mean as a float.
# Seen:  of 7, 7 and 1 in int4, np.sum is -1, np.mean is 0, np.cumsum is 7, -2, -1 and np.dot with itself is 3, all in int4; the same dot
#        product written with `@` is 99, in int8. `a * a` wraps at 4 bits, np.square(a) answers in int8. int8 does not hold the products
#        of uint4: with matrices of two by two 15, `a @ a` is -62, and np.square(a) and np.power(a, 2) are -31.
# With:  ml_dtypes==0.6.0, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check ml_dtypes==0.6.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import ml_dtypes
import numpy as np

print("ml_dtypes", ml_dtypes.__version__)
values = [7, 7, 1]
seen = {}
for name, function in (
    ("sum", np.sum),
    ("mean", np.mean),
    ("cumsum", np.cumsum),
    ("dot", lambda a: np.dot(a, a)),
    ("a * a", lambda a: a * a),
    ("square", np.square),
    ("@ of a row and a column", lambda a: a[None] @ a[:, None]),
):
    answers = [function(np.array(values).astype(kind)) for kind in (np.int8, ml_dtypes.int4)]
    seen[name] = np.asarray(answers[1]).astype(int).ravel().tolist(), str(np.asarray(answers[1]).dtype)
    print(f"{name} of {values}: {np.asarray(answers[0]).ravel()} of int8, {seen[name][0]} as {seen[name][1]} of int4")
assert seen == {
    "sum": ([-1], "int4"),
    "mean": ([0], "int4"),
    "cumsum": ([7, -2, -1], "int4"),
    "dot": ([3], "int4"),
    "a * a": ([1, 1, 1], "int4"),
    "square": ([49, 49, 1], "int8"),
    "@ of a row and a column": ([99], "int8"),
}
full = np.full((2, 2), 15).astype(ml_dtypes.uint4)
product, power, square, times = full @ full, np.power(full, full * 0 + 2), np.square(full), full * full
for name, answer in (("a @ a", product), ("a ** 2", power), ("square", square), ("a * a", times)):
    print(f"{name} of a 2 x 2 matrix of 15 in uint4: {int(answer[0, 0])}, {answer.dtype}")
assert {str(answer.dtype) for answer in (product, power, square)} == {"int8"} and times.dtype == ml_dtypes.uint4
assert [int(answer[0, 0]) for answer in (product, power, square, times)] == [450 - 512, 225 - 256, 225 - 256, 225 % 16]
END
