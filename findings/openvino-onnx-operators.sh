#!/usr/bin/env bash
# OpenVINO: read from ONNX, Softmax of opset 11 and 12, Resize and QuantizeLinear are not what ONNX defines.
#
# Guess: a frontend that accepts an operator with its attributes computes it, and refuses what it does not know.
# Seen:  Softmax of opset 11 and 12 sums along one axis instead of all axes from it on, so a (1, 3, 4) tensor at axis 1 sums to 4; of
#        opset 9 it is right, as are LogSoftmax and Hardmax of opset 11. Resize takes antialias, exclude_outside and
#        keep_aspect_ratio_policy, and answers as if they were not there; the last changes the shape. QuantizeLinear rounds after
#        the zero point is added instead of before: with an odd zero point a tie goes the other way, so a half becomes 1 instead of 0.
# With:  numpy==2.4.6, onnx==1.23.2, openvino==2026.4.1 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 openvino==2026.4.1
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import openvino
from onnx import TensorProto, checker, helper, numpy_helper

core = openvino.Core()
core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def answer(operator, x, *constants, opset=18, made=TensorProto.FLOAT, **attributes):
    """The output of one operator of x and of constants, where None is an input left out."""
    names = ["" if value is None else f"c{i}" for i, value in enumerate(constants)]
    node = helper.make_node(operator, ["x", *names], ["y"], **attributes)
    kept = [numpy_helper.from_array(value, name) for value, name in zip(constants, names, strict=True) if name]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    made = helper.make_tensor_value_info("y", made, [None] * x.ndim)
    graph = helper.make_graph([node], "g", [given], [made], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    checker.check_model(model, full_check=True)
    return core.compile_model(core.read_model(model.SerializeToString()), "CPU")([x])[0]


def row(*values):
    return np.array(values, np.float32).reshape(1, 1, 1, -1)


def triangle(d):
    return max(1 - abs(d), 0)


def cubic(d, a=-0.75):
    d = abs(d)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def halved(x, place, kernel, stretch=1):
    """The mean around a place of the row, by a kernel that is made wider, of the values that are inside."""
    weights = [kernel((k - place) / stretch) for k in range(len(x))]
    return float(np.dot(weights, x) / np.sum(weights))


x = np.zeros((1, 3, 4), np.float32)
for operator, opset, sums in (("Softmax", 9, 1), ("Softmax", 11, 4), ("Softmax", 12, 4), ("LogSoftmax", 11, 1)):
    y = answer(operator, x, opset=opset, axis=1)
    total = (np.exp(y) if operator == "LogSoftmax" else y).sum()
    print(f"{operator} of opset {opset}, all of a (1, 3, 4) tensor from axis 1 on: the sum is {total:.3f} instead of 1")
    assert np.isclose(total, sums)

x, half = row(0, 1, 4, 9, 16, 25, 36, 49), np.array([1, 1, 1, 0.5], np.float32)
plain = answer("Resize", x, None, half, mode="linear").ravel()
smooth = answer("Resize", x, None, half, mode="linear", antialias=1).ravel()
right = halved(x.ravel(), 4.5, triangle, 2)  # the third of four is far from the edges
print(f"Resize of squares by a half, linear: the third is {plain[2]}, with antialias=1 {smooth[2]} instead of {right}")
assert plain[2] == smooth[2] == halved(x.ravel(), 4.5, triangle) != right

plain = answer("Resize", x, None, half, mode="cubic").ravel()
inside = answer("Resize", x, None, half, mode="cubic", exclude_outside=1).ravel()
right = halved(x.ravel(), 6.5, cubic)
print(f"the same, cubic: the last is {plain[3]:.3f}, with exclude_outside=1 {inside[3]:.3f} instead of {right:.3f}")
assert plain[3] == inside[3] and abs(inside[3] - right) > 0.1
assert np.isclose(plain[2], halved(x.ravel(), 4.5, cubic))

x, sizes = np.zeros((1, 1, 5, 6), np.float32), np.array([8, 8])
for policy, right in (("stretch", (8, 8)), ("not_larger", (7, 8)), ("not_smaller", (8, 10))):
    attributes = {"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": policy}
    seen = answer("Resize", x, None, None, sizes, **attributes).shape[2:]
    print(f"Resize of 5×6 to 8×8, {policy}: {seen} instead of {right}")
    assert seen == (8, 8)

x, one = row(-1.5, -0.5, 0.5, 1.5, 2.5), np.array(1, np.float32)
for zero in (0, 1, 2, -5):
    seen = answer("QuantizeLinear", x, one, np.array(zero, np.int8), made=TensorProto.INT8).astype(int)
    right = np.rint(x).astype(int) + zero
    print(f"QuantizeLinear of -1.5 to 2.5 with zero point {zero}:", *seen.ravel(), "instead of", *right.ravel())
    assert (seen == right).all() == (zero % 2 == 0)
    assert (seen == np.rint(x + zero)).all()
END
