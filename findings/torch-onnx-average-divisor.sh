#!/usr/bin/env bash
# torch.onnx: an average pool with a divisor of its own is exported as a plain one.
#
# Guess: what cannot be written is refused, so AvgPool2d(3, divisor_override=8), a shift for integers, is exported or an error.
# Seen:  both exporters, the one over torch.export and the TorchScript one, drop the divisor without a word: the network in
#        ONNX divides by 9, so every answer is 8/9 of the right one.
# With:  onnx==1.23.2, onnxruntime==1.32.0, onnxscript==0.7.2, numpy==2.4.6, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 numpy==2.4.6 torch==2.13.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
import numpy as np
import onnxruntime
import torch

torch.manual_seed(0)
x = torch.rand(1, 4, 9, 9)
pool = torch.nn.AvgPool2d(3, divisor_override=8).eval()
for dynamo in (True, False):
    torch.onnx.export(pool, (x,), "pool.onnx", dynamo=dynamo, verbose=False)
    session = onnxruntime.InferenceSession("pool.onnx", providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    ratio = theirs / pool(x).numpy()
    print(f"torch {torch.__version__}, dynamo={dynamo}: ONNX / PyTorch = {ratio.min():.4f} to {ratio.max():.4f}")
    assert np.allclose(ratio, 8 / 9)
END
