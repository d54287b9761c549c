#!/usr/bin/env bash
# torchmetrics: a class that is named as ignore_index counts as a class with score 0 once it is predicted a single time.
#
# Guess: ignore_index "does not contribute to the metric calculation", as its documentation says.
# Seen:  Three classes, class 0 is ignored, 100 pictures of each. With all pictures of classes 1 and 2 right, the macro accuracy is
#        1. With one of them taken for class 0 it is not (0.99 + 1) / 2 = 0.995 but a third of the sum, 0.663. Macro recall,
#        precision and F1 do the same, as functions and as classes, and macro is the default of MulticlassAccuracy. What
#        is ignored is only the pictures of class 0. If the wrong picture goes to class 2, all is as one would compute it; so it
#        is with average="none" and a mean by hand, and with the Jaccard index.
# With:  numpy==2.4.6, torch==2.13.0, torchmetrics==1.9.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0 torchmetrics==1.9.0
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
import torch
import torchmetrics
from torchmetrics import classification

FORMULAS = {
    "Accuracy": lambda hits, false, missed: hits / (hits + missed),
    "Recall": lambda hits, false, missed: hits / (hits + missed),
    "Precision": lambda hits, false, missed: hits / (hits + false),
    "F1Score": lambda hits, false, missed: 2 * hits / (2 * hits + false + missed),
    "JaccardIndex": lambda hits, false, missed: hits / (hits + false + missed),
}
target = torch.arange(3).repeat_interleave(100)


def by_hand(formula, predicted):
    """The score of classes 1 and 2, over the pictures that are of one of them."""
    scores = []
    for c in (1, 2):
        hits = ((predicted == c) & (target == c)).sum()
        false = ((predicted == c) & (target != c) & (target != 0)).sum()
        missed = ((predicted != c) & (target == c)).sum()
        scores.append(formula(hits, false, missed))
    return torch.stack(scores)


print("torchmetrics", torchmetrics.__version__)
for wrong in (None, 2, 0):
    predicted = target.clone()
    if wrong is not None:
        predicted[100] = wrong  # a picture of class 1
    print("all pictures right:" if wrong is None else f"one picture of class 1 is taken for class {wrong}:")
    for name, formula in FORMULAS.items():
        metric = getattr(classification, "Multiclass" + name)
        right = by_hand(formula, predicted)
        seen = metric(num_classes=3, ignore_index=0, average="macro")(predicted, target)
        each = metric(num_classes=3, ignore_index=0, average="none")(predicted, target)
        print(f"  {name}: {seen:.4f}, the mean of classes 1 and 2 is {right.mean():.4f}")
        assert torch.allclose(each[1:], right)
        if wrong == 0 and name != "JaccardIndex":
            assert torch.allclose(seen, right.sum() / 3)
        else:
            assert torch.allclose(seen, right.mean())
default = classification.MulticlassAccuracy(num_classes=3, ignore_index=0)(predicted, target)
assert default < 0.67
END
