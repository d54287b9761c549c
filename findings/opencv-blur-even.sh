#!/usr/bin/env bash
# OpenCV: blur() of uint8 over 2 pixels adds 1, and over 4 pixels rounds up.
#
# Guess: the mean of a window of pixels that are all alike is that pixel, and other means are rounded to the nearest number.
# Seen:  cv2.blur and cv2.boxFilter over 2 x 1 or 1 x 2 pixels give floor(sum / 2) + 1: zeros become 1, a grey of 9 becomes 10. Of two
#        pixels in a row, 255 and 255 become 0; in a row of 16 they are 255. Over 2 x 2 or 4 x 1 pixels every mean is rounded up, 0.25
#        to 1. Over 3 x 1 and 3 x 3 the results are the nearest numbers, as they are of uint16 or float32 for each window.
# With:  opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python 3.11, x86-64); 4.12.0.88 did the same
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import cv2
import numpy as np

print("cv2", cv2.__version__)
flat = [int(cv2.blur(np.full((16, 16), value, np.uint8), (2, 1))[8, 8]) for value in range(256)]
print("over 2 x 1, pixels that are all 0, 1, 9, 254, 255 become", [flat[value] for value in (0, 1, 9, 254, 255)])
assert flat == [min(value + 1, 255) for value in range(256)]

white = cv2.blur(np.full((3, 2), 255, np.uint8), (2, 1))
print("in rows of two pixels, 255 becomes", np.unique(white).tolist())
assert (white == 0).all()

picture = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
seen = {}
for wide, high in ((2, 1), (1, 2), (2, 2), (4, 1), (3, 1), (3, 3)):
    row = np.pad(picture.astype(int), ((high // 2, high), (wide // 2, wide)), mode="reflect")
    sums = sum(row[i : i + 64, j : j + 64] for i in range(high) for j in range(wide))
    area = wide * high
    nearest = np.abs(area * cv2.blur(picture, (wide, high)).astype(int)[2:-2, 2:-2] - sums[2:-2, 2:-2]) * 2 <= area
    one_more = cv2.blur(picture, (wide, high))[2:-2, 2:-2] == sums[2:-2, 2:-2] // area + 1
    up = cv2.blur(picture, (wide, high))[2:-2, 2:-2] == -(-sums[2:-2, 2:-2] // area)
    seen[wide, high] = "one more" if one_more.all() else "nearest" if nearest.all() else "up" if up.all() else "other"
    print(f"over {wide} x {high}: {seen[wide, high]}, {(~nearest).sum()} of {nearest.size} are not the nearest number")
    assert (cv2.boxFilter(picture, -1, (wide, high)) == cv2.blur(picture, (wide, high))).all()
    for kind in (np.uint16, np.float32):
        of_others = cv2.blur(picture.astype(kind), (wide, high))[2:-2, 2:-2].astype(float)
        assert (np.abs(of_others - sums[2:-2, 2:-2] / area) <= (0.5 if kind is np.uint16 else 1e-4)).all()
assert list(seen.values()) == ["one more", "one more", "up", "up", "nearest", "nearest"]
END
