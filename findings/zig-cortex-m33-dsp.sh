#!/usr/bin/env bash
# zig cc: -mcpu=cortex_m33 has no DSP extension, so that code for it silently takes the slow way.
#
# Guess: as with GNU's -mcpu=cortex-m33, the core's name brings the DSP extension.
# Seen:  __ARM_FEATURE_DSP is defined for cortex_m4 and for cortex_m33+dsp, and not for cortex_m33.
# With:  ziglang==0.17.1 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check ziglang==0.17.1
cd "$room"
"$room/venv/bin/python" - <<'END'
import os
import subprocess
import sys
from pathlib import Path

os.environ |= {f"ZIG_{kind}_CACHE_DIR": str(Path("cache").resolve()) for kind in ("GLOBAL", "LOCAL")}


def has_dsp(core):
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabi", f"-mcpu={core}"]
    done = subprocess.run([*command, "-dM", "-E", "-x", "c", os.devnull], capture_output=True, text=True, check=True)
    return "__ARM_FEATURE_DSP " in done.stdout


seen = {core: has_dsp(core) for core in ("cortex_m4", "cortex_m33", "cortex_m33+dsp")}
print(seen)
assert seen == {"cortex_m4": True, "cortex_m33": False, "cortex_m33+dsp": True}
END
