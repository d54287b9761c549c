#!/usr/bin/env bash
# torch.onnx: scatter_reduce("mean") is exported as a maximum, logsigmoid becomes minus infinity, an LSTM with projections fails.
#
# Guess: the exporter over torch.export writes what the network computes, or refuses.
# Seen:  scatter_reduce(…, "mean") becomes ScatterElements with reduction="max": 1, 2 in one place and 3, 4 in another give 2 and 4
#        instead of the means. logsigmoid becomes Log(Sigmoid(x)), minus infinity at -50, with the TorchScript exporter too. An
#        nn.LSTM(proj_size=…) becomes an operator that has no projections, and ends with an error when it runs. The
#        TorchScript exporter refuses the first and the last.
# With:  onnx==1.23.2, onnxruntime==1.32.0, onnxscript==0.7.2, numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 numpy==2.4.6 torch==2.13.0
cd "$room"
cat >seen.py <<'END'
import contextlib
import io

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F


class Mean(nn.Module):
    def forward(self, x):
        return torch.zeros(2).scatter_reduce(0, torch.tensor([0, 0, 1, 1]), x, "mean", include_self=False)


class LogSigmoid(nn.Module):
    def forward(self, x):
        return F.logsigmoid(x)


class Projected(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 5, batch_first=True, proj_size=3)

    def forward(self, x):
        return self.lstm(x)[0]


def exported(network, x, dynamo):
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            torch.onnx.export(network.eval(), (x,), "network.onnx", dynamo=dynamo, verbose=False)
        except Exception:
            return "refused"
    session = onnxruntime.InferenceSession("network.onnx", providers=["CPUExecutionProvider"])
    try:
        return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    except Exception:
        return "fails when it runs"


values = torch.tensor([1.0, 2.0, 3.0, 4.0])
print("mean of 1, 2 and of 3, 4:", *Mean()(values).tolist(), "; exported:", *exported(Mean(), values, True))
assert exported(Mean(), values, True).tolist() == [2, 4]
assert exported(Mean(), values, False) == "refused"
values = torch.tensor([-50.0, 0.0])
for dynamo in (True, False):
    seen = exported(LogSigmoid(), values, dynamo)
    print("logsigmoid of -50 and 0:", *F.logsigmoid(values).tolist(), f"; exported, dynamo={dynamo}:", *seen)
    assert seen[0] == -np.inf
values = torch.randn(1, 2, 4)
print("LSTM with projections, exported:", exported(Projected(), values, True))
assert exported(Projected(), values, True) == "fails when it runs"
assert exported(Projected(), values, False) == "refused"
END
"$room/venv/bin/python" -W ignore seen.py >seen 2>messages || { cat seen messages; exit 1; }
grep -E "^(mean|logsigmoid|LSTM)" seen  # what else torch prints is left out
