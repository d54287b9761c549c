#!/usr/bin/env bash
# OpenCV: warpAffine and remap are exact for one kind of picture and off by a 64th of a pixel for another.
#
# Guess: the same numbers as float64 are warped at least as exactly as float32, and a picture of two channels as each of them is.
# Seen:  bilinear, of 8-bit noise: uint8, uint16 and float32 of 1, 3 or 4 channels are within half a unit or 0.001 of the bilinear mean,
#        while float64 and int16, and each type of 2 channels, are off by more than 3 grey levels: they round the place to 1/32 pixel.
#        warpPerspective and remap do the same. A ramp of 100 a pixel, moved by 0.01 pixel, changes by 1 as float32 and by 0 as float64.
# With:  opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import cv2
import numpy as np

print("cv2", cv2.__version__)
picture = np.random.default_rng(0).integers(0, 256, (48, 64), dtype=np.uint8)
forwards = np.array([[1.1, 0.1, -2], [-0.05, 0.9, 3]])
inverse = np.linalg.inv(np.vstack([forwards, [0, 0, 1]]))
inside = slice(15, 35), slice(20, 50)
columns, rows = np.meshgrid(np.arange(64), np.arange(48))
x, y, _ = np.einsum("ij,jkl->ikl", inverse, np.stack([columns, rows, np.ones_like(rows)]))


def bilinear(x, y):
    """The picture between its pixels, inside the part that is compared."""
    x, y = x[inside], y[inside]
    left, above = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b, p = x - left, y - above, picture.astype(float)
    upper = (1 - a) * p[above, left] + a * p[above, left + 1]
    return (1 - b) * upper + b * ((1 - a) * p[above + 1, left] + a * p[above + 1, left + 1])


right = bilinear(x, y)
for kind in (np.uint8, np.uint16, np.int16, np.float32, np.float64):
    for channels in (1, 2, 3, 4):
        given = picture.astype(kind) if channels == 1 else np.dstack([picture.astype(kind)] * channels)
        warped = {
            "warpAffine": cv2.warpAffine(given, forwards, (64, 48)),
            "warpPerspective": cv2.warpPerspective(given, np.vstack([forwards, [0, 0, 1]]), (64, 48)),
            "remap": cv2.remap(given, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR),
        }
        off = [float(abs(seen.reshape(48, 64, channels)[..., 0][inside] - right).max()) for seen in warped.values()]
        print(f"{kind.__name__:7} of {channels} channels, furthest from the bilinear mean:", end=" ")
        print(", ".join(f"{name} {value:.4f}" for name, value in zip(warped, off, strict=True)))
        coarse = channels == 2 or kind in (np.int16, np.float64)
        assert min(off) > 2 if coarse else max(off) < (0.01 if kind is np.float32 else 0.51)

ramp = np.tile(np.arange(0, 6400, 100), (8, 1))
moved = {}
for kind in (np.float32, np.float64):
    moved[kind] = [
        float(cv2.warpAffine(ramp.astype(kind), np.array([[1, 0, -by], [0, 1, 0]]), (64, 8))[4, 30]) - 3000 for by in (0.01, 0.02)
    ]
    print(f"a ramp of 100 a pixel, moved by 0.01 and by 0.02 pixel, as {kind.__name__}: {moved[kind]}")
assert np.allclose(moved[np.float32], [1, 2], atol=0.01) and moved[np.float64] == [0, 3.125]
END
