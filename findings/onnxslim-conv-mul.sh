#!/usr/bin/env bash
# onnxslim: a factor for each column behind a convolution becomes one for each channel, where there are as many of both.
#
# Guess: `slim()` changes the graph, not the answers. A `Mul` with 4 numbers broadcasts from the right: one for each column.
# Seen:  `Conv` and `Mul` become one `Conv` wherever the factor, without its axes of length 1, has as many numbers as there are
#        output channels. Factors along the width, the height and the batch multiply the channels instead; along the batch the
#        output loses its shape too. The same for `ConvTranspose`. Nothing is said; `Add` behind a convolution is handled right.
# With:  numpy==2.4.6, onnx==1.23.2, onnxslim==0.1.98 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxslim==0.1.98
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import numpy as np
import onnxslim
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

random = np.random.default_rng(0)
x = random.normal(size=(1, 3, 4, 4)).astype(np.float32)
weights = {"Conv": random.normal(size=(4, 3, 1, 1)).astype(np.float32)}
weights["ConvTranspose"] = weights["Conv"].transpose(1, 0, 2, 3).copy()
plain = np.einsum("oc,nchw->nohw", weights["Conv"][:, :, 0, 0], x)  # what both give with a kernel of 1


def answers(operator, after, factor):
    """The operators after slim(), and the answers of the graph before and after it."""
    nodes = [helper.make_node(operator, ["x", "w"], ["a"]), helper.make_node(after, ["a", "k"], ["y"])]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, np.broadcast_shapes(plain.shape, factor.shape))
    constants = [numpy_helper.from_array(weights[operator], "w"), numpy_helper.from_array(factor, "k")]
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    before = ReferenceEvaluator(model).run(None, {"x": x})[0]
    slim = onnxslim.slim(model)
    return [node.op_type for node in slim.graph.node], before, ReferenceEvaluator(slim).run(None, {"x": x})[0]


numbers = np.array([1, 2, 3, 4], np.float32)
shapes = {"channels": (4, 1, 1), "width": (4,), "height": (4, 1), "batch": (4, 1, 1, 1)}
for operator in weights:
    for along, shape in shapes.items():
        factor = numbers.reshape(shape)
        operators, before, after = answers(operator, "Mul", factor)
        right = np.allclose(after, before, atol=1e-5) if after.shape == before.shape else False
        print(f"{operator:13} times 1, 2, 3, 4 along the {along:8} becomes {operators}, {before.shape} {after.shape}, right: {right}")
        assert np.allclose(before, plain * factor, atol=1e-5)
        assert operators == [operator]
        assert np.allclose(after, plain * numbers.reshape(4, 1, 1), atol=1e-5)
        assert right == (along == "channels")
        operators, before, after = answers(operator, "Add", factor)
        assert np.allclose(before, plain + factor, atol=1e-5) and np.allclose(after, before, atol=1e-5)
END
