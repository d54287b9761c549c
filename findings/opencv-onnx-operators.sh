#!/usr/bin/env bash
# OpenCV's dnn: ONNX files are loaded and run, but some operators are not what ONNX defines.
#
# Guess: a runtime that accepts an operator with its attributes computes it, and refuses what it does not know.
# Seen:  Conv, MaxPool and AveragePool with auto_pad=SAME_LOWER pad as SAME_UPPER does. The first output of a GRU is its last state
#        alone, and direction="reverse" reads the sequence forwards. ConvTranspose with output_shape=[1, 10] answers with 2 rows of 12
#        columns, and with SAME_UPPER with one too few. PRelu with a slope for each column takes the first slope only, or another one. MatMul of
#        (5, 4, 2, 3) by constant weights (4, 3, 2) multiplies pairs that do not belong together; with 3 axes each it is right.
#        Each differs from the definition, which is written out below.
# With:  numpy==2.4.6, onnx==1.23.2, opencv-python-headless==5.0.0.93 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 opencv-python-headless==5.0.0.93
cd "$room"
"$room/venv/bin/python" - <<'END' 2>messages || { cat messages; exit 1; }
import cv2
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper


def answer(operator, rank, x, *constants, **attributes):
    """The first output, of that many axes, of one operator of x and of constants."""
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(operator, ["x", *names], ["y"], **attributes)
    kept = [numpy_helper.from_array(value, name) for value, name in zip(constants, names, strict=True)]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)
    graph = helper.make_graph([node], "g", [given], [made], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model, full_check=True)
    network = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    network.setInput(x)
    return np.asarray(network.forward("y"))


def row(*values):
    return np.array(values, np.float32).reshape(1, 1, 1, -1)


print("cv2", cv2.__version__)
for operator, constants, attributes, lower, upper in (
    ("MaxPool", (), {"kernel_shape": [1, 2]}, (1, 2, 3, 4, 5), (2, 3, 4, 5, 5)),
    ("AveragePool", (), {"kernel_shape": [1, 2]}, (1, 1.5, 2.5, 3.5, 4.5), (1.5, 2.5, 3.5, 4.5, 5)),
    ("Conv", (row(1, 10),), {}, (10, 21, 32, 43, 54), (21, 32, 43, 54, 5)),
):
    seen = {side: answer(operator, 4, row(1, 2, 3, 4, 5), *constants, auto_pad=side, **attributes) for side in ("SAME_LOWER", "SAME_UPPER")}
    print(f"{operator} of 1 to 5, SAME_LOWER: {seen['SAME_LOWER'].ravel()}, by the definition {np.array(lower)}")
    assert np.allclose(seen["SAME_UPPER"], row(*upper)) and np.allclose(seen["SAME_LOWER"], row(*upper))

kernel, x = row(1, 10, 100), row(1, 2, 3, 4, 5)
full = np.zeros(11)
for i in range(5):
    full[2 * i : 2 * i + 3] += (i + 1) * kernel.ravel()
plain = answer("ConvTranspose", 4, x, kernel, strides=[1, 2])
shaped = answer("ConvTranspose", 4, x, kernel, strides=[1, 2], output_shape=[1, 10])
same = answer("ConvTranspose", 4, x, kernel, strides=[1, 2], auto_pad="SAME_UPPER")
print(f"ConvTranspose of 5 columns at stride 2: {plain.shape[-1]} columns;", end=" ")
print(f"with an output_shape of 1 row and 10 columns: {shaped.shape[2]} rows, {shaped.shape[3]} columns; with SAME_UPPER, defined as 5 * 2: {same.shape[-1]}")
assert np.allclose(plain, full) and shaped.shape == (1, 1, 2, 12) and same.shape == (1, 1, 1, 9)

x = -np.ones((1, 2, 3, 4), np.float32)
for shape, right in (((1,), True), ((2, 1, 1), True), ((2, 3, 4), True), ((4,), False), ((3, 1), False), ((3, 4), False)):
    slope = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
    seen, defined = answer("PRelu", 4, x, slope), np.where(x < 0, x * slope, x)
    print(f"PRelu with slopes of shape {shape}: {'right' if np.allclose(seen, defined) else 'wrong'}")
    assert np.allclose(seen, defined) == right
print("PRelu of -1 with the slopes 1 2 3 4, one for each column:", answer("PRelu", 4, x, np.arange(1, 5, dtype=np.float32))[0, :, 0].tolist())

random = np.random.default_rng(0)
for left, weights, right in (
    ((5, 2, 3), (3, 4), True),
    ((5, 2, 3), (5, 3, 4), True),
    ((5, 4, 2, 3), (5, 4, 3, 2), True),
    ((5, 4, 2, 3), (4, 3, 2), False),
    ((5, 1, 2, 3), (1, 4, 3, 2), False),
):
    a, b = (random.standard_normal(shape).astype(np.float32) for shape in (left, weights))
    seen, defined = answer("MatMul", max(len(left), len(weights)), a, b), a @ b
    alike = np.isclose(seen, defined, atol=1e-4).all((-1, -2))
    print(f"MatMul of {left} by {weights}: {alike.sum()} of {alike.size} products are right")
    assert seen.shape == defined.shape and alike.all() == right

x = random.standard_normal((5, 2, 3)).astype(np.float32)
w, r = (random.standard_normal((1, 12, n)).astype(np.float32) for n in (3, 4))


def gru(steps):
    """A GRU without biases: the state after each step."""
    h, states = np.zeros((2, 4)), []
    (wz, wr, wh), (rz, rr, rh) = w[0].reshape(3, 4, 3), r[0].reshape(3, 4, 4)
    for step in steps:
        z, reset = (1 / (1 + np.exp(-(step @ a.T + h @ b.T))) for a, b in ((wz, rz), (wr, rr)))
        h = (1 - z) * np.tanh(step @ wh.T + (reset * h) @ rh.T) + z * h
        states.append(h)
    return np.array(states)


forwards = answer("GRU", 4, x, w, r, hidden_size=4)
backwards = answer("GRU", 4, x, w, r, hidden_size=4, direction="reverse")
print(f"GRU over 5 steps: {forwards.shape} instead of (5, 1, 2, 4), off from the last state by {abs(forwards - gru(x)[-1]).max():.0e}", end=" ")
print(f"; in reverse off by {abs(backwards - gru(x[::-1])[-1]).max():.2f}, from the one forwards by {abs(backwards - forwards).max():.2f}")
assert forwards.shape == backwards.shape == (1, 2, 4)
assert np.allclose(forwards, gru(x)[-1], atol=1e-5) and np.allclose(backwards, forwards, atol=1e-5)
assert not np.allclose(backwards, gru(x[::-1])[-1], atol=0.1)
END
