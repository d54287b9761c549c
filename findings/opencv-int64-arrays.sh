#!/usr/bin/env bash
# OpenCV: an array of int64 or uint64 is cut to its low 32 bits on its way in.
#
# Guess: a function takes an array's numbers or refuses its type, above all where the library has a type for 64-bit integers.
# Seen:  cv2.add, cv2.sumElems, cv2.minMaxLoc, cv2.norm, cv2.compare and the others take 2^40 + 1 as 1, -2^40 as 0 and 2^31 as -2^31,
#        without a word, and answer with int32. int64 is what NumPy makes of Python's integers, of sums and of np.argmax. uint32 is taken
#        as it is, and float64 too.
# With:  opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import cv2
import numpy as np

print("cv2", cv2.__version__, "with a type for 64-bit integers:", hasattr(cv2, "CV_64S"))
values = [2**40 + 1, 2**31, 5]
for kind in (np.int64, np.uint64, np.float64):
    given = np.array([values], kind)
    doubled = cv2.add(given, given)
    total, largest, norm = cv2.sumElems(given)[0], cv2.minMaxLoc(given)[1], cv2.norm(given, cv2.NORM_INF)
    above = cv2.compare(given, np.zeros_like(given), cv2.CMP_GT)[0] > 0
    print(f"{kind.__name__:7} {values}: sum {total:.0f}, largest {largest:.0f}, above zero {above.tolist()}, answers in {doubled.dtype}")
    if kind is np.float64:
        assert doubled.tolist() == [[2 * value for value in values]] and total == sum(values) and largest == max(values) and above.all()
    else:
        assert doubled.dtype == np.int32 and total == 1 - 2**31 + 5 and largest == 5 and above.tolist() == [True, False, True]
        assert norm == 2**31

wide = np.array([[2**31, 5]], np.uint32)
print("uint32 [2^31, 5]: largest", cv2.minMaxLoc(wide)[1])
assert cv2.minMaxLoc(wide)[1] == 2**31

white = np.full((4096, 4096), 255, np.uint8).sum(keepdims=True)
print(f"the sum of a white picture of 4096 x 4096 pixels, {white[0, 0]} ({white.dtype}), is taken as {cv2.minMaxLoc(white)[1]:.0f}")
assert white[0, 0] == 255 * 4096**2 and cv2.minMaxLoc(white)[1] == 255 * 4096**2 - 2**32
END
