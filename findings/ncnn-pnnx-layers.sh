#!/usr/bin/env bash
# pnnx, ncnn: converted from PyTorch without a warning, a cube and two layers answer otherwise.
#
# Guess: a converter that writes ncnn's own layers for a module writes what that module computes, and warns of what ncnn lacks.
# Seen:  x ** 3 of a negative number is infinite or huge. LayerNorm over channels, rows and columns normalizes every channel alone.
#        AvgPool2d with ceil_mode and count_include_pad divides the windows that hang over by their full size. The converter names
#        none of them (it does name an uneven chunk, for example), and loading succeeds.
# With:  ncnn==1.0.20261020, numpy==2.4.6, pnnx==20261020, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check ncnn==1.0.20261020 numpy==2.4.6 pnnx==20261020 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import pathlib
import re
import subprocess
import sys

import ncnn
import numpy as np
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)


class Network(nn.Module):
    """One layer behind a convolution that changes nothing, which tells pnnx where the batch is."""

    def __init__(self, layer, channels):
        super().__init__()
        self.same = nn.Conv2d(channels, channels, 1, bias=False)
        self.same.weight.data = torch.eye(channels)[:, :, None, None]
        self.layer = layer

    def forward(self, x):
        return self.layer(self.same(x))


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def answers(layer, x):
    """What PyTorch and ncnn make of x, and the words of the converter that could be a warning."""
    network = Network(layer, x.shape[1]).eval()
    with torch.no_grad():
        right = network(x)[0].numpy()
    torch.jit.trace(network, x).save("network.pt")
    command = [pathlib.Path(sys.executable).with_name("pnnx"), "network.pt", f"inputshape={list(x.shape)}f32".replace(" ", ""), "fp16=0"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    assert net.load_param("network.ncnn.param") == net.load_model("network.ncnn.bin") == 0
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(x[0].numpy()).clone())
    code, made = extractor.extract("out0")
    assert code == 0
    seen = np.array(made)
    assert seen.shape == right.shape
    words = re.findall(r".*(?:warn|unsupport|not support|ignore|fallback|fail).*", told.stdout + told.stderr, re.IGNORECASE)
    return right, seen, words


x = torch.randn(1, 3, 6, 6)
for shape in ((6,), (6, 6), (3, 6, 6)):
    right, seen, words = answers(nn.LayerNorm(shape), x)
    print(f"LayerNorm{shape} of 3 channels of 6×6: off by {abs(seen - right).max():.6f}", *words)
    assert np.allclose(seen, right, atol=1e-4) == (len(shape) < 3)
    assert not words
alone = functional.layer_norm(x, (6, 6))[0].numpy()
print(f"  the last differs from a normalization of each channel by {abs(seen - alone).max():.6f}")
assert np.allclose(seen, alone, atol=1e-4)

ones = torch.ones(1, 1, 4, 4)
for whole, ends in ((False, 1), (True, 2 / 3)):
    right, seen, words = answers(nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=whole), ones)
    print(f"AvgPool2d of ones, ceil_mode, count_include_pad={whole}: the last row is", *seen[0, -1].round(3), end=" ")
    print("instead of", *right[0, -1].round(3), *words)
    assert np.allclose(seen, right, atol=1e-4) == (not whole)
    assert not words

row = torch.tensor([-3.0, -2.0, 2.0, 3.0]).reshape(1, 1, 1, 4)
right, seen, words = answers(Call(lambda x: x**3), row)
print("x ** 3 of -3 -2 2 3:", *seen[0, 0], "instead of", *right[0, 0], *words)
assert (seen[0, 0, :2] > 1e30).all() and np.allclose(seen[0, 0, 2:], [8, 27], atol=1e-2) and not words
END
