#!/usr/bin/env bash
# FlopCounterMode: on a CPU an LSTM is free while a GRU is not, and a matrix times a vector is free from one side.
#
# Guess: a counter that sits below the modules sees every matrix product.
# Seen:  nn.LSTM 0, nn.GRU 15,360 flops, nn.LSTMCell counted; A @ v and addmv 0, v @ A and F.linear(v, A) 512.
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
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

steps, step, a, v = torch.zeros(5, 1, 16), torch.zeros(1, 16), torch.zeros(16, 16), torch.zeros(16)
calls = {
    "LSTM of 5 steps": lambda: nn.LSTM(16, 16)(steps),
    "GRU of 5 steps": lambda: nn.GRU(16, 16)(steps),
    "LSTMCell": lambda: nn.LSTMCell(16, 16)(step),
    "A @ v": lambda: a @ v,
    "addmv": lambda: torch.addmv(v, a, v),
    "v @ A": lambda: v @ a,
    "F.linear(v, A)": lambda: F.linear(v, a),
}
seen = {}
for name, call in calls.items():
    with FlopCounterMode(display=False) as counter:
        call()
    seen[name] = counter.get_total_flops()
    print(f"{name:16}{seen[name]:8,} flops")
gates = 2 * 2 * 16 * 16  # one gate's two products, two operations a MAC
assert seen["LSTM of 5 steps"] == 0
assert seen["GRU of 5 steps"] == 5 * 3 * gates == 15360
assert seen["LSTMCell"] == 4 * gates
assert seen["A @ v"] == seen["addmv"] == 0
assert seen["v @ A"] == seen["F.linear(v, A)"] == 2 * 16 * 16
END
