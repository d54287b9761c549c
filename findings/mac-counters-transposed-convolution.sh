#!/usr/bin/env bash
# Three of six MAC counters charge a transposed convolution for a kernel at every output.
#
# Guess: a transposed convolution costs input pixels x kernel x channels, each input element being spread once.
# Seen:  3 channels of 8x8 to 4 of 17x17, 3x3, stride 2: 6,912 MACs. thop, torchinfo and torchprofile say 31,212,
#        4.5 times as many; FlopCounterMode, ptflops and fvcore 6,912.
# With:  fvcore==0.1.5.post20221221, numpy==2.4.6, ptflops==0.7.5, thop==0.1.1.post2209072238, torch==2.13.0, torchinfo==1.8.0, torchprofile==0.1.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0 iopath==0.1.10 portalocker==4.4.2 tabulate==0.10.0 termcolor==3.3.0 tqdm==4.70.1 pyyaml==6.0.3 pillow==12.3.0 yacs==0.1.8
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps fvcore==0.1.5.post20221221 ptflops==0.7.5 thop==0.1.1.post2209072238 torchinfo==1.8.0 torchprofile==0.1.0  # some ask for torchvision, in vain
cd "$room"
"$room/venv/bin/python" - <<'END'
import logging

import torch
from fvcore.nn import FlopCountAnalysis
from ptflops import get_model_complexity_info
from thop import profile
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary
from torchprofile import profile_macs

logging.disable(logging.CRITICAL)
net, x = nn.ConvTranspose2d(3, 4, 3, 2, bias=False).eval(), torch.zeros(1, 3, 8, 8)
with FlopCounterMode(display=False) as counter:
    net(x)
seen = {
    "FlopCounterMode / 2": counter.get_total_flops() / 2,
    "fvcore": FlopCountAnalysis(net, x).total(),
    "ptflops": get_model_complexity_info(net, (3, 8, 8), as_strings=False, print_per_layer_stat=False)[0],
    "thop": profile(net, (x,), verbose=False)[0],
    "torchinfo": summary(net, input_data=x, verbose=0).total_mult_adds,
    "torchprofile": profile_macs(net, x),
}
for name, macs in seen.items():
    print(f"{name:20}{macs:10,.0f}")
spread, gathered = 3 * 8 * 8 * 4 * 3 * 3, 4 * 17 * 17 * 3 * 3 * 3
assert seen["FlopCounterMode / 2"] == seen["fvcore"] == seen["ptflops"] == spread == 6912
assert seen["thop"] == seen["torchinfo"] == seen["torchprofile"] == gathered == 31212
END
