#!/usr/bin/env bash
# Keras with PyTorch: LayerNormalization over other axes than the last ones normalizes the last ones.
#
# Guess: LayerNormalization(axis=1) normalizes along axis 1 with every backend.
# Seen:  PyTorch's layer_norm is told how long the axes are, not which they are. Where the last axes are as long, as in square
#        maps, those are normalized, without a message: every column then has a mean of 0 instead of every channel. Where they
#        are not, the layer ends with an error. axis=(1, 3) is right, and so is JAX.
# With:  jax==0.10.2, keras==3.15.1, numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check jax==0.10.2 keras==3.15.1 numpy==2.4.6 torch==2.13.0
cd "$room"
cat >seen.py <<'END'
import numpy as np
from keras import backend, layers, ops

random = np.random.default_rng(0)
for shape, axes, fault in (
    ((2, 4, 4, 4), (1,), "other numbers"),
    ((2, 4, 4, 4), (1, 2), "other numbers"),
    ((2, 3, 4, 5), (1,), "an error"),
    ((2, 3, 4, 5), (1, 3), None),
    ((2, 3, 4, 5), (3,), None),
):
    x = random.standard_normal(shape).astype(np.float32) + np.arange(shape[1], dtype=np.float32)[:, None, None]
    right = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 0.001)
    try:
        off = abs(ops.convert_to_numpy(layers.LayerNormalization(axis=list(axes), epsilon=0.001)(x)) - right).max()
        seen = "other numbers" if off > 1 else "right" if off < 1e-5 else f"off by {off}"
    except RuntimeError:
        seen = "an error"
    print(f"{backend.backend()}: a map of {shape}, axes {axes}: {seen}")
    assert seen == ("right" if fault is None or backend.backend() == "jax" else fault)
END
for backend in torch jax; do
    KERAS_BACKEND=$backend "$room/venv/bin/python" seen.py 2>messages || { cat messages; exit 1; }
done
