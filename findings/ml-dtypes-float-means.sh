#!/usr/bin/env bash
# ml_dtypes: np.mean and np.sum of bfloat16 stop at 256: the mean of a thousand ones is a quarter.
#
# Guess: a mean of bfloat16 is near its numbers: NumPy takes means of float16 in float32, and its sums in pairs.
# Seen:  of 1000 ones in bfloat16 np.sum is 256 and np.mean 0.256, of 1000 numbers from 1 to 1.5 the mean is 0.51; `@` gives 1000. In
#        float8_e4m3fn the sum of 100 ones is 16. Each number is added to a total of the same type, one after another. float16 is right.
#        In float8_e8m0fnu, which has no zero, np.sum and np.mean of 1, 2 and 4 are NaN, np.cumsum is not; np.zeros gives 2^-127.
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
seen = {}
for kind, count in ((np.float16, 1000), (ml_dtypes.bfloat16, 1000), (ml_dtypes.float8_e5m2, 100), (ml_dtypes.float8_e4m3fn, 100)):
    ones, ramp = np.ones(count, kind), np.linspace(1, 1.5, count).astype(kind)
    answers = [float(value) for value in (ones.sum(), ones.mean(), ramp.mean(), (ones[None] @ ones[:, None])[0, 0])]
    exact = float(ramp.astype(np.float64).mean())
    seen[kind.__name__] = answers[:2]
    print(f"{count} ones in {kind.__name__}: sum {answers[0]:g}, mean {answers[1]:.4f}, `@` {answers[3]:g};", end=" ")
    print(f"mean of numbers from 1 to 1.5: {answers[2]:.4f} instead of {exact:.4f}")
    assert (abs(answers[2] / exact - 1) < 0.01) == (kind is np.float16)
assert seen["float16"] == [1000, 1]
assert seen["bfloat16"] == [256, 0.255859375]
assert seen["float8_e5m2"] == [8, 0.078125] and seen["float8_e4m3fn"] == [16, 0.15625]
assert float((np.ones((1, 1000), ml_dtypes.bfloat16) @ np.ones((1000, 1), ml_dtypes.bfloat16))[0, 0]) == 1000

scales = np.array([1, 2, 4]).astype(ml_dtypes.float8_e8m0fnu)
zeros = np.zeros(3, ml_dtypes.float8_e8m0fnu)
print(f"1, 2 and 4 in float8_e8m0fnu: sum {scales.sum()}, mean {scales.mean()}, cumsum {np.cumsum(scales)}; zeros are {zeros}")
assert np.isnan(float(scales.sum())) and np.isnan(float(scales.mean())) and np.cumsum(scales).astype(float).tolist() == [1, 4, 8]
assert zeros.astype(float).tolist() == [2.0**-127] * 3
END
