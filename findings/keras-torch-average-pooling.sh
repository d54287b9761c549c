#!/usr/bin/env bash
# Keras with PyTorch: AveragePooling2D(padding="same") repeats the edge where others leave the padding out of the mean.
#
# Guess: a network answers alike with every backend: the mean of a window over the edge is that of the pixels inside.
# Seen:  with PyTorch the map is first padded with copies of its edge, whenever one side needs more padding than the other. In 1 to 5
#        with windows of 4 at steps of 1, the first mean is 1.75 instead of 2, and the last 4.75 instead of 4.5. With the same
#        padding on both sides, and with JAX always, the padding is left out.
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


def means(size, window, step):
    """The means of the pixels that are inside, along one axis of the map 1, 2, …, size."""
    count = -(-size // step)
    before = max((count - 1) * step + window - size, 0) // 2
    starts = [k * step - before for k in range(count)]
    return [np.mean(np.arange(max(start, 0), min(start + window, size)) + 1) for start in starts]


for size, window, step, odd in ((5, 3, 1, 0), (5, 4, 1, 1), (8, 3, 2, 1), (8, 2, 2, 0), (12, 3, 2, 1)):
    x = np.arange(1, size + 1, dtype=np.float32).reshape(1, 1, size, 1).repeat(size, 1)
    y = ops.convert_to_numpy(layers.AveragePooling2D(window, strides=step, padding="same")(x))[0, 0, :, 0]
    same = np.allclose(y, means(size, window, step))
    case = f"{backend.backend():5}: 1 to {size}, windows of {window} at steps of {step}: "
    print(case, *np.round(y, 3), "" if same else " wrong")
    assert same == (not odd or backend.backend() == "jax")
END
for backend in torch jax; do
    KERAS_BACKEND=$backend "$room/venv/bin/python" seen.py 2>messages || { cat messages; exit 1; }
done
