#!/usr/bin/env bash
# zig cc: Thumb code keeps a frame pointer at -O2, and with it loses r7.
#
# Guess: -O2 omits the frame pointer, as clang and gcc do for bare-metal Arm.
# Seen:  f(a, b) = other(a) + b pushes r7 and sets it (14 bytes); with -fomit-frame-pointer it does not (12 bytes).
# With:  ziglang==0.17.1, pyelftools==0.33 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check ziglang==0.17.1 pyelftools==0.33
cd "$room"
"$room/venv/bin/python" - <<'END'
import os
import subprocess
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile

os.environ |= {f"ZIG_{kind}_CACHE_DIR": str(Path("cache").resolve()) for kind in ("GLOBAL", "LOCAL")}
Path("f.c").write_text("int other(int);\nint f(int a, int b) { return other(a) + b; }\n")


def text(*flags):
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0", "-O2"]
    subprocess.run([*command, *flags, "-c", "f.c", "-o", "f.o"], check=True, stderr=subprocess.DEVNULL)
    with open("f.o", "rb") as file:
        return b"".join(s.data() for s in ELFFile(file).iter_sections() if s.name.startswith(".text"))


kept, omitted = text(), text("-fomit-frame-pointer")
print("-O2:", kept.hex(" ", 2), " -O2 -fomit-frame-pointer:", omitted.hex(" ", 2))
assert kept[:4] == bytes.fromhex("d0b502af")  # push {r4, r6, r7, lr}; add r7, sp, #8
assert omitted[:2] == bytes.fromhex("10b5")  # push {r4, lr}
assert len(omitted) < len(kept)
END
