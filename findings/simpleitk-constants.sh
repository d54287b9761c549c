#!/usr/bin/env bash
# SimpleITK: a number in an expression with a picture of integers loses its fraction first: half a picture is black, and 300 is 44.
#
# Guess: `picture * 0.5` of a uint8 picture is about half of it, `picture / 2.5` divides by 2.5, and `picture < 2.5` holds for 2.
# Seen:  The number, a double by its signature, is cast to the type of the pixels before anything is computed. So `* 0.5` gives zeros, `* 1.5`
#        changes nothing, `/ 2.5` divides by 2 (its result is a float picture), 2 is not less than 2.5, and 0 is at least 0.5. Of uint8, no
#        pixel is greater than -1, a pixel of 44 is equal to 300, and `Maximum` with -1 is 255 everywhere. `BinaryThreshold` with a lower
#        threshold of 0.5 takes in 0, and with an upper one of 300 leaves out what is over 44. A float picture is right, and
#        `ShiftScale` scales by a fraction. ITK's text has a line that a constant must be of the pixels' type; nothing checks it.
# With:  numpy==2.4.6, simpleitk==2.5.7 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 simpleitk==2.5.7
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numpy as np
import SimpleITK

print("SimpleITK", version("simpleitk"))
ROW = [0, 1, 2, 3, 43, 44, 45, 100]

EXPRESSIONS = {
    "p * 0.5": lambda p: p * 0.5,
    "p * 1.5": lambda p: p * 1.5,
    "p / 2.5": lambda p: p / 2.5,
    "p < 2.5": lambda p: p < 2.5,
    "p >= 0.5": lambda p: p >= 0.5,
    "p > -1": lambda p: p > -1,
    "p == 300": lambda p: p == 300,
    "p < 300": lambda p: p < 300,
    "Maximum(p, -1)": lambda p: SimpleITK.Maximum(p, -1),
    "BinaryThreshold(p, 0.5, 2.5)": lambda p: SimpleITK.BinaryThreshold(p, 0.5, 2.5),
    "BinaryThreshold(p, 1, 300)": lambda p: SimpleITK.BinaryThreshold(p, 1, 300),
    "ShiftScale(p, 0, 0.5)": lambda p: SimpleITK.ShiftScale(p, 0, 0.5),
}


def values(expression, kind):
    picture = SimpleITK.GetImageFromArray(np.array([ROW], kind))
    return SimpleITK.GetArrayFromImage(EXPRESSIONS[expression](picture))[0].tolist()


seen = {}
print("the row:", ROW)
for expression in EXPRESSIONS:
    for kind in ("uint8", "int16", "float32"):
        seen[expression, kind] = values(expression, kind)
        print(f"{expression}, {kind}: {seen[expression, kind]}")

for kind in ("uint8", "int16"):
    assert seen["p * 0.5", kind] == [0] * 8
    assert seen["p * 1.5", kind] == ROW
    assert seen["p / 2.5", kind] == [x / 2 for x in ROW]
    assert seen["p < 2.5", kind] == [x < 2 for x in ROW]
    assert seen["p >= 0.5", kind] == [1] * 8
    assert seen["BinaryThreshold(p, 0.5, 2.5)", kind] == [x <= 2 for x in ROW]
    assert seen["ShiftScale(p, 0, 0.5)", kind] == [x // 2 for x in ROW]
assert seen["p > -1", "uint8"] == [0] * 8
assert seen["p == 300", "uint8"] == [x == 44 for x in ROW]
assert seen["p < 300", "uint8"] == [x < 44 for x in ROW]
assert seen["Maximum(p, -1)", "uint8"] == [255] * 8
assert seen["BinaryThreshold(p, 1, 300)", "uint8"] == [1 <= x <= 44 for x in ROW]
for kind in ("int16", "float32"):
    assert seen["p > -1", kind] == [1] * 8 and seen["p == 300", kind] == [0] * 8 and seen["Maximum(p, -1)", kind] == ROW
    assert seen["BinaryThreshold(p, 1, 300)", kind] == [x >= 1 for x in ROW]
assert seen["p * 0.5", "float32"] == [x / 2 for x in ROW] and np.allclose(seen["p / 2.5", "float32"], np.array(ROW) / 2.5)
assert seen["p < 2.5", "float32"] == [x < 2.5 for x in ROW] and seen["p >= 0.5", "float32"] == [x >= 0.5 for x in ROW]
END
