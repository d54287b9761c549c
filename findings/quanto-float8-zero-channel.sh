#!/usr/bin/env bash
# optimum-quanto: in float8 an output channel whose weights are all zero, as pruning leaves it, answers NaN.
#
# Guess: zero is exact in every float8 format: such a channel gives its bias, as it does in float and in int8.
# Seen:  its scale is 0, its weights are stored as 0 / 0, and the layer answers NaN there; the next layer spreads it over all
#        outputs. No message says so. In int8 the same NaN becomes the integer 0 when it is stored, and the answer is right.
# With:  numpy==2.4.6, optimum-quanto==0.2.7, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 optimum-quanto==0.2.7 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import torch
from optimum.quanto import freeze, qfloat8_e4m3fn, qfloat8_e5m2, qint8, quantize

torch.set_num_threads(1)
x = torch.randn(5, 2, 6, 6, generator=torch.Generator().manual_seed(0))


def network():
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 3, 4))
    with torch.no_grad():
        net[0].weight[1] = 0
    return net


with torch.no_grad():
    first, last = network()[0](x), network()(x)
    for kind in (qint8, qfloat8_e4m3fn, qfloat8_e5m2):
        net = network()
        quantize(net, weights=kind)
        freeze(net)
        channels, answer = net[0](x), net(x)
        bad = [k for k in range(4) if channels[:, k].isnan().any()]
        share = float(answer.isnan().float().mean())
        print(f"{kind.name:15} channels with NaN after the first layer: {bad}; NaN among the answers: {share:.0%}")
        if kind is qint8:
            assert torch.allclose(answer, last, atol=0.02) and torch.equal(channels[:, 1], first[:, 1])
        else:
            assert bad == [1] and share == 1
            others = [0, 2, 3]
            assert torch.allclose(channels[:, others], first[:, others], atol=0.3)
END
