#!/usr/bin/env bash
# onnxmltools: a random forest, linear trees and four other kinds of LightGBM models are converted without a word and answer otherwise.
#
# Guess: `convert_lightgbm` gives a model that answers as LightGBM does, or it refuses.
# Seen:  The sum over a random forest (`boosting_type="rf"`) is divided by 100, whatever the number of trees is: of 5 trees all
#        predictions are 20 times too small, and of 100 they are right. A forest for three classes has only two columns of probabilities.
#        With `reg_sqrt=True` the root of the answer is given: nothing squares it again. With `linear_tree=True` each leaf gives its
#        constant and forgets its slopes. With `sigmoid=2` a classifier's margin is not doubled, so its probabilities are too near to
#        one half. `multiclassova` becomes a softmax instead of three separate sigmoids. With `zero_as_missing=True` a zero is compared
#        as a number instead of going where missing values go. Plain boosting, and Poisson with its exponential, are right.
# With:  lightgbm==4.7.0, numpy==2.4.6, onnxmltools==1.16.0, onnxruntime==1.32.0, scikit-learn==1.9.1 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check lightgbm==4.7.0 numpy==2.4.6 onnx==1.23.2 onnxmltools==1.16.0 onnxruntime==1.32.0 scikit-learn==1.9.1 skl2onnx==1.20.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numpy as np
import onnxruntime
from lightgbm import LGBMClassifier, LGBMRegressor
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

onnxruntime.set_default_logger_severity(3)
print("onnxmltools", version("onnxmltools"), "with lightgbm", version("lightgbm"))
rng = np.random.default_rng(0)
X = rng.integers(-5, 6, (300, 4)).astype(np.float32)
Y = (X[:, 0] ** 2 + 2 * X[:, 1] + 20).astype(np.float64)  # from 10 to 55
TWO = (Y > np.median(Y)).astype(int)
THREE = np.digitize(Y, np.quantile(Y, [1 / 3, 2 / 3]))
FOREST = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7, "bagging_seed": 1}


def both(model, y):
    model.set_params(verbose=-1, min_child_samples=2, n_jobs=1, random_state=0, deterministic=True, force_row_wise=True)
    model.fit(X, y)
    onnx_model = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
    session = onnxruntime.InferenceSession(onnx_model.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = session.run(None, {"x": X})[-1]
    if isinstance(model, LGBMRegressor):
        return model.predict(X), seen[:, 0].astype(np.float64)
    return model.predict_proba(X), seen.astype(np.float64)


def near(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5)


def show(name, right, seen):
    print(f"{name}: LightGBM {np.round(right[0], 3)}, ONNX {np.round(seen[0], 3)}")
    return right, seen


for name, how in (("boosting", {}), ("Poisson", {"objective": "poisson"}), ("100 random trees", FOREST)):
    right, seen = show(name, *both(LGBMRegressor(n_estimators=100, **how), Y))
    assert near(right, seen)
assert near(*show("classifier", *both(LGBMClassifier(n_estimators=5), TWO)))

right, seen = show("5 random trees", *both(LGBMRegressor(n_estimators=5, **FOREST), Y))
assert near(right, seen * 20)
right, seen = show("5 random trees, two classes", *both(LGBMClassifier(n_estimators=5, **FOREST), TWO))
assert not near(right, seen) and np.abs(right - seen).max() > 0.5
right, seen = show("5 random trees, three classes", *both(LGBMClassifier(n_estimators=5, **FOREST), THREE))
assert right.shape == (300, 3) and seen.shape == (300, 2)
right, seen = show("reg_sqrt", *both(LGBMRegressor(n_estimators=20, reg_sqrt=True), Y))
assert near(right, seen**2) and not near(right, seen)

right, seen = show("linear_tree", *both(LGBMRegressor(n_estimators=5, linear_tree=True), Y))
print("    greatest distance", np.abs(right - seen).max().round(2))
assert np.abs(right - seen).max() > 1

right, seen = show("sigmoid=2", *both(LGBMClassifier(n_estimators=5, sigmoid=2.0), TWO))
margin = np.log(seen[:, 1] / seen[:, 0])
assert near(right[:, 1], 1 / (1 + np.exp(-2 * margin))) and not near(right, seen)

right, seen = show("multiclassova", *both(LGBMClassifier(n_estimators=5, objective="multiclassova"), THREE))
print("    sums of a row's probabilities:", right.sum(axis=1)[:2].round(3), seen.sum(axis=1)[:2].round(3))
assert not near(right, seen)

target = np.where(X[:, 0] == 0, 60, 3 * X[:, 0])  # zero is unlike its neighbours
right, seen = show("zero_as_missing", *both(LGBMRegressor(n_estimators=20, zero_as_missing=True), target))
zeros, wrong = (X == 0).any(axis=1), ~np.isclose(right, seen, rtol=1e-3, atol=1e-3)
row = np.abs(right - seen).argmax()
print(f"    row {X[row]}: LightGBM {right[row]:.2f}, ONNX {seen[row]:.2f}")
print("    wrong rows with a zero:", wrong[zeros].sum(), "of", zeros.sum(), "and without:", wrong[~zeros].sum(), "of", (~zeros).sum())
assert wrong[zeros].sum() >= 20 and not wrong[~zeros].any()
END
