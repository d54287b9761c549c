#!/usr/bin/env bash
# onnxruntime.quantization: quantize_static loses the beta of a Gemm; with QOperator it divides by it, and alpha multiplies the bias.
#
# Guess: a quantized Gemm gives alpha·A·B + beta·C, but for rounding.
# Seen:  the bias is stored with a scale that beta has been multiplied into, which leaves its value as it was; then the node's beta
#        is set to 1. So a bias of 1 with beta=3 adds 1 instead of 3. QGemm, which QOperator writes, does not read that scale, so
#        there the same bias adds 1/3; and with alpha=2, beta=1 it adds 2 instead of 1. quantize_dynamic is right.
# With:  numpy==2.4.6, onnx==1.23.2, onnxruntime==1.32.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import logging

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper, save
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

logging.disable(logging.WARNING)


class Rows(CalibrationDataReader):
    def __init__(self):
        self.rows = iter([{"x": np.array([[value, 0]], np.float32)} for value in (-10, 0, 10)])

    def get_next(self):
        return next(self.rows, None)


def answer(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.array([[2, 0]], np.float32)})[0].item()


def network(alpha, beta):
    """alpha times the first of two values, plus beta."""
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], alpha=alpha, beta=beta)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])
    w, b = np.array([[1], [0]], np.float32), np.array([1], np.float32)
    constants = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")]
    graph = helper.make_graph([node], "g", [given], [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model, full_check=True)
    save(model, "network.onnx")


types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
for alpha, beta in ((1.0, 1.0), (1.0, 3.0), (1.0, 0.5), (2.0, 1.0)):
    network(alpha, beta)
    right, seen = answer("network.onnx"), {}
    assert right == 2 * alpha + beta
    for kind in (QuantFormat.QDQ, QuantFormat.QOperator):
        quantize_static("network.onnx", "quantized.onnx", Rows(), quant_format=kind, **types)
        seen[kind.name] = answer("quantized.onnx")
    quantize_dynamic("network.onnx", "quantized.onnx", weight_type=QuantType.QInt8)
    seen["dynamic"] = answer("quantized.onnx")
    print(f"{alpha:.0f} · 2 + {beta} · 1 = {right}:", *(f"{kind} {value:.2f} " for kind, value in seen.items()))
    assert abs(seen["QDQ"] - (2 * alpha + 1)) < 0.15
    assert abs(seen["QOperator"] - (2 * alpha + alpha / beta)) < 0.15
    assert abs(seen["dynamic"] - right) < 0.15
END
