#!/usr/bin/env bash
# torch's HistogramObserver finds the same range for 2 bits as for 8: its search counts on 256 levels whatever it is told.
#
# Guess: with `quant_min=0, quant_max=15` it searches the range with the least error for 16 steps, as "the search for the
#        min/max values ensures the minimization of the quantization error" says. For normal values that range ends at about
#        2.5.
# Seen:  the range is the one for 8 bits, from -4.5 to 4.1, with 4 and with 2 bits as well: hardly anything is cut off. The
#        squared error is more than 2 and 4 times that of the best steps. The number of levels is taken from the dtype alone.
# With:  numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import numpy as np
import torch
from torch.ao.quantization.observer import HistogramObserver

torch.set_num_threads(1)
x = np.random.default_rng(0).normal(size=100_000).astype(np.float32)


def error(scale, zero, top):
    """Mean squared error of rounding x to the integers from 0 to top."""
    q = np.clip(np.round(x / scale) + zero, 0, top)
    return float(np.mean((x - (q - zero) * scale) ** 2))


ranges, times = {}, {}
for bits in (8, 4, 2):
    top = 2**bits - 1
    observer = HistogramObserver(dtype=torch.quint8, quant_min=0, quant_max=top)
    observer(torch.from_numpy(x))
    scale, zero = (float(value) for value in observer.calculate_qparams())
    ranges[bits] = scale * top
    found = error(scale, zero, top)
    best, end = min((error(2 * end / top, 2 ** (bits - 1), top), end) for end in np.arange(0.5, 5, 0.05))
    times[bits] = found / best
    low, high = -zero * scale, (top - zero) * scale
    print(f"{bits} bits: {low:6.3f} to {high:6.3f}, width {scale * top:.3f}, steps of {scale:.3f},", end=" ")
    print(f"error {found:.6f}; with steps of {2 * end / top:.4f} it is {best:.6f}")
assert abs(ranges[4] - ranges[8]) < 1e-5 and abs(ranges[2] - ranges[8]) < 1e-5
assert ranges[8] > 8
assert times[8] < 1.2
assert times[4] > 2
assert times[2] > 3.5
END
