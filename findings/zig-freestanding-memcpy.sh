#!/usr/bin/env bash
# zig cc: for a freestanding target, a 4-byte memcpy is a call, at -O2 and even with -fbuiltin.
#
# Guess: memcpy(&x, p, 4) becomes one load, as every int8 library for Cortex-M counts on.
# Seen:  the object calls memcpy; __builtin_memcpy is one ldr.
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
SOURCE = """
#include <stddef.h>
#include <stdint.h>
void *memcpy(void *, const void *, size_t);
int32_t load(const int8_t *p) { int32_t x; %smemcpy(&x, p, 4); return x; }
"""


def calls(prefix, *flags):
    """The functions that `load` calls, and its bytes."""
    Path("load.c").write_text(SOURCE % prefix)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-O2"]
    subprocess.run([*command, *flags, "-c", "load.c", "-o", "load.o"], check=True, stderr=subprocess.DEVNULL)
    with open("load.o", "rb") as file:
        elf = ELFFile(file)
        names = []
        for section in elf.iter_sections():
            if section.name.startswith(".rel.text"):
                symbols = elf.get_section(section["sh_link"])
                names += [symbols.get_symbol(r["r_info_sym"]).name for r in section.iter_relocations()]
        size = sum(s["sh_size"] for s in elf.iter_sections() if s.name.startswith(".text"))
    return names, size


plain, asked, builtin = calls(""), calls("", "-fbuiltin"), calls("__builtin_")
print("memcpy:", plain, " with -fbuiltin:", asked, " __builtin_memcpy:", builtin)
assert plain[0] == asked[0] == ["memcpy"]
assert builtin[0] == [] and builtin[1] < plain[1]
END
