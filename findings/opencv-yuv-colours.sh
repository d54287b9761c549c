#!/usr/bin/env bash
# OpenCV: RGB2YUV cuts off the V of red and cyan, and RGB2YUV_I420 takes its colour from one pixel of four.
#
# Guess: a picture goes to YUV and back with errors of a level or two, and 4:2:0 has for each two by two pixels their mean colour.
# Seen:  the V of COLOR_RGB2YUV is 0.877 (R - Y) + 128, up to 285, and saturates at 255: (255, 0, 0) comes back as (221, 17, 1), cyan
#        as (33, 239, 254), and of uint16 just so; float32 and YCrCb are right, and of all colours 1.6% are off by more than 2.
#        COLOR_RGB2YUV_I420 and YV12 of columns of red and blue give U, V of 90, 240, those of the red pixel at the top left of
#        each four: decoded, all is red and dark red. COLOR_RGB2YUV_YUY2 and _UYVY give the mean, 165 and 175, and so does PyAV.
#        One red pixel in four is all of the colour at the top left, and none of it at the bottom right.
# With:  opencv-python-headless==5.0.0.93, av==18.1.0, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
from importlib.metadata import version

import av
import cv2
import numpy as np

for name in ("opencv-python-headless", "av"):
    print(name, version(name))


def there_and_back(pixels, kind):
    coded = cv2.cvtColor(pixels, getattr(cv2, f"COLOR_RGB2{kind}"))
    return coded, cv2.cvtColor(coded, getattr(cv2, f"COLOR_{kind}2RGB"))


for colour, expected in (((255, 0, 0), (221, 17, 1)), ((0, 255, 255), (33, 239, 254)), ((0, 0, 255), None), ((255, 255, 0), None)):
    pixel = np.array([[colour]], np.uint8)
    for kind in ("YUV", "YCrCb"):
        coded, back = (array[0, 0].astype(int) for array in there_and_back(pixel, kind))
        print(f"uint8 {colour} is {kind} {coded.tolist()}, and back {back.tolist()}")
        if kind == "YUV" and expected:
            assert (abs(back - expected) <= 1).all() and coded[2] in (0, 255)
        else:
            assert abs(back - colour).max() <= 2
red16 = there_and_back(np.array([[(65535, 0, 0)]], np.uint16), "YUV")[1][0, 0]
redf = there_and_back(np.array([[(1, 0, 0)]], np.float32), "YUV")[1][0, 0]
print("red in uint16 and in float32 comes back from YUV as", red16.tolist(), redf.tolist())
assert red16[0] < 58000 and abs(redf - (1, 0, 0)).max() < 0.001

steps = np.arange(0, 256, 5, dtype=np.uint8)
colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
off = {kind: abs(there_and_back(colours, kind)[1].astype(int) - colours).max(axis=2) for kind in ("YUV", "YCrCb")}
for kind, errors in off.items():
    print(f"{kind}: of {errors.size} colours {(errors > 2).mean():.1%} are off by more than 2, at most by {errors.max()}")
assert 0.01 < (off["YUV"] > 2).mean() < 0.03 and off["YUV"].max() > 30 and off["YCrCb"].max() <= 2

# A colour for each 2 by 2 pixels.
SIZE = 16
RED, BLUE, BLACK = (255, 0, 0), (0, 0, 255), (0, 0, 0)


def picture(tile):
    return np.tile(np.array(tile, np.uint8), (SIZE // 2, SIZE // 2, 1))


def chroma(pixels, tool):
    """U and V of one 2 by 2 cell in the middle of the picture."""
    middle = SIZE // 4 * (SIZE // 2) + SIZE // 4
    if tool == "av":
        planes = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p").to_ndarray()
    elif tool in ("I420", "YV12"):
        planes = cv2.cvtColor(pixels, getattr(cv2, f"COLOR_RGB2YUV_{tool}"))
    else:
        packed = cv2.cvtColor(pixels, getattr(cv2, f"COLOR_RGB2YUV_{tool}"))[SIZE // 2, SIZE // 2:SIZE // 2 + 2]
        return packed[:, 1 if tool == "YUY2" else 0].astype(int).tolist()
    u, v = (int(plane[middle]) for plane in planes.ravel()[SIZE * SIZE:].reshape(2, -1))
    return [v, u] if tool == "YV12" else [u, v]


for name, tile, first in (
    ("columns of red and blue", [[RED, BLUE], [RED, BLUE]], [90, 240]),
    ("columns of blue and red", [[BLUE, RED], [BLUE, RED]], [240, 110]),
    ("a red pixel at the top left of four", [[RED, BLACK], [BLACK, BLACK]], [90, 240]),
    ("a red pixel at the bottom right of four", [[BLACK, BLACK], [BLACK, RED]], [128, 128]),
    ("red alone", [[RED, RED], [RED, RED]], [90, 240]),
):
    pixels = picture(tile)
    seen = {tool: chroma(pixels, tool) for tool in ("I420", "YV12", "YUY2", "UYVY", "av")}
    print(f"U, V of {name}:", seen)
    weights = np.array([[-0.148, -0.291, 0.439], [0.439, -0.368, -0.071]])
    mean = 128 + pixels[:2, :2].reshape(4, 3).mean(axis=0) @ weights.T
    assert seen["I420"] == seen["YV12"] == first
    assert abs(np.array(seen["av"]) - mean).max() < 3
    if "four" not in name:
        assert abs(np.array([seen["YUY2"], seen["UYVY"]]) - mean).max() < 3
decoded = cv2.cvtColor(cv2.cvtColor(picture([[RED, BLUE], [RED, BLUE]]), cv2.COLOR_RGB2YUV_I420), cv2.COLOR_YUV2RGB_I420)
print("columns of red and blue, decoded:", decoded[8, 8].tolist(), decoded[8, 9].tolist())
assert (decoded[..., 2] < 10).all()
END
