#!/usr/bin/env bash
# mahotas: the dilation of negative integers is the greatest number of their type, so openings, closings and top hats of signed pictures are wrong.
#
# Guess: `dilate` of an int16 picture takes the greatest number around each place, as it does of uint8, also where numbers are negative.
# Seen:  The default cross is made of ones and zeros, and the ones are added: a dilated uint8 picture is the greatest neighbour plus 1. A sum
#        that is smaller than the greater of its two terms is taken for an overflow, and becomes the type's maximum; with a pixel below 0
#        that is always so. A place next to one negative number is 127, 32767 or 2147483647. Of a signed picture the zeros in the cross's
#        corners count as well, since only the type's smallest number is no part of it: the cross is a square whose corners add 0. So `open`
#        and `close` of numbers with both signs are wrong too. With an offset that makes all of them positive the maximum is gone, and the
#        square stays; uint8 is right.
# With:  mahotas==1.4.19, numpy==2.4.6, scipy==1.17.1 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check mahotas==1.4.19 numpy==2.4.6 scipy==1.17.1
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import mahotas
import numpy as np
from scipy import ndimage

print("mahotas", version("mahotas"))
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
SQUARE = np.ones((3, 3))
rng = np.random.default_rng(0)


def grown(x, signed):
    x = x.astype(int)
    cross = ndimage.grey_dilation(x, footprint=CROSS, mode="nearest") + 1
    return np.maximum(cross, ndimage.grey_dilation(x, footprint=SQUARE, mode="nearest")) if signed else cross


def shrunk(x, signed):
    x = x.astype(int)
    cross = ndimage.grey_erosion(x, footprint=CROSS, mode="nearest") - 1
    return np.minimum(cross, ndimage.grey_erosion(x, footprint=SQUARE, mode="nearest")) if signed else cross


one = np.full((5, 5), 7, np.int16)
one[2, 2] = -1
print(mahotas.dilate(one))
print(mahotas.dilate(one + 100) - 100)
assert mahotas.dilate(one)[2].tolist() == [8, 32767, 32767, 32767, 8] and (mahotas.dilate(one + 100) - 100 == 8).all()

inside = (slice(2, -2), slice(2, -2))  # the border plays no part
for kind in (np.uint8, np.int8, np.int16, np.int32):
    top, signed = np.iinfo(kind).max, kind != np.uint8
    x = rng.integers(10, 100, (40, 40)).astype(kind)
    for operator, ours in ((mahotas.dilate, grown), (mahotas.erode, shrunk)):
        assert np.array_equal(operator(x)[inside], ours(x, signed)[inside])
        print(f"{np.dtype(kind)}, 10 to 99, {operator.__name__}: otherwise than with a cross in {(operator(x) != ours(x, False))[inside].sum()} of 1296")
    assert np.array_equal(mahotas.dilate(x)[inside], grown(x, False)[inside]) == (not signed)
    if not signed:
        continue
    x = rng.integers(-50, 51, (40, 40)).astype(kind)
    x[20:, :20] = 50  # a part without negative numbers
    near_negative = ndimage.minimum_filter(x, 3)[inside] < 0
    seen = mahotas.dilate(x)[inside]
    print(f"{np.dtype(kind)}, -50 to 50, dilate: next to a negative number {set(seen[near_negative].tolist())}, elsewhere {set(seen[~near_negative].tolist())}")
    assert (seen[near_negative] == top).all() and np.array_equal(seen[~near_negative], grown(x, True)[inside][~near_negative])
    assert 300 < near_negative.sum() < 1296 and np.array_equal(mahotas.erode(x)[inside], shrunk(x, True)[inside])
    for operator, right in ((mahotas.open, grown(shrunk(x, True), True)), (mahotas.close, shrunk(grown(x, True), True))):
        seen, right = operator(x)[inside], right[inside]
        print(f"    {operator.__name__}: from {seen.min()} to {seen.max()}, not from {right.min()} to {right.max()}; otherwise in {(seen != right).sum()}")
        assert (seen != right).sum() > 500 and seen.max() > 100
END
