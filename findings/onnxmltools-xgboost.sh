#!/usr/bin/env bash
# onnxmltools: an XGBoost forest of three classes answers other classes, and a logistic regressor gives numbers below 0 and above 1.
#
# Guess: `convert_xgboost` gives a model that answers as XGBoost does, or it refuses.
# Seen:  It takes a tree's class to be its number modulo the number of classes. XGBoost with `num_parallel_tree`, and so each
#        `XGBRFClassifier`, writes all trees of the first class, then all of the second. A forest of 6 trees for each of three classes
#        answers another class in more than half of the rows, its own training set; 4 parallel trees and 4 rounds mix the probabilities,
#        too. An `XGBRegressor` with `reg:logistic` or `binary:logistic` gives its margin instead of a probability, and
#        `survival:cox` its logarithm. After early stopping with parallel trees a regressor keeps as many trees as there were good
#        rounds. A forest of two classes, boosting with one tree a round, and the Poisson, gamma and Tweedie objectives are right.
# With:  numpy==2.4.6, onnxmltools==1.16.0, onnxruntime==1.32.0, scikit-learn==1.9.1, xgboost==3.2.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxmltools==1.16.0 onnxruntime==1.32.0 scikit-learn==1.9.1 skl2onnx==1.20.0 xgboost==3.2.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
import json
from importlib.metadata import version

import numpy as np
import onnxruntime
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier

onnxruntime.set_default_logger_severity(3)
print("onnxmltools", version("onnxmltools"), "with xgboost", version("xgboost"))
rng = np.random.default_rng(0)
X = rng.integers(-5, 6, (300, 4)).astype(np.float32)
Y = X[:, 0] ** 2 + 2 * X[:, 1] + 20  # from 10 to 55
TWO = (Y > np.median(Y)).astype(int)
THREE = np.digitize(Y, np.quantile(Y, [1 / 3, 2 / 3]))

trees_in = []  # of each converted model


def both(model, y, **more):
    model.set_params(n_jobs=1, random_state=0)
    model.fit(X, y, **more)
    onnx_model = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))])
    trees_in.append(len({t for n in onnx_model.graph.node for a in n.attribute if a.name == "nodes_treeids" for t in a.ints}))
    session = onnxruntime.InferenceSession(onnx_model.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = session.run(None, {"x": X})
    if isinstance(model, XGBRegressor):
        return model.predict(X), seen[0][:, 0]
    return model.predict_proba(X), seen[1]


def near(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-4)


def show(name, right, seen):
    other = f", other classes in {(right.argmax(1) != seen.argmax(1)).sum()} of {len(X)} rows" if right.ndim == 2 else ""
    print(f"{name}: XGBoost {np.round(right[0], 3)}, ONNX {np.round(seen[0], 3)}{other}")
    return right, seen


for name, objective in (("regressor", "reg:squarederror"), ("Poisson", "count:poisson"), ("gamma", "reg:gamma"), ("Tweedie", "reg:tweedie")):
    assert near(*show(name, *both(XGBRegressor(n_estimators=5, objective=objective), Y)))
assert near(*show("three classes, boosting", *both(XGBClassifier(n_estimators=5), THREE)))
assert near(*show("two classes, a forest", *both(XGBRFClassifier(n_estimators=6), TWO)))

forest = XGBRFClassifier(n_estimators=6)
right, seen = show("three classes, a forest", *both(forest, THREE))
trees = json.loads(forest.get_booster().save_raw("json"))["learner"]["gradient_booster"]["model"]["tree_info"]
print("    classes of the trees, as XGBoost wrote them:", trees)
assert trees == [0] * 6 + [1] * 6 + [2] * 6
assert (right.argmax(1) == THREE).mean() > 0.9 and (seen.argmax(1) != right.argmax(1)).mean() > 0.5
right, seen = show("three classes, 4 rounds of 4", *both(XGBClassifier(n_estimators=4, num_parallel_tree=4, subsample=0.7), THREE))
assert not near(right, seen) and np.abs(right - seen).max() > 0.2

for objective in ("reg:logistic", "binary:logistic"):
    right, seen = show(objective, *both(XGBRegressor(n_estimators=20, objective=objective), TWO))
    print(f"    from {right.min():.3f} to {right.max():.3f}, ONNX from {seen.min():.3f} to {seen.max():.3f}")
    assert 0 <= right.min() and right.max() <= 1 and seen.min() < 0 and seen.max() > 1
    assert np.abs(right - seen).max() > 1
right, seen = show("survival:cox", *both(XGBRegressor(n_estimators=5, objective="survival:cox"), Y))
offset = np.log(right) - seen
print(f"    logarithm of XGBoost's answer, less ONNX's: from {offset.min():.3f} to {offset.max():.3f}")
assert not near(right, seen)

noisy = Y[150:] + rng.normal(size=150) * 20
early = XGBRegressor(n_estimators=30, early_stopping_rounds=2, num_parallel_tree=3, subsample=0.7)
right, seen = show("early stopping, 3 trees a round", *both(early, Y, eval_set=[(X[150:], noisy)], verbose=False))
rounds = early.best_iteration + 1
first = early.predict(X, iteration_range=(0, rounds))
print(f"    best rounds {rounds}, trees of them {3 * rounds}")
assert near(first, right) and not near(right, seen)
print("    trees in the ONNX model:", trees_in[-1])
assert trees_in[-1] == rounds
END
