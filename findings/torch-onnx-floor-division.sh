#!/usr/bin/env bash
# torch.onnx: the TorchScript exporter writes divisions that round down as ones that round towards zero.
#
# Guess: integer arithmetic survives export bit for bit; floor is floor.
# Seen:  `x // 3` and `x >> 2` of negative integers are one too large in ONNX: -7 // 3 is -2 instead of -3, -7 >> 2 is -1
#        instead of -2. torch.div(x, 3, rounding_mode="floor") is written right, and the exporter over torch.export writes
#        all three right.
# With:  onnx==1.23.2, onnxruntime==1.32.0, onnxscript==0.7.2, numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 numpy==2.4.6 torch==2.13.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
import onnxruntime
import torch
from torch import nn


class Divided(nn.Module):
    def forward(self, x):
        return x // 3, torch.div(x, 3, rounding_mode="floor"), x >> 2


x = torch.tensor([-7, -6, -1, 1, 7], dtype=torch.int32)
wanted = [value.tolist() for value in Divided()(x)]
print("PyTorch          ", wanted)
seen = {}
for dynamo in (True, False):
    torch.onnx.export(Divided(), (x,), "net.onnx", dynamo=dynamo, verbose=False)
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    seen[dynamo] = [value.tolist() for value in session.run(None, {session.get_inputs()[0].name: x.numpy()})]
    print(f"ONNX, dynamo={dynamo!s:5}", seen[dynamo])
assert seen[True] == wanted
assert seen[False] == [[-2, -2, 0, 0, 2], wanted[1], [-1, -1, 0, 0, 1]]
END
