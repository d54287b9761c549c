#!/usr/bin/env bash
# onnxruntime: where only the weights of a MatMul or Gemm are quantized, the float activations are rounded to 8 bits as well.
#
# Guess: int8 weights behind a DequantizeLinear save room; a float input stays float, and the answer is that of the
#        dequantized weights.
# Seen:  with the default optimizations the pair becomes MatMulNBits at accuracy level 4, which rounds the input in blocks of 32 to
#        int8. A row with one value of 100 beside others near 1 is off by 1.8, in floats by 0.00003; rows without one are off
#        by 0.1. The session's entry session.qdq_matmulnbits_accuracy_level = 0 or 1 keeps floats.
# With:  numpy==2.4.6, onnx==1.23.2, onnxruntime==1.32.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROWS, DEPTH, COLUMNS = 16, 64, 10
random = np.random.default_rng(0)
weights = random.integers(-127, 128, (DEPTH, COLUMNS)).astype(np.int8)
x = random.standard_normal((ROWS, DEPTH)).astype(np.float32)
x[0, 0] = 100
right = x.astype(np.float64) @ (weights * np.float64(np.float32(0.01)))


def error(operator, level, setting=None):
    """Largest error of the first row, whose first value is 100, and of the other rows."""
    nodes = [helper.make_node("DequantizeLinear", ["w", "scale"], ["d"]), helper.make_node(operator, ["x", "d"], ["y"])]
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.float32(0.01), "scale")]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, right.shape)
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{level}")
    if setting is not None:
        options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", setting)
    off = abs(onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0] - right)
    return off[0].max(), off[1:].max()


for operator in ("MatMul", "Gemm"):
    for level, setting in (("DISABLE_ALL", None), ("ENABLE_ALL", "0"), ("ENABLE_ALL", "1"), ("ENABLE_ALL", None)):
        first, others = error(operator, level, setting)
        print(f"{operator:6} {level:11} accuracy level {setting or '-'}: off by {first:.5f}, other rows {others:.5f}")
        if level == "ENABLE_ALL" and setting is None:
            assert first > 0.5 and others > 0.02
        else:
            assert first < 1e-3 and others < 1e-3
END
