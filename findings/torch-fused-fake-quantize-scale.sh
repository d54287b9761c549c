#!/usr/bin/env bash
# torch's default fake quantization of QAT trains with other scales and zero points than the network is converted with.
#
# Guess: a module's `scale` and `zero_point`, with which its forward pass rounds, are what its `calculate_qparams()` gives for
#        int8.
# Seen:  FusedMovingAvgObsFakeQuantize has formulas of its own. Symmetric, with both signs: a step of 1/127 (or 1/128) of the
#        largest value instead of 1/127.5. With one sign: half the step and a zero point of -128, that is, not symmetric. Small
#        values: steps of at least 6.1e-5, so weights up to 0.001 are trained with 33 levels and converted with 256. The zero
#        points of a symmetric uint8 range differ too. Weights of the default QAT configuration are affected; FakeQuantize is
#        not.
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
from torch.ao.quantization import QuantWrapper, convert, prepare_qat
from torch.ao.quantization.fake_quantize import FakeQuantize, FusedMovingAvgObsFakeQuantize
from torch.ao.quantization.observer import MovingAverageMinMaxObserver
from torch.ao.quantization.qconfig import get_default_qat_qconfig

torch.set_num_threads(1)
cases = {
    "both signs": [-1.0, 0.3, 1.0],
    "more below": [-1.0, 0.3, 0.5],
    "one sign": [0.2, 0.3, 1.0],
    "small": [-0.001, 0.0003, 0.001],
}
int8 = dict(dtype=torch.qint8, quant_min=-128, quant_max=127)
uint8 = dict(dtype=torch.quint8, quant_min=0, quant_max=255)
seen = {}
for kind in (FakeQuantize, FusedMovingAvgObsFakeQuantize):
    for (name, values), form in [(case, int8) for case in cases.items()] + [(("both signs", cases["both signs"]), uint8)]:
        fake = kind(observer=MovingAverageMinMaxObserver, qscheme=torch.per_tensor_symmetric, **form)
        y = fake(torch.tensor(values)).numpy()
        trained = float(fake.scale), int(fake.zero_point)
        converted = tuple(float(value) for value in fake.calculate_qparams())
        # that the forward pass does round to the grid of its own scale and zero point:
        low, high = form["quant_min"], form["quant_max"]
        q = np.clip(np.round(np.float32(values) / np.float32(trained[0])) + trained[1], low, high)
        assert np.allclose(y, (q - trained[1]) * np.float32(trained[0]), rtol=1e-6)
        seen[kind.__name__, name, high] = trained, converted
        text = f"{kind.__name__:30}{name:11}{'int8' if low else 'uint8':6}"
        print(text + f"trained {trained[0]:.7f} {trained[1]:4d}, converted {converted[0]:.7f} {int(converted[1]):4d}")

# the weights of a layer of the default configuration, per channel
net = QuantWrapper(torch.nn.Linear(3, 4))
net.qconfig = get_default_qat_qconfig("x86")
with torch.no_grad():
    net.module.weight.copy_(torch.tensor(list(cases.values())))
net = prepare_qat(net.train())
net(torch.ones(2, 3))
fake = net.module.weight_fake_quant
trained = fake.scale.numpy(), fake.zero_point.numpy()
made = convert(net.eval()).module.weight()
converted = made.q_per_channel_scales().numpy(), made.q_per_channel_zero_points().numpy()
print("a layer's weights, trained  ", *(f"{scale:.7f} {zero:4d} " for scale, zero in zip(*trained)))
print("a layer's weights, converted", *(f"{scale:.7f} {int(zero):4d} " for scale, zero in zip(*converted)))

for (kind, _, _), (first, second) in seen.items():
    if kind == "FakeQuantize":
        assert np.allclose(first, second, rtol=1e-6, atol=0)
expected = {"both signs": (1 / 127, 0), "more below": (1 / 128, 0), "one sign": (1 / 255, -128), "small": (6.1e-5, 0)}
for k, (name, (scale, zero)) in enumerate(expected.items()):
    first, second = seen["FusedMovingAvgObsFakeQuantize", name, 127]
    assert np.isclose(first[0], scale, rtol=1e-5) and first[1] == zero
    assert np.isclose(second[0], max(map(abs, cases[name])) / 127.5, rtol=1e-5) and second[1] == 0
    assert np.isclose(trained[0][k], scale, rtol=1e-5) and trained[1][k] == zero
    assert np.isclose(converted[0][k], second[0], rtol=1e-5) and converted[1][k] == 0
first, second = seen["FusedMovingAvgObsFakeQuantize", "both signs", 255]
assert first[1] == 128 and second[1] == 127
END
