#!/usr/bin/env bash
# scikit-learn: the largest and the median error of small integers wrap; their mean is right.
#
# Guess: the errors of uint8 or int8 numbers, as a quantized regressor answers them, are those of the same numbers as floats.
# Seen:  max_error of the uint8 numbers 10, 20, 30 where 9, 20 and 32 were right is 255, and with the two exchanged 254: it is 2.
#        median_absolute_error of 10, 20, 30 for 12, 22, 32 is 254. In both, int8 -100 for 100 is an error of 56, int8 -128 for 0 one of
#        -128, and int16 -30000 for 30000 one of 5536. mean_absolute_error, mean_squared_error and r2_score of all these are exact.
# With:  scikit-learn==1.9.1, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import sklearn
from sklearn.metrics import max_error, mean_absolute_error, mean_squared_error, median_absolute_error, r2_score

print("scikit-learn", sklearn.__version__)
for kind, right, answered, largest, median in (
    (np.uint8, [9, 20, 32], [10, 20, 30], 255, 1),
    (np.uint8, [10, 20, 30], [9, 20, 32], 254, 2),
    (np.uint8, [10, 20, 30], [12, 22, 32], 254, 2),
    (np.uint8, [12, 22, 32], [10, 20, 30], 2, 254),
    (np.int8, [100], [-100], 56, 56),
    (np.int8, [0], [-128], -128, -128),
    (np.int16, [30000], [-30000], 5536, 5536),
):
    arrays = np.array(right, kind), np.array(answered, kind)
    exact = sorted(abs(a - b) for a, b in zip(right, answered))
    seen = max_error(*arrays), median_absolute_error(*arrays)
    print(f"{kind.__name__:6} {answered} for {right}: largest {seen[0]}, median {seen[1]}; it is {exact[-1]} and {exact[len(exact) // 2]}")
    assert seen == (largest, median)
    assert mean_absolute_error(*arrays) == np.mean(exact) and mean_squared_error(*arrays) == np.mean(np.square(exact))
    floats = [array.astype(float) for array in arrays]
    assert (max_error(*floats), median_absolute_error(*floats)) == (exact[-1], exact[len(exact) // 2])
    if len(right) > 1:
        assert r2_score(*arrays) == r2_score(*floats)
END
