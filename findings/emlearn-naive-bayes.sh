#!/usr/bin/env bash
# emlearn: its C code of a naive Bayes classifier leaves out how frequent the classes are, and calls a point at the mean of one class the other.
#
# Guess: the converted `GaussianNB` answers what scikit-learn answers, up to the rounding of its fixed-point numbers.
# Seen:  of 90 points around 0 and 10 around 1 with the same spread, 0.6 and 1 are class 0 in Python and class 1 in C: the priors are not
#        in the C code. Squares are taken in 16.16 bits, so a distance of 200 standard deviations wraps: of classes of 0 ± 0.01 and 5 ± 1,
#        1 and 3 are class 1, but 2 and even 5, the mean of class 1, are class 0.
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
from sklearn.naive_bayes import GaussianNB

print("emlearn", version("emlearn"))


def column(*values):
    return np.array(values, np.float64).reshape(-1, 1)


for name, x, y, asked, right, expected in (
    ("as many of both", column(*[-1, 1] * 5, *[0, 2] * 5), [0] * 10 + [1] * 10, (0.25, 0.6, 1, 3), [0, 1, 1, 1], [0, 1, 1, 1]),
    ("90 and 10", column(*[-1, 1] * 45, *[0, 2] * 5), [0] * 90 + [1] * 10, (0.25, 0.6, 1, 3), [0, 0, 0, 1], [0, 1, 1, 1]),
    ("0 ± 0.01 and 5 ± 1", column(-0.01, 0.01, 4, 6), [0, 0, 1, 1], (0, 1, 2, 3, 5), [0, 1, 1, 1, 1], [0, 1, 0, 1, 0]),
):
    bayes = GaussianNB().fit(x, y)
    # the definition: the frequency of the class times the normal density
    mean, variance = (np.array([f(x[np.array(y) == c]) for c in (0, 1)]) for f in (np.mean, np.var))
    scores = np.log(np.bincount(y)) - np.log(variance) / 2 - (column(*asked) - mean) ** 2 / variance / 2
    assert bayes.predict(column(*asked)).tolist() == scores.argmax(1).tolist() == right
    seen = [int(answer) for answer in emlearn.convert(bayes).predict(column(*asked))]
    print(f"{name}: of", *asked, "in C:", *seen, "in Python:", *right)
    assert seen == expected
END
