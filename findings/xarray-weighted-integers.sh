#!/usr/bin/env bash
# xarray: weighted means, sums and deviations of small integers wrap; the plain ones do not.
#
# Guess: `a.weighted(mask).mean()` of a uint8 picture is the mean over the mask, as `numpy.average` gives it, and lies between its least and greatest pixel.
# Seen:  The weighted sum is a dot product in the type of data and weights. A uint8 picture of 200 everywhere, with a mask of bool or uint8
#        ones, has the mean 8 if it is 4 x 4: the sum, 3200, is kept as 128. If it is 8 x 8 the mean is 0. Weights of int64 or of floats
#        are right, and so are `mean()`, `where(mask).mean()` and `numpy.average`. Weighted `sum` and `std` are wrong likewise.
# With:  numpy==2.4.6, xarray==2026.9.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 xarray==2026.9.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numpy as np
import xarray

print("xarray", version("xarray"), "with numpy", version("numpy"))


def picture(side, value, kind):
    return xarray.DataArray(np.full((side, side), value, kind), dims=("y", "x"))


for side in (1, 2, 4, 8):
    a = picture(side, 200, np.uint8)
    seen = {kind: float(a.weighted(xarray.ones_like(a, dtype=kind)).mean()) for kind in ("bool", "uint8", "int64", "float32")}
    print(f"{side} x {side} pixels of 200: mean {float(a.mean())}, weighted by ones {seen}")
    assert float(a.mean()) == np.average(a, weights=np.ones_like(a)) == seen["int64"] == seen["float32"] == 200
    assert seen["bool"] == seen["uint8"] == (200 * side**2 % 256) / side**2

rng = np.random.default_rng(0)
for kind, low, high in (("uint8", 0, 256), ("int8", -128, 128), ("int16", -32768, 32768)):
    a = xarray.DataArray(rng.integers(low, high, (10, 10)).astype(kind), dims=("y", "x"))
    mask = xarray.DataArray(rng.integers(0, 2, (10, 10)).astype(bool), dims=("y", "x"))
    right, seen = a.where(mask), a.weighted(mask)
    for name in ("sum", "mean", "std"):
        x, y, z = float(getattr(right, name)()), float(getattr(seen, name)()), float(getattr(a.weighted(mask.astype(int)), name)())
        print(f"{kind}, {name} over the mask: {x:.4g}, weighted by it {y:.4g}, weighted by it as int64 {z:.4g}")
        assert np.isclose(x, z) or name == "std"
        assert name == "std" or not np.isclose(x, y)
    wrapped = np.asarray(a)[np.asarray(mask)].sum(dtype=kind)
    assert float(seen.sum()) == wrapped and np.isclose(float(seen.mean()), wrapped / int(mask.sum()))
END
