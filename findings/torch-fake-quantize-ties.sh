#!/usr/bin/env bash
# torch's fake quantization multiplies by the scale's reciprocal; QuantizeLinear of ONNX divides. Ties fall otherwise.
#
# Guess: a network trained with fake quantization and the same network as ONNX round every activation alike.
# Seen:  of 76,500 values half way between two steps, over 300 scales, torch rounds about one in eight (9,638) to
#        another integer than float32 division does; onnxruntime and ONNX's reference none.
# With:  numpy==2.4.6, onnx==1.23.2, onnxruntime==1.32.0, torch==2.13.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 torch==2.13.0
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def quantizer(scale, count):
    node = helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["y"])
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [count])]
    made = [helper.make_tensor_value_info("y", TensorProto.INT8, [count])]
    constants = [
        helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
        helper.make_tensor("zero", TensorProto.INT8, [], [0]),
    ]
    graph = helper.make_graph([node], "quantizer", given, made, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


halves = np.arange(-128, 127, dtype=np.float32) + np.float32(0.5)
others = {"torch": 0, "onnxruntime": 0, "reference": 0}
for scale in np.random.default_rng(0).uniform(0.001, 0.1, 300).astype(np.float32):
    x, model = halves * scale, quantizer(float(scale), len(halves))
    divided = np.round(x / scale).clip(-128, 127)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    fake = torch.fake_quantize_per_tensor_affine(torch.from_numpy(x), float(scale), 0, -128, 127).numpy()
    others["torch"] += int((np.round(fake / scale) != divided).sum())
    others["onnxruntime"] += int((session.run(None, {"x": x})[0] != divided).sum())
    others["reference"] += int((ReferenceEvaluator(model).run(None, {"x": x})[0] != divided).sum())
print(f"of {300 * len(halves):,} ties, rounded otherwise than by division: {others}")
assert others["onnxruntime"] == others["reference"] == 0
assert 7_000 < others["torch"] < 12_000
END
