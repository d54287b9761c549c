#!/usr/bin/env bash
# SciPy: after one infinite or very large sample, ndimage.uniform_filter is wrong to the end of the row.
#
# Guess: a mean over three samples depends on three samples, as it does where the same weights are given to correlate1d.
# Seen:  in a row of 0.1, behind one sample of 1e17 every mean is 0 to the end of the row, behind 1e12 it is 0.100016, and behind an
#        infinity it is NaN: a sum runs along the row, and what it lost stays lost. correlate1d and gaussian_filter1d are right
#        everywhere but in the window around the sample. In a picture an infinity takes all that is below and right of it. (Of NaN
#        the documentation says that it is undefined, and of these it says nothing.)
# With:  scipy==1.17.1, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import scipy
from scipy import ndimage

print("scipy", scipy.__version__)
AT, LENGTH = 5, 20
wrong = {}
for bad in (np.inf, 1e17, 1e12):
    row = np.full(LENGTH, 0.1)
    row[AT] = bad
    filters = {
        "uniform_filter1d": ndimage.uniform_filter1d(row, 3),
        "correlate1d": ndimage.correlate1d(row, [1 / 3] * 3),
        "gaussian_filter1d": ndimage.gaussian_filter1d(row, 1, radius=1),
    }
    for name, means in filters.items():
        # Outside the window of three around the sample, the mean is 0.1.
        wrong[bad, name] = [int(place) for place in np.flatnonzero(~np.isclose(means, 0.1)) if abs(place - AT) > 1]
        print(f"{bad:6} at {AT}, {name:18} the last mean {means[-1]:.6f}, wrong beside the window at {wrong[bad, name] or 'no place'}")
        assert wrong[bad, name] == (list(range(AT + 2, LENGTH)) if name == "uniform_filter1d" else [])

picture = np.ones((12, 12), np.float32)
picture[4, 4] = np.inf
lost = int(np.isnan(ndimage.uniform_filter(picture, 3)).sum())
whole = int(np.isnan(ndimage.correlate(picture, np.full((3, 3), 1 / 9))).sum())
print(f"one infinity at (4, 4) of 12 x 12 makes {lost} NaN in uniform_filter, and {whole} in correlate")
assert lost > 40 and whole == 0
END
