#!/usr/bin/env bash
# scikit-image: img_as_int of an int8 picture makes 128 of its zeros, and a top hat of int8 is negative.
#
# Guess: a conversion keeps zero, as img_as_float and img_as_ubyte do, and a picture minus its opening, which is nowhere above it, is not
#        negative.
# Seen:  img_as_int of the int8 numbers -128, -1, 0, 1 and 127 is -32768, -129, 128, 385 and 32767; by way of img_as_float64 it is
#        -32768, -259, 0, 258 and 32767. white_tophat of a 100 among -100 is -56, and black_tophat of a -100 among 100 too: the difference
#        wraps. Of int16 both are 200.
# With:  scikit-image==0.26.0, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check scikit-image==0.26.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import skimage
from skimage import morphology, util

print("skimage", skimage.__version__)
values = np.array([-128, -1, 0, 1, 127], np.int8)
direct, through = util.img_as_int(values).tolist(), util.img_as_int(util.img_as_float64(values)).tolist()
print(f"{values.tolist()} of int8, img_as_int: {direct}; by way of img_as_float64: {through}; img_as_ubyte: {util.img_as_ubyte(values)}")
assert direct == [-32768, -129, 128, 385, 32767] and through == [-32768, -259, 0, 258, 32767] and util.img_as_ubyte(values)[2] == 0
assert util.img_as_uint(np.array([0, 255], np.uint8)).tolist() == [0, 65535]

for kind in (np.int8, np.int16):
    dot = np.full((5, 5), -100, kind)
    dot[2, 2] = 100
    white, black = morphology.white_tophat(dot)[2, 2], morphology.black_tophat(-dot)[2, 2]
    print(f"top hats of a spot 200 above or below the rest, in {kind.__name__}: {white}, {black}")
    assert (white, black) == ((-56, -56) if kind is np.int8 else (200, 200))
END
