#!/usr/bin/env bash
# onnxruntime: a pool with ceil_mode whose last window would begin behind the map gets one shape at load and another at run.
#
# Guess: what a file's pool makes when it runs is what the loader takes it to make.
# Seen:  a MaxPool or AveragePool of a 7×7 map, windows of 2 at steps of 4, ceil_mode=1, makes 2×2 in files of every opset: a
#        window that would begin at 8 is left out. The shape inference of onnx, which onnxruntime uses to load, says 3×3 before
#        opset 22. So the classifier that fits what the pool makes is refused at load, and one that does not fit is loaded,
#        and fails when it runs. Where the last window begins inside (8×8, windows of 3 at steps of 3), both agree.
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
from onnx import TensorProto, helper, numpy_helper, shape_inference


def network(opset, operator, side, window, step, features=None):
    """A pool, and a classifier of so many features behind it."""
    attributes = {"kernel_shape": [window, window], "strides": [step, step], "ceil_mode": 1}
    nodes = [helper.make_node(operator, ["x"], ["y"], **attributes)]
    constants = []
    if features:
        constants = [numpy_helper.from_array(np.ones((features, 2), np.float32), "w")]
        nodes = [helper.make_node(operator, ["x"], ["p"], **attributes), helper.make_node("Flatten", ["p"], ["f"])]
        nodes += [helper.make_node("Gemm", ["f", "w"], ["y"])]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, side, side])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * (2 if features else 4))
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def outcome(model, side):
    x = np.arange(side * side, dtype=np.float32).reshape(1, 1, side, side)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    except Exception:
        return "refused at load"
    try:
        return session.run(None, {"x": x})[0].shape
    except Exception:
        return "fails when it runs"


for opset, operator, side, window, step in (
    (13, "MaxPool", 7, 2, 4),
    (19, "MaxPool", 7, 2, 4),
    (19, "AveragePool", 7, 2, 4),
    (21, "MaxPool", 8, 3, 4),
    (22, "MaxPool", 7, 2, 4),
    (22, "AveragePool", 7, 2, 4),
    (19, "MaxPool", 8, 3, 3),
):
    model = network(opset, operator, side, window, step)
    inferred = shape_inference.infer_shapes(model, strict_mode=True).graph.output[0].type.tensor_type.shape.dim
    said, made = inferred[-1].dim_value, outcome(model, side)[-1]
    fits = outcome(network(opset, operator, side, window, step, made**2), side)
    other = outcome(network(opset, operator, side, window, step, said**2), side)
    print(f"opset {opset}, {operator} of {side}×{side}, windows of {window} at steps of {step}:")
    print(f"  inferred {said}×{said}, a classifier of that: {other}; makes {made}×{made}, a classifier of that: {fits}")
    agree = opset == 22 or step == window
    assert (said == made) == agree
    assert fits == ((1, 2) if agree else "refused at load")
    assert other == ((1, 2) if agree else "fails when it runs")
END
