#!/usr/bin/env bash
# optimum-quanto: on int8 activations `relu` after a negative factor keeps the negative numbers, and `where` cannot mask.
#
# Guess: relu(-1 * h), where(mask, h, -inf) and -h give the quantized h what they give any tensor, up to a step of rounding.
# Seen:  the factor goes into the scale, which becomes negative; `relu` then looks at the integers only and keeps those that
#        stand for negative numbers. `where` rounds its answer with the scale of h, so -inf becomes the least number of h, and a
#        softmax gives the masked places a part. Of a saturated -128 the negative is -128 again: a number below the range keeps
#        its sign.
# With:  numpy==2.4.6, optimum-quanto==0.2.7, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 optimum-quanto==0.2.7 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import numpy as np
import torch
from optimum.quanto import Calibration, freeze, qint8, quantize

torch.set_num_threads(1)
mask = torch.tensor([[True, True, False, False]])


class Network(torch.nn.Module):
    """A layer that changes nothing, and a function of its output."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = torch.nn.Linear(4, 4), function
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(4))
            self.layer.bias.zero_()

    def forward(self, x):
        return self.function(self.layer(x))


functions = {
    "relu(-1 * h)": lambda h: torch.relu(h * -1.0),
    "relu(h / -2)": lambda h: torch.relu(h / -2.0),
    "where(mask, h, -inf)": lambda h: torch.where(mask, h, torch.tensor(-torch.inf)),
    "softmax(where(mask, h, -inf))": lambda h: torch.softmax(torch.where(mask, h, torch.tensor(-torch.inf)), -1),
    "relu(h)": torch.relu,
    "softmax(h)": lambda h: torch.softmax(h, -1),
}
x = torch.tensor([[-1.0, 0.5, -0.25, 1.0]])
seen, right = {}, {}
with torch.no_grad():
    for name, function in functions.items():
        net = Network(function)
        right[name] = net(x).numpy()
        quantize(net, weights=qint8, activations=qint8)
        with Calibration(streamline=False):
            net(x)
        freeze(net)
        seen[name] = net(x).dequantize().numpy()
        print(f"{name:30}", *(f"{value:7.3f}" for value in seen[name][0]), " in float", *(f"{v:7.3f}" for v in right[name][0]))
    net = Network(torch.neg)
    quantize(net, weights=qint8, activations=qint8)
    with Calibration(streamline=False):
        net(x)
    beyond = net(torch.tensor([[-1.2, -1.0, 1.0, 1.2]])).dequantize().numpy()
print("-h of -1.2, -1, 1 and 1.2     ", *(f"{value:7.3f}" for value in beyond[0]), " in float   1.200   1.000  -1.000  -1.200")
for name in ("relu(h)", "softmax(h)"):
    assert np.allclose(seen[name], right[name], atol=0.02)
assert np.allclose(seen["relu(-1 * h)"], [[0, -0.5, 0, -1]], atol=0.02)
assert np.allclose(seen["relu(h / -2)"], [[0, -0.25, 0, -0.5]], atol=0.02)
assert np.allclose(seen["where(mask, h, -inf)"], [[-1, 0.5, -1, -1]], atol=0.02)
assert (seen["softmax(where(mask, h, -inf))"][0, 2:] > 0.1).all() and (right["softmax(where(mask, h, -inf))"][0, 2:] == 0).all()
assert np.allclose(beyond, [[-1, 1, -1, -1]], atol=0.02)
END
