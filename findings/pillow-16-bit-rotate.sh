#!/usr/bin/env bash
# Pillow: rotating a 16-bit grey picture with bilinear or bicubic resampling leaves bytes of it, and its histogram counts bytes.
#
# Guess: a 16-bit grey picture is rotated as one of 32-bit integers or floats is, or refused, as its filters are.
# Seen:  rotate(10) of an "I;16" picture of 40000 alone, BILINEAR or BICUBIC, is 64, 156 and numbers between them, its low and high byte;
#        with NEAREST, and in mode "I" or "F", it is 40000. transform() is the same; moved by nothing it makes 64 and 156 of 40000.
#        resize() is right. histogram() of its 144 pixels counts 72 times 64 and 72 times 156, as a mean of 110 says. point(lambda x: x * 2)
#        goes past 65535 to 14464, in mode "L" it stops at 255.
# With:  pillow==13.0.0, numpy==2.4.6 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import PIL
from PIL import Image, ImageStat

print("Pillow", PIL.__version__)
values = np.full((12, 12), 40000)
pictures = {"I;16": values.astype(np.uint16), "I": values.astype(np.int32), "F": values.astype(np.float32)}
pictures = {mode: Image.fromarray(array) for mode, array in pictures.items()}
assert all(picture.mode == mode for mode, picture in pictures.items())
same = (12, 12), Image.Transform.AFFINE, (1, 0, 0, 0, 1, 0)
for mode, picture in pictures.items():
    for name in ("NEAREST", "BILINEAR", "BICUBIC"):
        by = Image.Resampling[name]
        # The middle of the picture, where a turn brings in nothing from outside.
        turned = np.unique(np.array(picture.rotate(10, by))[4:8, 4:8]).tolist()
        moved = np.unique(np.array(picture.transform(*same, by))).tolist()
        resized = np.unique(np.array(picture.resize((5, 7), by))).tolist()
        print(f"{mode:5} {name:9} rotated {turned[0]} to {turned[-1]}, transformed {moved[0]} to {moved[-1]}, resized {resized}")
        assert resized == [40000]
        if mode == "I;16" and name != "NEAREST":
            assert moved == [40000 % 256, 40000 // 256] and turned[-1] <= 255
        else:
            assert np.allclose(turned, 40000, rtol=1e-6) and np.allclose(moved, 40000, rtol=1e-6)

counts = pictures["I;16"].histogram()
counts = {value: count for value, count in enumerate(counts) if count}
mean = ImageStat.Stat(pictures["I;16"]).mean
doubled = [np.unique(np.array(picture.point(lambda x: x * 2))).tolist() for picture in (pictures["I;16"], Image.new("L", (2, 2), 200))]
print(f"histogram {counts}, mean {mean}, doubled {doubled[0]}, and 200 of mode L {doubled[1]}")
assert counts == {64: 72, 156: 72} and mean == [110] and doubled == [[80000 - 65536], [255]]
END
