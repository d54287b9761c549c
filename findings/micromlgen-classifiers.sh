#!/usr/bin/env bash
# micromlgen: the C++ of a logistic regression of two classes answers the opposite, that of an SVC of two classes and of a OneClassSVM adds the
# intercept with the wrong sign, and 256 trees that agree have no vote.
#
# Guess: `port(classifier)` writes a `predict` that answers what scikit-learn answers.
# Seen:  scikit-learn keeps one row of weights for two classes, and it speaks for class 1; the C++ adds it to the votes of class 0, so every
#        answer is turned over. Of an SVC of two classes it takes the intercept minus the kernels, not plus: a border at 2.5 lies at
#        -2.5. A OneClassSVM takes every point, even one at 100, as an inlier. The votes of a forest are counted in a uint8_t: of 255 trees
#        that all say 1 the answer is 1, of 256 it is 0. With three classes the logistic regression and the SVC are right.
# With:  jinja2==3.1.6, micromlgen==1.1.28, numpy==2.4.6, scikit-learn==1.9.1, scipy==1.17.1, g++ (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check jinja2==3.1.6 micromlgen==1.1.28 numpy==2.4.6 scikit-learn==1.9.1 scipy==1.17.1
cd "$room"
"$room/venv/bin/python" - <<'END'
import subprocess
from importlib.metadata import version

import numpy as np
from micromlgen import port
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, OneClassSVM

print("micromlgen", version("micromlgen"), "of scikit-learn", version("scikit-learn"))


def column(*values):
    return np.array(values, np.float64).reshape(-1, 1)


x = column(-3, -2, -1, 1, 2, 3)
two, three = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]
apart = column(0, 1, 4, 5)
cases = {  # name: classifier, inputs, whether the C++ answers the same
    "LogisticRegression, 2 classes": (LogisticRegression().fit(x, two), x, False),
    "LogisticRegression, 3 classes": (LogisticRegression().fit(x, three), x, True),
    "SVC, linear, 2 classes": (SVC(kernel="linear", gamma=1.0).fit(apart, [0, 0, 1, 1]), apart, False),
    "SVC, linear, 3 classes": (SVC(kernel="linear", gamma=1.0).fit(x, three), x, True),
    "OneClassSVM": (OneClassSVM(gamma=0.5, nu=0.1).fit(column(*np.linspace(-1, 1, 21))), column(0, 100), False),
    "RandomForest, 255 trees": (RandomForestClassifier(255, bootstrap=False, random_state=0).fit(x, two), x, True),
    "RandomForest, 256 trees": (RandomForestClassifier(256, bootstrap=False, random_state=0).fit(x, two), x, False),
}

with open("seen.cpp", "w") as out:
    print("#include <cmath>\n#include <cstdint>\n#include <cstdio>\n#include <cstring>", file=out)
    for i, (classifier, _, _) in enumerate(cases.values()):
        print(port(classifier, classname=f"Case{i}").replace("#pragma once", ""), file=out)
    print("int main() { float x;", file=out)
    for i, (_, inputs, _) in enumerate(cases.values()):
        print(f"Eloquent::ML::Port::Case{i} c{i};", file=out)
        for value in inputs.ravel():
            print(f'x = {value:f}f; std::printf("%d ", int(c{i}.predict(&x)));', file=out)
        print('std::puts("");', file=out)
    print("}", file=out)
subprocess.run(["g++", "-w", "-o", "seen", "seen.cpp"], check=True)
lines = subprocess.run("./seen", check=True, capture_output=True, text=True).stdout.splitlines()

seen = {}
for (name, (classifier, inputs, same)), line in zip(cases.items(), lines, strict=True):
    right, seen[name] = classifier.predict(inputs).tolist(), [int(word) for word in line.split()]
    print(f"{name:30} of", *inputs.ravel(), "in C++:", *seen[name], "in Python:", *right)
    assert (seen[name] == right) == same
assert seen["LogisticRegression, 2 classes"] == [1, 1, 1, 0, 0, 0]
assert seen["SVC, linear, 2 classes"] == [1, 1, 1, 1]
assert seen["OneClassSVM"] == [1, 1]
assert seen["RandomForest, 256 trees"] == [0] * 6
END
