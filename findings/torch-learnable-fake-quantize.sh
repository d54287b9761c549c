#!/usr/bin/env bash
# torch: learnable fake quantization rounds a negative zero point one way forwards, another way backwards.
#
# Guess: the gradient reaches x exactly where the forward pass did not clamp.
# Seen:  at zero point -3.6 the forward pass takes -4, the gradient of x -3: it is 0 for 1.85 ... 1.94, which is
#        not clamped, and 1 for -1.35 ... -1.26, which is. Zero points of 0 or more are right.
# With:  numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'END'
import torch


def spans(zero_point):
    """Where x is not clamped, and where it has a gradient, in units of the scale 0.1; q is in -16 ... 15."""
    x = torch.arange(-30, 30, dtype=torch.float32).div(10).add(0.004).requires_grad_()
    y = torch._fake_quantize_learnable_per_tensor_affine(
        x, torch.tensor([0.1]), torch.tensor([zero_point]), -16, 15, 1.0
    )
    y.sum().backward()
    inside = x[(y - x).abs() < 0.051]
    reached = x[x.grad != 0]
    return [[round(10 * end.item()) for end in (part.min(), part.max())] for part in (inside, reached)]


seen = {zero_point: spans(zero_point) for zero_point in (3.6, -3.4, -3.6)}
for zero_point, (inside, reached) in seen.items():
    print(f"zero point {zero_point}: not clamped {inside}, has a gradient {reached}")
assert seen[3.6][0] == seen[3.6][1] == [-20, 11]
assert seen[-3.4] == [[-13, 18], [-14, 17]]
assert seen[-3.6] == [[-12, 19], [-13, 18]]
END
