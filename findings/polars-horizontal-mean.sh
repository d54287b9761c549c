#!/usr/bin/env bash
# polars: a mean over the columns of a row wraps at the width of its integers, where a mean over the rows of a column does not; so does a dot product.
#
# Guess: the mean of three numbers lies between them, along a row as along a column, and `a.dot(a)` is the sum of the squares of a.
# Seen:  `mean_horizontal` of three Int8 of 100 is 14.67, of three UInt8 of 200 it is 29.33, of three Int16 of 30000 it is 8154.67, and of
#        three Int64 of 2^62 it is negative: a third of a sum that wrapped, as a Float64. `sum_horizontal` gives 44 for the Int8.
#        `dot` multiplies in 8 or 16 bits and adds the wrapped products in 64: four times 100 * 100 in Int8 is 64. The same columns
#        on end (`sum`, `mean`, `list.sum`, `list.mean`) give 300 and 100 of Int8, 600 and 200 of UInt8, and `var` is right too. Rows
#        that have room are right: three Int8 of 40 have the mean 40 and the sum 120.
# With:  numpy==2.4.6, polars==2.1.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 polars==2.1.0
cd "$room"
"$room/venv/bin/python" - <<'END'
from statistics import mean

import numpy as np
import polars as pl

print("polars", pl.__version__)
seen = {}
for dtype, value in ((pl.Int8, 100), (pl.UInt8, 200), (pl.Int16, 30000), (pl.UInt16, 60000), (pl.Int64, 2**62), (pl.Int8, 40), (pl.Int16, 10000)):
    row = pl.DataFrame({name: pl.Series([value], dtype=dtype) for name in "abc"})
    along = row.select(mean=pl.mean_horizontal("a", "b", "c"), sum=pl.sum_horizontal("a", "b", "c"))
    assert along.schema["mean"] == pl.Float64
    assert row.mean_horizontal().item() == along["mean"][0] and row.sum_horizontal().item() == along["sum"][0]
    listed = row.select(mean=pl.concat_list("a", "b", "c").list.mean(), sum=pl.concat_list("a", "b", "c").list.sum())
    column = row.transpose()["column_0"]
    assert column.dtype == dtype
    print(f"three {dtype} of {value}: along the row mean {along['mean'][0]:.2f}, sum {along['sum'][0]}; column {column.mean():.2f}, {column.sum()}")
    seen[dtype, value] = along["mean"][0]
    bits = 8 * np.dtype(str(dtype).lower()).itemsize
    lowest = 0 if str(dtype).startswith("U") else -(2 ** (bits - 1))
    assert along["sum"][0] == (3 * value - lowest) % 2**bits + lowest and np.isclose(along["mean"][0], along["sum"][0] / 3)
    assert column.mean() == value == mean([value] * 3)
    if bits < 32:
        assert listed.row(0) == (value, 3 * value) and column.sum() == 3 * value
assert round(seen[pl.Int8, 100], 2) == 14.67 and round(seen[pl.UInt8, 200], 2) == 29.33 and round(seen[pl.Int16, 30000], 2) == 8154.67
assert seen[pl.Int64, 2**62] < 0 and seen[pl.Int8, 40] == 40 and seen[pl.Int16, 10000] == 10000

for dtype, value, right in ((pl.Int8, 100, False), (pl.UInt8, 200, False), (pl.Int16, 30000, False), (pl.Int32, 100, True), (pl.Int8, 11, True)):
    a = pl.Series([value] * 4, dtype=dtype)
    print(f"dot of four {dtype} of {value}: {a.dot(a)}, exactly {4 * value**2}; the sum is {a.sum()}")
    assert (a.dot(a) == 4 * value**2) == right and a.sum() == 4 * value
a = pl.Series([100] * 4, dtype=pl.Int8)
assert a.dot(a) == 64 and a.cast(pl.Int32).dot(a.cast(pl.Int32)) == 40000
assert np.isclose(pl.Series([100, -100, 100], dtype=pl.Int8).var(), np.var([100, -100, 100], ddof=1))
END
