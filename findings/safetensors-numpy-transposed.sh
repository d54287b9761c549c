#!/usr/bin/env bash
# safetensors.numpy writes a transposed or sliced array in the order of memory, so other numbers are read back.
#
# Guess: what is saved is what the array holds; safetensors.torch refuses tensors that are not contiguous.
# Seen:  x.T, x in Fortran order and x[:, ::2] come back with the right shape and wrong elements, without a warning;
#        safetensors.torch raises ValueError for x.T.
# With:  numpy==2.4.6, safetensors==0.8.0, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 safetensors==0.8.0 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import safetensors.numpy
import safetensors.torch
import torch

x = np.arange(6, dtype=np.float32).reshape(2, 3)
arrays = {"x": x, "x.T": x.T, "Fortran": np.asfortranarray(x), "x[:, ::2]": x[:, ::2]}
same = {}
for name, array in arrays.items():
    back = safetensors.numpy.load(safetensors.numpy.save({"x": array}))["x"]
    assert back.shape == array.shape
    same[name] = bool(np.array_equal(back, array))
    print(f"{name:10} {array.tolist()}  read back: {back.tolist()}")
assert same == {"x": True, "x.T": False, "Fortran": False, "x[:, ::2]": False}
try:
    safetensors.torch.save({"x": torch.from_numpy(x).T})
except ValueError as error:
    print("safetensors.torch:", str(error)[:59])
else:
    raise AssertionError("safetensors.torch took it")
END
