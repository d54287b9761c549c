#!/usr/bin/env bash
# torchinfo: a linear layer along an axis is counted once, not once a row.
#
# Guess: nn.Linear(16, 5) on (1, 3, 4, 16) multiplies 3 x 4 x 16 x 5 = 960 times.
# Seen:  torchinfo says 80; FlopCounterMode and thop say 960. Whoever costs an MLP-Mixer or a transformer so is
#        low by the number of tokens.
# With:  numpy==2.4.6, thop==0.1.1.post2209072238, torch==2.13.0, torchinfo==1.8.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps thop==0.1.1.post2209072238 torchinfo==1.8.0  # some ask for torchvision, in vain
cd "$room"
"$room/venv/bin/python" - <<'END'
import torch
from thop import profile
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

net, x = nn.Linear(16, 5, bias=False).eval(), torch.zeros(1, 3, 4, 16)
with FlopCounterMode(display=False) as counter:
    net(x)
flops, thop, torchinfo = (
    counter.get_total_flops() / 2, profile(net, (x,), verbose=False)[0], summary(net, input_data=x, verbose=0).total_mult_adds
)
print("FlopCounterMode / 2:", flops, " thop:", thop, " torchinfo:", torchinfo)
assert (flops, thop, torchinfo) == (960, 960, 80)
END
