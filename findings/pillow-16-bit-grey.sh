#!/usr/bin/env bash
# Pillow: a 16-bit grey picture turns white when it is converted to 8 bits.
#
# Guess: convert("L") and convert("RGB") keep a picture's brightness, so 65,535 becomes 255 and 32,768 becomes 128.
# Seen:  the values are cut off at 255, not scaled: of a ramp over all 16 bits, one row in 256 is not white. No warning.
#        The PNG of a 12- or 16-bit camera, of a thermal or depth sensor, is such a picture.
# With:  numpy==2.4.6, pillow==12.3.0 (Python 3.11)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 pillow==12.3.0
cd "$room"
"$room/venv/bin/python" - <<'END'
import numpy as np
import PIL
from PIL import Image

ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
Image.fromarray(ramp).save("ramp.png")
picture = Image.open("ramp.png")
assert picture.mode == "I;16" and (np.asarray(picture) == ramp).all()
for mode in ("L", "RGB"):
    values = np.asarray(picture.convert(mode)).reshape(256, 256, -1)[..., 0]
    seen = ", ".join(f"{value:,} is {values.flat[value]}" for value in (100, 1000, 32768, 65535))
    print(f"Pillow {PIL.__version__}, {picture.mode} to {mode}: {seen}")
    assert (values == np.minimum(ramp, 255)).all()
END
