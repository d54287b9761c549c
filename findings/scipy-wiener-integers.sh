#!/usr/bin/env bash
# SciPy: signal.wiener of an integer picture squares it in its own width: the smoothed picture has holes and peaks.
#
# Guess: a uint8 picture and an int16 recording, which wiener takes and answers in float64, are smoothed as the same numbers in floats.
# Seen:  a ramp of uint8 from 60 to 180 with noise, smoothed over 3 x 3 pixels, falls to -665, where in floats no pixel is below 45; four
#        pixels in ten differ by more than 1. An int16 sound of some thousands differs as well. Of int64 and float32 the answers are those
#        of float64.
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
from scipy.signal import wiener

print("scipy", scipy.__version__)


def by_hand(array, size):
    """The filter as it is defined, in exact sums: the local mean plus the share of the local variance that is above the noise."""
    array = array.astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(array, size // 2), (size,) * array.ndim)
    axes = tuple(range(array.ndim, 2 * array.ndim))
    mean = windows.mean(axes)
    variance = (windows**2).mean(axes) - mean**2
    noise = variance.mean()
    return np.where(variance < noise, mean, mean + (array - mean) * (1 - noise / np.maximum(variance, noise)))


generator = np.random.default_rng(0)
ramp = np.linspace(60, 180, 64) + generator.normal(0, 5, (64, 64))
sound = 3000 * np.sin(np.arange(4000) / 50) + generator.normal(0, 300, 4000)
for name, numbers, kinds in (("picture", ramp, (np.uint8, np.int64, np.float32)), ("sound", sound, (np.int16, np.int64, np.float32))):
    numbers = np.round(numbers).astype(kinds[0])
    right = by_hand(numbers, 3)
    assert np.allclose(wiener(numbers.astype(float), 3), right)
    for kind in kinds:
        seen = wiener(numbers.astype(kind), 3)
        off = np.abs(seen - right) > 1
        print(f"{name:8} {kind.__name__:8} from {seen.min():.0f} to {seen.max():.0f}, {off.mean():.0%} off by more than 1,", end=" ")
        print(f"right {right.min():.0f} to {right.max():.0f}")
        assert seen.dtype == np.float64
        if kind is np.uint8:
            assert seen.min() < -500 and right.min() > 40 and off.mean() > 0.3
        else:
            assert off.mean() > 0.3 if kind is np.int16 else not off.any()
END
