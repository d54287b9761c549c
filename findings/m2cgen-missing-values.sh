#!/usr/bin/env bash
# m2cgen, skl2onnx: a tree of scikit-learn that learned to send missing values to the left sends them to the right.
#
# Guess: scikit-learn's trees are trained with NaN, and learn for each node which side it goes to; an exporter that accepts such a tree
#        writes that down, or refuses.
# Seen:  of 0, 1, 2, 3 and NaN in the classes 1, 1, 0, 0 and 1 the tree has one node: NaN and numbers up to 1.5 go left. m2cgen writes
#        `x <= 1.5`, and skl2onnx sets `nodes_missing_value_tracks_true` to 0: NaN, seen in training as class 1, is class 0. Of a tree whose
#        missing values go to the right, and of numbers, the answers are right.
# With:  m2cgen==0.10.0, numpy==2.4.6, onnx==1.23.2, onnxruntime==1.32.0, scikit-learn==1.9.1, scipy==1.17.1, skl2onnx==1.20.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check m2cgen==0.10.0 numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 scikit-learn==1.9.1 scipy==1.17.1 skl2onnx==1.20.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numpy as np
import onnxruntime
from m2cgen import export_to_python
from skl2onnx import to_onnx
from sklearn.tree import DecisionTreeClassifier

print("m2cgen", version("m2cgen"), "skl2onnx", version("skl2onnx"), "of scikit-learn", version("scikit-learn"))
x = np.array([0, 1, 2, 3, np.nan], np.float32).reshape(-1, 1)
for side, y in (("left", [1, 1, 0, 0, 1]), ("right", [0, 0, 1, 1, 1])):
    tree = DecisionTreeClassifier(random_state=0).fit(x, y)
    assert tree.tree_.node_count == 3
    assert tree.tree_.missing_go_to_left[0] == (side == "left")
    assert tree.predict(x).tolist() == y
    written = {}
    exec(export_to_python(tree), written)
    model = to_onnx(tree, x, options={"zipmap": False})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for name, seen in (
        ("m2cgen", [int(np.argmax(written["score"](row.tolist()))) for row in x]),
        ("skl2onnx", session.run(None, {session.get_inputs()[0].name: x})[0].tolist()),
    ):
        print(f"NaN to the {side}, {name}: classes", *seen, "instead of" if seen != y else "as in", *y)
        assert seen[:4] == y[:4]
        assert (seen[4] == y[4]) == (side == "right")
END
