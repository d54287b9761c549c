#!/usr/bin/env bash
# onnxoptimizer: pairs of layers that it fuses by default answer otherwise.
#
# Guess: optimize() with its default passes keeps the function of a valid file.
# Seen:  zeros that a Pad puts around a map become the padding of the pool behind it: MaxPool then takes minus infinity for them,
#        so of a map of -1 the edge is -1 instead of 0; AveragePool counts its own padding, too. Of two Squeezes with a
#        negative axis the second means another axis than before. Of two Reshapes the first is left out, though the second copies its sizes
#        by 0. A Transpose without `perm` before a Gemm, which is valid, ends with an error.
# With:  numpy==2.4.6, onnx==1.23.2, onnxoptimizer==0.4.2, onnxruntime==1.32.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxoptimizer==0.4.2 \
    onnxruntime==1.32.0
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import numpy as np
import onnxoptimizer
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper


def network(shape, *layers, out):
    """Layers one after the other: (operator, attributes, constants)."""
    nodes, constants = [], []
    for i, (operator, attributes, values) in enumerate(layers):
        names = [f"c{i}{k}" for k in range(len(values))]
        constants += [numpy_helper.from_array(np.asarray(one), name) for one, name in zip(values, names, strict=True)]
        nodes += [helper.make_node(operator, [f"x{i}", *names], [f"x{i + 1}"], **attributes)]
    given = helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)
    made = helper.make_tensor_value_info(f"x{len(layers)}", TensorProto.FLOAT, out)
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model, full_check=True)
    return model


def answer(model, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x0": x})[0]


def seen(model, x):
    """The answers before and after."""
    before = answer(model, x)
    try:
        after = answer(onnxoptimizer.optimize(model), x)
    except Exception:
        return before, None
    return before, after


border = ("Pad", {}, [np.array([0, 0, 1, 1, 0, 0, 1, 1])])
flat, row = -np.ones((1, 1, 4, 4), np.float32), np.ones((1, 4, 1, 1), np.float32)
maps, table = np.ones((1, 4, 8, 8), np.float32), np.ones((3, 8), np.float32)

before, after = seen(network(flat.shape, border, ("MaxPool", {"kernel_shape": [3, 3]}, []), out=[1, 1, 4, 4]), flat)
print("Pad, MaxPool of a map of -1: in the corner", before[0, 0, 0, 0], "and", after[0, 0, 0, 0])
assert before[0, 0, 0, 0] == 0 and after[0, 0, 0, 0] == -1

pool = ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, [])
before, after = seen(network(flat.shape, border, pool, out=[1, 1, 6, 6]), flat)
print("Pad, AveragePool with padding of its own: in the corner", before[0, 0, 0, 0], "and", round(after[0, 0, 0, 0], 4))
assert before[0, 0, 0, 0] == -0.25 and round(after[0, 0, 0, 0], 4) == -0.1111

squeezes = [("Squeeze", {}, [np.array([3])]), ("Squeeze", {}, [np.array([-1])])]
before, after = seen(network(row.shape, *squeezes, out=[1, 4]), row)
print("two Squeezes, of axis 3 and of axis -1:", before.shape, "and", after.shape)
assert before.shape == (1, 4) and after.shape == (1, 4, 1)

reshapes = [("Reshape", {}, [np.array([2, 2, -1])]), ("Reshape", {}, [np.array([0, 0, 8, 8])])]
before, after = seen(network(maps.shape, *reshapes, out=[2, 2, 8, 8]), maps)
print("two Reshapes, to (2, 2, -1) and to (0, 0, 8, 8):", before.shape, "and", after.shape)
assert before.shape == (2, 2, 8, 8) and after.shape == (1, 4, 8, 8)

layers = [("Transpose", {}, []), ("Gemm", {}, [np.ones((3, 5), np.float32)])]
before, after = seen(network(table.shape, *layers, out=[8, 5]), table)
print("Transpose, Gemm:", before.shape, "and", "an error" if after is None else after.shape)
assert before.shape == (8, 5) and after is None
END
