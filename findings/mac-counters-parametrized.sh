#!/usr/bin/env bash
# thop, ptflops and torchinfo know layers by their exact class: a parametrized convolution, or one of a subclass, is free.
#
# Guess: a convolution whose weight is computed (weight_norm, spectral_norm, a quantizer put on by
#        torch.nn.utils.parametrize) costs what it cost before.
# Seen:  parametrize gives the layer a class of its own. thop and ptflops then count 0 of its 9,216 MACs, torchinfo 0,
#        or for a subclass whose name is not of the form Conv… 144, each weight once; FlopCounterMode, and ptflops with
#        backend="aten", 9,216.
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
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary


class Signs(nn.Module):
    def forward(self, weight):
        return weight.sign()


class Filter(nn.Conv2d):
    pass


def plain():
    return nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False)).eval()


def parametrized():
    net = plain()
    parametrize.register_parametrization(net[0], "weight", Signs())
    return net


def subclassed():
    return nn.Sequential(Filter(4, 4, 3, padding=1, bias=False)).eval()


def counted(make):
    x = torch.zeros(1, 4, 8, 8)
    with FlopCounterMode(display=False) as counter:
        make()(x)
    ptflops = {
        backend: get_model_complexity_info(
            make(), (4, 8, 8), as_strings=False, print_per_layer_stat=False, backend=backend
        )[0]
        for backend in ("pytorch", "aten")
    }
    return {
        "FlopCounterMode / 2": counter.get_total_flops() / 2,
        "ptflops, aten": ptflops["aten"],
        "ptflops": ptflops["pytorch"],
        "thop": profile(make(), (x,), verbose=False)[0],
        "torchinfo": summary(make(), input_data=x, verbose=0).total_mult_adds,
    }


seen = {make.__name__: counted(make) for make in (plain, parametrized, subclassed)}
for name, counts in seen.items():
    print(name, counts)
assert list(seen["plain"].values()) == [9216] * 5
assert list(seen["parametrized"].values()) == [9216, 9216, 0, 0, 0]
assert list(seen["subclassed"].values()) == [9216, 9216, 0, 0, 144]
END
