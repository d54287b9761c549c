#!/usr/bin/env bash
# optimum-quanto: after `Calibration()` as it is by default, a network of convolutions has no quantized activation left.
#
# Guess: `quantize(net, weights=qint8, activations=qint8)` and a calibration give a network that rounds activations to 8 bits.
#        "Streamline" leaves out only those that go straight to a function that cannot take them, and `relu` can.
# Seen:  calibration switches off the outputs of all layers, before a `ReLU` and before another layer too: it looks for the base
#        class of quantized tensors in a list that never holds it. The answers are bit for bit those of `activations=None`. A
#        `Linear` still rounds its inputs, a `Conv2d` never does. With `streamline=False` all outputs are rounded.
# With:  numpy==2.4.6, optimum-quanto==0.2.7, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 optimum-quanto==0.2.7 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import torch
from optimum.quanto import Calibration, freeze, qint8, quantize

torch.set_num_threads(1)
x = torch.randn(4, 2, 10, 10, generator=torch.Generator().manual_seed(0))


def network():
    torch.manual_seed(1)
    layers = [torch.nn.Conv2d(2, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3), torch.nn.Conv2d(8, 4, 3)]
    return torch.nn.Sequential(*layers)


def run(activations, **options):
    """The kinds of the tensors between the layers, and the answer."""
    net = network()
    quantize(net, weights=qint8, activations=activations)
    if activations is not None:
        with Calibration(**options):
            net(x)
    freeze(net)
    kinds, y = [], x
    for layer in net:
        y = layer(y)
        kinds.append(type(y).__name__)
    return kinds, net(x).dequantize()


seen = {}
with torch.no_grad():
    right = network()(x)
    for name, answer in (
        ("activations=None", run(None)),
        ("activations=qint8, default", run(qint8)),
        ("activations=qint8, streamline=False", run(qint8, streamline=False)),
    ):
        seen[name] = kinds, y = answer
        error = float((y - right).square().mean().sqrt())
        print(f"{name:36}{len(y.unique()):5} different of {y.numel()} answers, error {error:.5f}, between layers: {', '.join(kinds)}")
weights, default, full = seen.values()
assert torch.equal(weights[1], default[1])
assert default[0] == ["Tensor"] * 4
assert full[0] == ["ActivationQBytesTensor"] * 4
assert len(default[1].unique()) > 200 >= len(full[1].unique()) * 200 / 256
END
