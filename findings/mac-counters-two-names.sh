#!/usr/bin/env bash
# thop and ptflops count a module once for every name that it has.
#
# Guess: one convolution that is an attribute and also in an nn.Sequential, and runs twice, costs two convolutions.
# Seen:  for 2 x 9,216 MACs thop says 73,728, ptflops 36,864; torchinfo and FlopCounterMode 18,432. thop and torchinfo
#        also have its 144 parameters twice. Without the second name, all four agree.
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
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary


class Once(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)

    def forward(self, x):
        return self.conv(self.conv(x))


class Twice(Once):
    def __init__(self):
        super().__init__()
        self.also = nn.Sequential(self.conv)

    def forward(self, x):
        return self.also(self.conv(x))


def counted(make):
    x = torch.zeros(1, 4, 8, 8)
    with FlopCounterMode(display=False) as counter:
        make().eval()(x)
    seen = summary(make().eval(), input_data=x, verbose=0)
    return {
        "FlopCounterMode / 2": counter.get_total_flops() / 2,
        "torchinfo": (seen.total_mult_adds, seen.total_params),
        "thop": profile(make().eval(), (x,), verbose=False),
        "ptflops": get_model_complexity_info(
            make().eval(), (4, 8, 8), as_strings=False, print_per_layer_stat=False, backend="pytorch"
        ),
    }


once, twice = counted(Once), counted(Twice)
print("one name:", once)
print("two names:", twice)
assert list(once.values()) == [18432, (18432, 144), (18432, 144), (18432, 144)]
assert list(twice.values()) == [18432, (18432, 288), (73728, 288), (36864, 144)]
END
