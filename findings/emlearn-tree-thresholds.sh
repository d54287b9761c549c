#!/usr/bin/env bash
# emlearn: in the C code of a tree a threshold is cut to an integer and compared with `<` instead of `<=`.
#
# Guess: features that are whole numbers from 0 to 5, or 0 and 1, need no care with the default type int16_t.
# Seen:  a threshold of 2.5 becomes `features[0] < 2`, so 2 falls on the wrong side, inline and in the loadable table; one of 0.5 becomes
#        `< 0`, so a feature of 0 or 1 decides nothing and an AND of two bits is always 1. With dtype="float" both are right.
# With:  emlearn==0.23.2, numpy==2.4.6, scikit-learn==1.9.1, scipy==1.17.1, gcc (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 scikit-learn==1.9.1 scipy==1.17.1
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps emlearn==0.23.2
cd "$room"
"$room/venv/bin/python" - <<'END'
from importlib.metadata import version

import emlearn
import numpy as np
from sklearn.tree import DecisionTreeClassifier

print("emlearn", version("emlearn"))
counts = np.arange(6.0).reshape(-1, 1)
bits = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)
high, both = [0, 0, 0, 1, 1, 1], [0, 0, 0, 1]
for name, x, y, method, kind, expected in (
    ("0 to 5", counts, high, "inline", "int16_t", [0, 0, 1, 1, 1, 1]),
    ("0 to 5", counts, high, "loadable", "int16_t", [0, 0, 1, 1, 1, 1]),
    ("0 to 5", counts, high, "inline", "float", high),
    ("AND of two bits", bits, both, "inline", "int16_t", [1, 1, 1, 1]),
    ("AND of two bits", bits, both, "inline", "float", both),
):
    tree = DecisionTreeClassifier(random_state=0).fit(x, y)
    assert tree.predict(x).tolist() == y
    converted = emlearn.convert(tree, method=method, dtype=kind)
    code = [line.strip(" {") for line in converted.save(name="tree").splitlines() if "if (features" in line]
    seen = [int(answer) for answer in converted.predict(x)]
    print(f"{name}, {method}, {kind}:", *seen, "instead of" if seen != y else "as in", *y, *code)
    assert seen == expected
END
