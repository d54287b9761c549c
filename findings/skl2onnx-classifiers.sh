#!/usr/bin/env bash
# skl2onnx: nearest neighbours forget their distances, two classes of LinearDiscriminantAnalysis have the wrong probabilities, and three more.
#
# Guess: `to_onnx(model, x)` gives a model that answers what `predict` and `predict_proba` answer, or says that it cannot.
# Seen:  KNeighborsRegressor and KNeighborsClassifier with `weights="distance"` weigh all neighbours the same. LinearDiscriminantAnalysis of two
#        classes gives the sigmoid of twice its decision function: 0.88 where scikit-learn has 0.73. Isotonic calibration takes steps where
#        scikit-learn draws lines between them. OneVsRestClassifier of an SVC of two classes answers the opposite; of a LinearSVC it has its
#        border at 0.5, not at 0. A bag of three LinearSVC answers three times, however many rows it is given. Right are
#        uniform weights, one neighbour, three classes of LinearDiscriminantAnalysis, sigmoid calibration, OneVsRestClassifier of a
#        LogisticRegression, and a bag of LogisticRegression.
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
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, LinearSVC

onnxruntime.set_default_logger_severity(4)
print("skl2onnx", version("skl2onnx"), "of scikit-learn", version("scikit-learn"))


def column(*values):
    return np.array(values, np.float32).reshape(-1, 1)


def by_onnx(model, x):
    """The outputs of the ONNX model: a prediction, and for a classifier the scores of the classes."""
    options = {"zipmap": False} if hasattr(model, "classes_") else None
    session = onnxruntime.InferenceSession(to_onnx(model, x[:1], target_opset=21, options=options).SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: x})


def compare(what, seen, right):
    print(f"{what}: ONNX {np.round(seen, 3).tolist()}, scikit-learn {np.round(right, 3).tolist()}")
    return np.shape(seen) == np.shape(right) and np.allclose(seen, right, atol=1e-4)


places, heights, asked = column(0, 1, 10), [0.0, 10.0, 100.0], column(0.25, 9)
for count, weights, same in ((2, "distance", False), (2, "uniform", True), (1, "distance", True)):
    model = KNeighborsRegressor(count, weights=weights).fit(places, heights)
    seen = by_onnx(model, asked)[0].ravel()
    assert compare(f"KNeighborsRegressor({count}, weights={weights!r})", seen, model.predict(asked)) == same
    assert count == 1 or seen.tolist() == [5, 55]
for weights, same in (("distance", False), ("uniform", True)):
    model = KNeighborsClassifier(3, weights=weights).fit(column(0, 1, 2, 3, 10), [0, 0, 1, 1, 1])
    assert compare(f"KNeighborsClassifier(3, weights={weights!r})", by_onnx(model, asked)[1][:, 1], model.predict_proba(asked)[:, 1]) == same

x, two, three = column(-3, -2, -1, 1, 2, 3), [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]
asked = column(-0.75, -0.2, -0.1, 0.1, 0.2, 0.75)
model = LinearDiscriminantAnalysis().fit(x, two)
asked_of = (asked / model.coef_[0, 0]).astype(np.float32)
asked_of[-1] = 1 / model.coef_[0, 0]  # there the decision function is 1
seen, decided = by_onnx(model, asked_of)[1][:, 1], model.decision_function(asked_of)
assert not compare("LinearDiscriminantAnalysis, 2 classes", seen, model.predict_proba(asked_of)[:, 1])
assert np.allclose(seen, 1 / (1 + np.exp(-2 * decided)), atol=1e-4) and round(float(seen[-1]), 2) == 0.88
assert np.allclose(model.predict_proba(asked_of)[:, 1], 1 / (1 + np.exp(-decided)))
model = LinearDiscriminantAnalysis().fit(x, three)
assert compare("LinearDiscriminantAnalysis, 3 classes, class 1", by_onnx(model, asked)[1][:, 1], model.predict_proba(asked)[:, 1])

line, mixed = column(*range(40)), [0] * 10 + [0, 1] * 10 + [1] * 10
for method, same in (("isotonic", False), ("sigmoid", True)):
    model = CalibratedClassifierCV(LogisticRegression(), method=method, ensemble=False).fit(line, mixed)
    q = np.linspace(15, 25, 9, dtype=np.float32).reshape(-1, 1)
    assert compare(f"CalibratedClassifierCV, {method}", by_onnx(model, q)[1][:, 1], model.predict_proba(q)[:, 1]) == same

for inner, classes, same in ((SVC(kernel="linear"), two, False), (LinearSVC(), two, False), (LogisticRegression(), two, True), (LinearSVC(), three, True)):
    model = OneVsRestClassifier(inner).fit(x, classes)
    seen = by_onnx(model, asked)[0].ravel()
    assert compare(f"OneVsRestClassifier of {inner}, {len(set(classes))} classes", seen, model.predict(asked)) == same
    if isinstance(inner, SVC):
        assert np.array_equal(by_onnx(model, x)[0].ravel(), 1 - model.predict(x))
    elif not same:
        assert np.array_equal(seen, model.decision_function(asked) > 0.5)

for inner, same in ((LinearSVC(), False), (LogisticRegression(), True)):
    model = BaggingClassifier(inner, 3, random_state=0).fit(x, two)
    seen = by_onnx(model, asked)[0]
    assert compare(f"BaggingClassifier of 3 {inner} for 6 rows", seen, model.predict(asked)) == same
    assert len(seen) == (6 if same else 3)
END
