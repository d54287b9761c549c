#!/usr/bin/env bash
# FlopCounterMode: the backward pass of a grouped convolution is charged as if it had no groups.
#
# Guess: whatever the groups, training costs three times the forward pass: two gradients of its own size.
# Seen:  3 times for a dense 3x3 layer of 16 channels, 6 times with 4 groups, 18 times for a depthwise one.
# With:  numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'END'
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def flops(call):
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


seen = {}
for groups in (1, 4, 16):
    layer = nn.Conv2d(16, 16, 3, padding=1, groups=groups, bias=False)
    x = torch.zeros(1, 16, 8, 8, requires_grad=True)
    forward = flops(lambda: layer(x))
    seen[groups] = flops(lambda: layer(x).sum().backward()) / forward
    print(f"{groups:2} groups: forward {forward / 2:9,.0f} MACs, with the backward pass {seen[groups]:.0f} times that")
    assert forward == 2 * 16 * 16 // groups * 9 * 64
assert seen == {1: 3, 4: 6, 16: 18}
END
