#!/usr/bin/env bash
# Keras: bicubic resizing uses another cubic with PyTorch than with JAX.
#
# Guess: UpSampling2D(interpolation="bicubic") is one function, whatever the backend.
# Seen:  with PyTorch the kernel's parameter is -0.75, with JAX -0.5: beside an edge from 0 to 1 the
#        first overshoots to 1.105, the second to 1.070. A network of photographs that was trained with one and runs with the
#        other sees other pictures. antialias=True makes them alike.
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


def cubic(distance, a):
    """Keys's kernel of parameter a."""
    d = abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


step = np.array([0, 0, 0, 1, 1, 1], np.float32)
x = step.reshape(1, 1, 6, 1).repeat(6, 1)
y = ops.convert_to_numpy(layers.UpSampling2D(2, interpolation="bicubic")(x))[0, 6, 3:9, 0]
print(f"{backend.backend():5}", *(f"{value:7.4f}" for value in y))
parameter = {"torch": -0.75, "jax": -0.5}[backend.backend()]
places = (np.arange(3, 9) + 0.5) / 2 - 0.5
right = [sum(cubic(place - k, parameter) * step[k] for k in range(6)) for place in places]
assert np.allclose(y, right, atol=1e-5)
smooth = ops.convert_to_numpy(layers.Resizing(12, 12, interpolation="bicubic", antialias=True)(x))[0, 6, 3:9, 0]
print(f"{backend.backend():5}", *(f"{value:7.4f}" for value in smooth), " with antialias=True")
assert np.allclose(smooth, [sum(cubic(place - k, -0.5) * step[k] for k in range(6)) for place in places], atol=1e-5)
END
for backend in torch jax; do
    KERAS_BACKEND=$backend "$room/venv/bin/python" seen.py 2>messages || { cat messages; exit 1; }
done
