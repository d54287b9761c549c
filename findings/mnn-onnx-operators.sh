#!/usr/bin/env bash
# MNN: files are converted from ONNX and run, but some operators are not what ONNX defines.
#
# Guess: a converter that accepts an operator with its attributes keeps its function, and refuses what it does not know.
# Seen:  auto_pad=SAME_LOWER of Conv, MaxPool and AveragePool pads as SAME_UPPER does: the odd pixel behind the map. An RNN and a GRU
#        with direction="reverse" read the sequence forwards. ReduceL1, ReduceL2 and ReduceSumSquare of opset 18, where the axes are
#        an input, reduce all axes; of opset 13 they are right. AveragePool with count_include_pad leaves the padding out where it
#        is behind the map alone. ArgMax with select_last_index gives the first. Shrink makes 0 of what is negative. Round takes
#        halves away from zero. Each differs from the definition, which is written out below.
# With:  mnn==3.6.1, numpy==2.4.6, onnx==1.23.2 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check mnn==3.6.1 numpy==2.4.6 onnx==1.23.2
cd "$room"
cat >seen.py <<'END'
from functools import partial
from pathlib import Path

import _tools  # of MNN; its command mnnconvert installs another package and reports over the network
import MNN.expr
import MNN.nn
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

say = partial(print, file=open("seen", "w"), flush=True)  # MNN prints a good deal


def answer(operator, x, *constants, opset=18, rank=4, made=TensorProto.FLOAT, **attributes):
    """The first output of one operator of x and of constants."""
    names = [f"c{i}" for i in range(len(constants))]
    node = helper.make_node(operator, ["x", *names], ["y"], **attributes)
    kept = [numpy_helper.from_array(value, name) for value, name in zip(constants, names, strict=True)]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    made = helper.make_tensor_value_info("y", made, [None] * rank)
    graph = helper.make_graph([node], "g", [given], [made], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(model, full_check=True)
    save(model, "network.onnx")
    Path("network.mnn").unlink(missing_ok=True)
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", "network.onnx", "--MNNModel", "network.mnn", "--bizCode", "x"])
    network = MNN.nn.load_module_from_file("network.mnn", ["x"], ["y"])
    y = network.forward([MNN.expr.const(x.ravel().tolist(), list(x.shape), MNN.expr.NCHW)])
    y = y[0] if isinstance(y, list | tuple) else y
    return np.array(MNN.expr.convert(y, MNN.expr.NCHW).read() if y.data_format == MNN.expr.NC4HW4 else y.read())


def row(*values):
    return np.array(values, np.float32).reshape(1, 1, 1, -1)


def windows(values, step, lower):
    """Windows of 3 along the row for SAME padding, each cut to what is inside."""
    count = -(-len(values) // step)
    padding = max((count - 1) * step + 3 - len(values), 0)
    before = (padding + lower) // 2
    return [values[max(k * step - before, 0) : k * step - before + 3] for k in range(count)]


ones = np.ones((1, 1, 1, 3), np.float32)
x = row(*range(8))
for operator, kind in (("Conv", np.sum), ("MaxPool", np.max), ("AveragePool", np.mean)):
    for step in (1, 2):
        attributes = {"kernel_shape": [1, 3], "strides": [1, step], "auto_pad": "SAME_LOWER"}
        seen = answer(operator, x, *([ones] if operator == "Conv" else []), **attributes).ravel()
        right, upper = ([kind(w) for w in windows(x.ravel(), step, lower)] for lower in (1, 0))
        say(f"{operator} of 0 to 7, SAME_LOWER, windows of 3 at steps of {step}:", *seen, "instead of", *right)
        assert np.allclose(seen, upper) and np.allclose(seen, right) == (step == 1)

x = row(*range(1, 9))
for pads, right in (((1, 0), (1, 3, 5, 7)), ((0, 1), (2, 4, 6, 5))):
    attributes = {"kernel_shape": [1, 3], "strides": [1, 2], "count_include_pad": 1}
    seen = answer("AveragePool", x, pads=[0, pads[0], 0, pads[1]], **attributes).ravel()
    say(f"AveragePool of 1 to 8, pads {pads}, counted:", *np.round(seen, 2), "instead of", *right)
    assert np.allclose(seen, right) == (pads == (1, 0))

random = np.random.default_rng(0)
x = random.standard_normal((5, 2, 3)).astype(np.float32)
for operator, gates in (("RNN", 1), ("GRU", 3)):
    w, r = (random.standard_normal((1, gates * 4, n)).astype(np.float32) for n in (3, 4))
    b = np.zeros((1, gates * 8), np.float32)
    forwards = answer(operator, x, w, r, b, hidden_size=4)
    backwards = answer(operator, x, w, r, b, hidden_size=4, direction="reverse")
    right = answer(operator, x[::-1].copy(), w, r, b, hidden_size=4)[::-1]
    say(f"{operator}: reverse is off by {abs(backwards - right).max():.2f},", end=" ")
    say(f"from forward by {abs(backwards - forwards).max():.2f}")
    assert np.allclose(backwards, forwards) and not np.allclose(backwards, right, atol=0.1)
h, right = np.zeros((2, 4)), []
w, r = (random.standard_normal((1, 4, n)).astype(np.float32) for n in (3, 4))
for step in x:
    h = np.tanh(step @ w[0].T + h @ r[0].T)
    right.append(h)
seen = answer("RNN", x, w, r, np.zeros((1, 8), np.float32), hidden_size=4)
assert np.allclose(seen[:, 0], right, atol=1e-3)

x = np.array([[3, -4], [6, 8]], np.float32)
sums = {"ReduceL1": abs(x).sum(1), "ReduceSumSquare": (x**2).sum(1), "ReduceL2": (x**2).sum(1) ** 0.5, "ReduceMax": x.max(1)}
for operator, right in sums.items():
    old = answer(operator, x, opset=13, rank=1, axes=[1], keepdims=0)
    seen = answer(operator, x, np.array([1]), rank=1, keepdims=0)
    say(f"{operator} of (3, -4) and (6, 8): opset 13", *np.round(old, 3), ", opset 18", *np.round(seen.ravel(), 3))
    assert np.allclose(old, right, atol=1e-3)
    assert (seen.shape == ()) == (operator != "ReduceMax")

seen = answer("ArgMax", row(1, 3, 3, 2, 3), rank=3, made=TensorProto.INT64, axis=3, keepdims=0, select_last_index=1)
say("ArgMax of 1, 3, 3, 2, 3, the last:", seen.item(), "instead of 4")
assert seen.item() == 1
seen = answer("Shrink", row(-3, 0, 3), lambd=1.0, bias=0.5).ravel()
say("Shrink of -3, 0, 3 by 0.5:", *seen, "instead of -2.5 0.0 2.5")
assert seen.tolist() == [0, 0, 2.5]
x = row(-2.5, -1.5, 1.5, 2.5)
seen = answer("Round", x).ravel()
say("Round of", *x.ravel(), "is", *seen, "instead of", *np.rint(x.ravel()))
assert seen.tolist() == [-3, -2, 2, 3]
END
"$room/venv/bin/python" -W ignore seen.py >messages 2>&1 || { cat messages seen; exit 1; }
cat seen
