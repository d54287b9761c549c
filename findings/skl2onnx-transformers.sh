#!/usr/bin/env bash
# skl2onnx: three transformers of scikit-learn become ONNX models that give other numbers: an encoder, an imputer and a normalizer.
#
# Guess: `to_onnx(transformer, x)` gives a model whose output is that of `transform`, or says that it cannot.
# Seen:  an OrdinalEncoder with `max_categories` numbers every column as the first one: where another column has other rare categories, its codes
#        are wrong, and two common categories become one. A SimpleImputer with `add_indicator=True` leaves the indicators out: 2 columns
#        instead of 4. A Normalizer with `norm="max"` divides by the largest value and not by the largest magnitude: [1, 2, -4] becomes
#        [0.5, 1, -2], and a row of negative numbers turns positive. Without `max_categories`, with one column, without the indicators,
#        with "l1" or "l2", and with positive rows they are right.
# With:  numpy==2.4.6, onnx==1.23.2, onnxruntime==1.32.0, scikit-learn==1.9.1, skl2onnx==1.20.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 scikit-learn==1.9.1 \
    skl2onnx==1.20.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import Normalizer, OrdinalEncoder

onnxruntime.set_default_logger_severity(3)
print("skl2onnx", version("skl2onnx"), "of scikit-learn", version("scikit-learn"))


def compare(what, transformer, fitted_to, x):
    """Whether the ONNX model gives what transform() gives, and what it gives."""
    transformer.fit(fitted_to)
    session = onnxruntime.InferenceSession(to_onnx(transformer, fitted_to[:1], target_opset=21).SerializeToString())
    (seen,) = session.run(None, {session.get_inputs()[0].name: x})
    right = transformer.transform(x)
    print(f"{what}: ONNX {np.round(seen, 3).tolist()}, scikit-learn {np.round(right, 3).tolist()}")
    return seen.shape == right.shape and np.allclose(seen, right, atol=1e-6), seen


first = [0] * 5 + [1] * 4 + [2] * 1 + [3] * 1  # 2 and 3 are rare
second = [3] * 5 + [2] * 4 + [1] * 1 + [0] * 1  # 0 and 1 are rare
table, numbers = np.array([first, second], np.int64).T, np.array([[0, 0], [1, 1], [2, 2], [3, 3]], np.int64)
same, seen = compare("OrdinalEncoder(max_categories=3)", OrdinalEncoder(max_categories=3), table, numbers)
assert not same and seen[:, 0].tolist() == seen[:, 1].tolist() == [0, 1, 2, 2]
assert compare("  of the first column", OrdinalEncoder(max_categories=3), table[:, :1], numbers[:, :1])[0]
assert compare("  of the second column", OrdinalEncoder(max_categories=3), table[:, 1:], numbers[:, 1:])[0]
assert compare("  without max_categories", OrdinalEncoder(), table, numbers)[0]

holes = np.array([[1, np.nan], [3, 4], [np.nan, 8]], np.float32)
same, seen = compare("SimpleImputer(add_indicator=True)", SimpleImputer(add_indicator=True), holes, holes)
assert not same and seen.tolist() == [[1, 6], [3, 4], [2, 8]]
assert compare("  without", SimpleImputer(), holes, holes)[0]

rows = np.array([[1, 2, -4], [-1, -2, -8]], np.float32)
same, seen = compare('Normalizer("max")', Normalizer("max"), rows, rows)
assert not same and seen.tolist() == [[0.5, 1, -2], [1, 2, 8]]
assert compare("  of positive rows", Normalizer("max"), abs(rows), abs(rows))[0]
assert all(compare(f'Normalizer("{norm}")', Normalizer(norm), rows, rows)[0] for norm in ("l1", "l2"))
END
