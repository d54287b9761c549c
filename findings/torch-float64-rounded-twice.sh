#!/usr/bin/env bash
# torch, ml_dtypes: float64 and int32 become bfloat16, float16 or float8 by way of float32: they are rounded twice.
#
# Guess: a conversion to fewer bits gives the nearest number of the new type.
# Seen:  a number just above the middle of two neighbours becomes the lower one, where the first rounding moves it onto the middle: in
#        torch 1 + 2^-11 + 2^-40 to float16, 1 + 2^-8 + 2^-40 to bfloat16, 1.0625 + 2^-40 to float8_e4m3fn and float8_e5m2 likewise; in
#        ml_dtypes all but float16, which is NumPy's and right. The int32 2^24 + 2^16 + 1 becomes 2^24 in bfloat16, the further of its
#        two neighbours, in both.
# With:  torch==2.13.0, ml_dtypes==0.6.0, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 ml_dtypes==0.6.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import ml_dtypes
import numpy as np
import torch

print("torch", torch.__version__, "ml_dtypes", ml_dtypes.__version__)


def nearest(value, name):
    """The nearest finite number of a type, found among all of its bit patterns; no value here is in the middle of two."""
    kind = np.float16 if name == "float16" else getattr(ml_dtypes, name)
    bits = 8 * np.dtype(kind).itemsize
    every = np.arange(2**bits).astype(f"uint{bits}").view(kind).astype(np.float64)
    every = every[np.isfinite(every)]
    return float(every[np.argmin(abs(every - float(value)))])


seen = {}
for name, value in (
    ("float16", 1 + 2.0**-11 + 2.0**-40),
    ("bfloat16", 1 + 2.0**-8 + 2.0**-40),
    ("float8_e4m3fn", 1 + 2.0**-4 + 2.0**-40),
    ("float8_e5m2", 1 + 2.0**-3 + 2.0**-40),
    ("bfloat16", 2**24 + 2**16 + 1),
):
    right = nearest(value, name)
    kind = np.float16 if name == "float16" else getattr(ml_dtypes, name)
    given = np.array([value], np.int32 if isinstance(value, int) else np.float64)
    answers = {
        "torch": float(torch.from_numpy(given).to(getattr(torch, name)).double()),
        "NumPy" if name == "float16" else "ml_dtypes": float(given.astype(kind).astype(np.float64)[0]),
    }
    print(f"{given.dtype} {value!r} to {name}: {answers}, the nearest is {right}")
    wrong = [library for library, answer in answers.items() if answer != right]
    assert wrong == (["torch"] if name == "float16" else ["torch", "ml_dtypes"])
END
