#!/usr/bin/env bash
# onnx: its version converter keeps a file valid, and changes what the network answers.
#
# Guess: convert_version gives the same function in a newer opset, or says that it cannot.
# Seen:  Resize of opset 10, Upsample of opset 9 and Hardmax of opset 12 pass without a word, with other answers behind:
#        Resize gets the newer default (half_pixel) for the older rule (asymmetric), so the picture moves, and Hardmax
#        works along one axis instead of over all that follow it. Softmax, which changed as Hardmax did, is converted well.
#        GroupNormalization of opset 18 keeps its scale for each group, where opset 21 takes one for each channel; the model
#        passes the checker, and onnxruntime refuses it.
# With:  onnx==1.23.2, onnxruntime==1.32.0, numpy==2.4.6 (Python 3.11)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.version_converter import convert_version

onnxruntime.set_default_logger_severity(4)
x = np.random.default_rng(0).normal(size=(1, 4, 6, 6)).astype(np.float32)


def answer(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def network(opset, kind, *given, **attributes):
    """One node, over x and what is given."""
    arrays = [numpy_helper.from_array(np.float32(values), f"g{i}") for i, values in enumerate(given)]
    node = helper.make_node(kind, ["x", *(array.name for array in arrays)], ["y"], **attributes)
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", "C", "H", "W"]) for n in "xy"]
    graph = helper.make_graph([node], "one", value[:1], value[1:], arrays)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)])


def off(*words, **attributes):
    """The largest difference between a network and itself in opset 13."""
    model = network(*words, **attributes)
    return float(np.abs(answer(model) - answer(convert_version(model, 13))).max())


seen = {
    "Softmax 12": off(12, "Softmax", axis=1),
    "Hardmax 12": off(12, "Hardmax", axis=1),
    "Resize 10, nearest": off(10, "Resize", [1, 1, 1.7, 2.3], mode="nearest"),
    "Resize 10, linear": off(10, "Resize", [1, 1, 2, 2], mode="linear"),
    "Upsample 9, nearest, twice": off(9, "Upsample", [1, 1, 2, 2], mode="nearest"),
    "Upsample 9, linear": off(9, "Upsample", [1, 1, 2, 2], mode="linear"),
}
for name, difference in seen.items():
    print(f"{name:27} to 13: largest difference {difference:.3f}")
right = ("Softmax 12", "Upsample 9, nearest, twice")
assert all(difference < 1e-6 for name, difference in seen.items() if name in right)
assert all(difference > 0.1 for name, difference in seen.items() if name not in right)

normalised = network(18, "GroupNormalization", [1, 2], [0, 1], num_groups=2)
answer(normalised)
converted = convert_version(normalised, 21)
onnx.checker.check_model(converted, full_check=True)
try:
    answer(converted)
except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
    print("GroupNormalization 18 to 21:", str(error)[:120])
else:
    raise AssertionError("it runs")
END
