#!/usr/bin/env bash
# thop, torchinfo and ptflops see modules: a convolution called as a function is free, or nearly so.
#
# Guess: a counter that runs the network sees every convolution in it.
# Seen:  a module that calls F.conv2d with its own parameter: 0 MACs by thop and ptflops, 108 by torchinfo, which
#        takes each weight once; 6,912 by FlopCounterMode, and by ptflops with backend="aten".
# With:  numpy==2.4.6, ptflops==0.7.5, thop==0.1.1.post2209072238, torch==2.13.0, torchinfo==1.8.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps ptflops==0.7.5 thop==0.1.1.post2209072238 torchinfo==1.8.0  # some ask for torchvision, in vain
cd "$room"
"$room/venv/bin/python" - <<'END'
import torch
from ptflops import get_model_complexity_info
from thop import profile
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 3, 3, 3))

    def forward(self, x):
        return F.conv2d(x, self.weight, padding=1)


def ptflops(backend):
    return get_model_complexity_info(
        Net().eval(), (3, 8, 8), as_strings=False, print_per_layer_stat=False, backend=backend
    )[0]


net, x = Net().eval(), torch.zeros(1, 3, 8, 8)
with FlopCounterMode(display=False) as counter:
    net(x)
seen = {
    "FlopCounterMode / 2": counter.get_total_flops() / 2,
    "thop": profile(Net().eval(), (x,), verbose=False)[0],
    "torchinfo": summary(Net().eval(), input_data=x, verbose=0).total_mult_adds,
    "ptflops": ptflops("pytorch"),
    "ptflops, aten": ptflops("aten"),
}
print(seen)
assert list(seen.values()) == [6912, 0, 108, 0, 6912]
END
