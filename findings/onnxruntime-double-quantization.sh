#!/usr/bin/env bash
# onnxruntime: two quantizations in a row become one, with a scale of its own, unless all optimization is off.
#
# Guess: a tensor that is quantized to steps of 0.1, then to steps of 0.5, is a multiple of 0.5.
# Seen:  from the basic optimizations on, only the finer of the two is left: 0.3 stays 0.3 instead of 0.5. With the same steps and
#        other zero points both are replaced by new ones: 9.0 on a grid of 0.1 becomes 9.03 on one of 0.092. Networks that were
#        trained with the coarser rounding answer otherwise, and no message says so.
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


def network(first, second):
    """QuantizeLinear and DequantizeLinear, twice, each with its (scale, int8 zero point)."""
    nodes, constants, last = [], [], "x"
    for k, (scale, zero) in enumerate((first, second)):
        constants += [numpy_helper.from_array(np.float32(scale), f"scale{k}")]
        constants += [numpy_helper.from_array(np.int8(zero), f"zero{k}")]
        nodes += [helper.make_node("QuantizeLinear", [last, f"scale{k}", f"zero{k}"], [f"q{k}"])]
        last = f"y{k}"
        nodes += [helper.make_node("DequantizeLinear", [f"q{k}", f"scale{k}", f"zero{k}"], [last])]
    given, made = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("x", "y1"))
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def answer(content, x, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{level}")
    return onnxruntime.InferenceSession(content, options).run(None, {"x": x})[0]


x = np.array([0.3, 1.1, 9.0, -9.0], np.float32)
seen = {}
for first, second in (((0.1, 0), (0.5, 0)), ((0.1, 10), (0.1, -10))):
    for level in ("DISABLE_ALL", "ENABLE_BASIC", "ENABLE_ALL"):
        seen[first, second, level] = y = answer(network(first, second), x, level)
        print(f"(scale, zero point) {first}, then {second}, {level:12}", *(f"{value:6.3f}" for value in y))
coarse = ((0.1, 0), (0.5, 0))
assert np.allclose(seen[*coarse, "DISABLE_ALL"], [0.5, 1, 9, -9])
shifted = ((0.1, 10), (0.1, -10))
assert np.allclose(seen[*shifted, "DISABLE_ALL"], x)
for level in ("ENABLE_BASIC", "ENABLE_ALL"):
    assert np.allclose(seen[*coarse, level], x)
    assert np.allclose(seen[*shifted, level], [0.276, 1.106, 9.031, -9.031], atol=1e-3)
END
