#!/usr/bin/env bash
# zarr, numcodecs: an array that lies in memory column by column, or is read and written so, comes back with its numbers in other places.
#
# Guess: `array[:] = x` followed by `array[:]` gives x, in whatever order x lies in memory; a lossless filter such as Delta does not matter.
# Seen:  Delta and FixedScaleOffset give their bytes as one row, in the order in which the chunk lies in memory, and zarr takes that row as
#        written row by row. In format 3 a transposed 3 x 4 array of one chunk comes back with 10 of its 12 numbers elsewhere; without a
#        filter, with BitRound, Quantize or AsType, or with more than one chunk it is right. With `config={"order": "F"}` 2 x 3 chunks are
#        wrong as well, even of an array that lies row by row. In format 2 with `order="F"` it is BitRound that moves them, whatever x is,
#        and the others are right. Nothing is said, and no value is lost: a sum or a histogram does not show it.
# With:  numcodecs==0.16.6, numpy==2.4.6, zarr==3.1.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numcodecs==0.16.6 numpy==2.4.6 zarr==3.1.6
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numcodecs
import numpy as np
import zarr
from zarr.codecs import numcodecs as of_format_3

print("zarr", version("zarr"), "with numcodecs", version("numcodecs"))
X = np.arange(12, dtype="<f4").reshape(3, 4)
SETTINGS = {
    "Delta": {"dtype": "<f4"},
    "FixedScaleOffset": {"offset": 0, "scale": 1, "dtype": "<f4", "astype": "<i2"},
    "BitRound": {"keepbits": 10},
    "Quantize": {"digits": 2, "dtype": "<f4"},
    "AsType": {"encode_dtype": "<f8", "decode_dtype": "<f4"},
    "no filter": None,
}  # each of them keeps these small whole numbers as they are


def read_back(zarr_format, name, x, chunks, order):
    kinds = of_format_3 if zarr_format == 3 else numcodecs
    filters = None if SETTINGS[name] is None else [getattr(kinds, name)(**SETTINGS[name])]
    how = {"config": {"order": order}} if zarr_format == 3 else {"order": order}
    array = zarr.create_array({}, shape=x.shape, dtype=x.dtype, chunks=chunks, filters=filters, compressors=None, zarr_format=zarr_format, **how)
    array[:] = x
    return array[:]


wrong = {}
for zarr_format in (3, 2):
    for order in "CF":
        for chunks in ((3, 4), (2, 3)):
            for memory in "CF":
                for name in SETTINGS:
                    seen = read_back(zarr_format, name, np.array(X, order=memory), chunks, order)
                    assert seen.dtype == X.dtype and seen.shape == X.shape
                    if chunks == (3, 4):
                        assert sorted(seen.ravel()) == sorted(X.ravel())
                    if not np.array_equal(seen, X):
                        wrong[zarr_format, order, chunks, memory, name] = int((seen != X).sum())
for case, count in wrong.items():
    print("format {}, order {}, chunks {}, x in memory {}, {}: {} of 12 numbers elsewhere".format(*case, count))
print(read_back(3, "Delta", X.T.copy().T, (3, 4), "C"))

both = ("Delta", "FixedScaleOffset")
expected = {(3, order, (3, 4), "F", name) for order in "CF" for name in both}
expected |= {(3, "F", (2, 3), memory, name) for memory in "CF" for name in both}
expected |= {(2, "F", chunks, memory, "BitRound") for chunks in ((3, 4), (2, 3)) for memory in "CF"}
assert set(wrong) == expected
assert wrong[3, "C", (3, 4), "F", "Delta"] == 10
assert read_back(3, "Delta", X.T.copy().T, (3, 4), "C").tolist() == [[0, 4, 8, 1], [5, 9, 2, 6], [10, 3, 7, 11]]
assert np.array_equal(X.T.ravel().reshape(3, 4), read_back(3, "Delta", np.asfortranarray(X), (3, 4), "C"))
END
