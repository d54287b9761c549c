#!/usr/bin/env bash
# onnx: the reference evaluator does not compute what the operators are defined to compute.
#
# Guess: onnx.reference is the yardstick by which runtimes are judged.
# Seen:  MaxPool with auto_pad=SAME_LOWER pads behind the map instead of before it at steps of 2, and has an output too few at
#        steps of 3 (AveragePool is right). LRN is wrong unless there are as many channels as pictures. LpNormalization with p=1 divides by the sum of the values
#        instead of their magnitudes. Softmax of opset 11 sums along one axis instead of all axes from it on, so the rows of a
#        (1, 3, 4) tensor at axis 1 sum to 4. Each differs from the definition, which is written out below.
# With:  numpy==2.4.6, onnx==1.23.2 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def evaluated(operator, x, opset=18, **attributes):
    node = helper.make_node(operator, ["x"], ["y"], **attributes)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return ReferenceEvaluator(model).run(None, {"x": x})[0]


def pooled(x, size, step):
    """MaxPool along one axis with SAME_LOWER: ⌈n / step⌉ windows, the odd pixel of padding first."""
    count = -(-len(x) // step)
    before = -(-max((count - 1) * step + size - len(x), 0) // 2)
    starts = [k * step - before for k in range(count)]
    return [max(x[max(start, 0) : start + size]) for start in starts]


def normalized(x, size, alpha, beta, bias):
    """LRN: each value over a power of the squares of `size` channels around it."""
    squares = np.zeros_like(x)
    for c in range(x.shape[1]):
        squares[:, c] = (x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1] ** 2).sum(1)
    return x / (bias + alpha / size * squares) ** beta


row = np.arange(8, dtype=np.float32)
for step in (1, 2, 3):
    x = np.tile(row, (1, 1, 8, 1))
    seen = evaluated("MaxPool", x, auto_pad="SAME_LOWER", kernel_shape=[3, 3], strides=[step, step])[0, 0, 0]
    right = pooled(row, 3, step)
    print(f"MaxPool of 0 to 7, windows of 3 at steps of {step}:", *seen, "instead of", *right)
    assert (seen.tolist() == right) == (step == 1)

random = np.random.default_rng(0)
for pictures, channels in ((1, 5), (2, 5), (3, 3)):
    x = random.standard_normal((pictures, channels, 2, 2)).astype(np.float32)
    off = abs(evaluated("LRN", x, size=3, alpha=0.1, beta=0.75, bias=1.0) - normalized(x, 3, 0.1, 0.75, 1)).max()
    print(f"LRN of {pictures} pictures of {channels} channels: off by {off:.2g}")
    assert (off < 1e-5) == (pictures == channels)

x = np.array([[1, -3]], np.float32)
for p, right in ((1, [0.25, -0.75]), (2, [0.1**0.5, -(0.9**0.5)])):
    seen = evaluated("LpNormalization", x, axis=1, p=p)[0]
    print(f"LpNormalization of 1 and -3, p = {p}:", *np.round(seen, 3), "instead of", *np.round(right, 3))
    assert np.allclose(seen, right) == (p == 2)

x = random.standard_normal((1, 3, 4)).astype(np.float32)
total = evaluated("Softmax", x, opset=11, axis=1).sum()
print(f"Softmax of opset 11, all of a (1, 3, 4) tensor from axis 1 on: the sum is {total:.3f} instead of 1")
assert np.isclose(total, 4)
END
