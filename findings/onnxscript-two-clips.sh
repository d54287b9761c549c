#!/usr/bin/env bash
# onnxscript: of two Clips in a row, or a Clip and a Relu, the rewriter makes one Clip with other limits.
#
# Guess: rewrite() with its default rules keeps the function of a valid file.
# Seen:  the larger lower limit and the smaller upper limit are taken, whatever their order. Where the second range lies beside the
#        first, the answer is another: Clip to -1 and 0, then to 0.5 and 1, is 0.5 everywhere, and 0 when rewritten. Clip to at most -0.5,
#        then Relu, is 0, and -0.5 when rewritten. Overlapping ranges, and Relu before Clip, are right.
# With:  numpy==2.4.6, onnx==1.23.2, onnxruntime==1.32.0, onnxscript==0.7.2 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 \
    onnxscript==0.7.2
cd "$room"
"$room/venv/bin/python" - 2>messages <<'END' || { cat messages; exit 1; }
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference
from onnxscript import rewriter


def network(*layers):
    """Layers one after the other: (lower, upper) of a Clip, None for no limit, or () for a Relu."""
    nodes, constants = [], []
    for i, limits in enumerate(layers):
        names = ["" if limit is None else f"c{i}{k}" for k, limit in enumerate(limits)]
        constants += [numpy_helper.from_array(np.float32(v), n) for v, n in zip(limits, names, strict=True) if n]
        nodes += [helper.make_node("Clip" if limits else "Relu", [f"x{i}", *names], [f"x{i + 1}"])]
    given = helper.make_tensor_value_info("x0", TensorProto.FLOAT, [5])
    made = helper.make_tensor_value_info(f"x{len(layers)}", TensorProto.FLOAT, [5])
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model, full_check=True)
    return shape_inference.infer_shapes(model)


def answer(model, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x0": x})[0]


x = np.array([-3, -0.75, 0, 0.75, 3], np.float32)
for same, *layers in (
    (True, (-1, 1), (-2, 0.5)),
    (True, (-2, 0.5), ()),
    (True, (), (-2, -0.5)),
    (False, (-1, 0), (0.5, 1)),
    (False, (None, 1), (2, None)),
    (False, (-2, -0.5), ()),
):
    right = x
    for limits in layers:
        lower, upper = limits or (0, None)
        right = right if lower is None else np.maximum(right, lower)
        right = right if upper is None else np.minimum(right, upper)
    model = network(*layers)
    before = answer(model, x)
    model = rewriter.rewrite(model)
    after = answer(model, x)
    names = (f"Clip {limits}" if limits else "Relu" for limits in layers)
    print(*names, sep=", ", end=": ")
    print(*before, "; rewritten:", *after)
    assert (before == right).all() and len(model.graph.node) == 1
    assert (after == right).all() == same
END
