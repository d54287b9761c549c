#!/usr/bin/env bash
# onnxruntime: a quantized AveragePool that names its dilations, even 1, does not load.
#
# Guess: dilations of 1 are what an AveragePool without the attribute has; the optimizer changes nothing that it cannot say.
# Seen:  DequantizeLinear, AveragePool and QuantizeLinear are made one QLinearAveragePool, with all attributes, and that operator has
#        no dilations: "Unrecognized attribute". Without optimization or with the basic one, and for MaxPool, the file runs.
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
from onnx import TensorProto, checker, helper, numpy_helper


def network(operator, **attributes):
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "scale", "zero"], ["d"]),
        helper.make_node(operator, ["d"], ["p"], kernel_shape=[3, 3], **attributes),
        helper.make_node("QuantizeLinear", ["p", "scale", "zero"], ["y"]),
    ]
    constants = [numpy_helper.from_array(np.float32(0.1), "scale"), numpy_helper.from_array(np.int8(0), "zero")]
    given = helper.make_tensor_value_info("x", TensorProto.INT8, [1, 1, 8, 8])
    made = helper.make_tensor_value_info("y", TensorProto.INT8, [1, 1, None, None])
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    checker.check_model(model)
    return model.SerializeToString()


def answer(content, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{level}")
    x = np.arange(64).astype(np.int8).reshape(1, 1, 8, 8)
    try:
        return onnxruntime.InferenceSession(content, options).run(None, {"x": x})[0].ravel()[:3].tolist()
    except Exception as error:
        return "refused: " + str(error)[str(error).index("Unrecognized") :].split(" for ")[0]


for operator in ("AveragePool", "MaxPool"):
    for said in ({}, {"dilations": [1, 1]}, {"dilations": [2, 2]}):
        content = network(operator, **said)
        seen = [answer(content, level) for level in ("DISABLE_ALL", "ENABLE_BASIC", "ENABLE_ALL")]
        print(f"{operator:11} {said or 'no dilations'}: ", *seen, sep="  ")
        assert isinstance(seen[0], list) and seen[0] == seen[1]
        if operator == "AveragePool" and said:
            assert seen[2] == "refused: Unrecognized attribute: dilations"
        else:
            assert seen[2] == seen[0]
END
