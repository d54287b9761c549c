#!/usr/bin/env bash
# cffi: in a packed struct a bit field of width 0 moves nothing, where gcc starts the next field at a boundary.
#
# Guess: cdef(..., packed=True) lays a struct out as gcc does with __attribute__((packed)); what cffi cannot do of it, it refuses.
# Seen:  of { unsigned char a:3; unsigned int :0; unsigned char b:3; } cffi makes 2 bytes with b in byte 1, and gcc 5 bytes with b in
#        byte 4. Behind `:0` of a short b is at 1 instead of 2, of a long long at 1 instead of 8; at the end of a struct it rounds the
#        size up in gcc and not in cffi. Without `packed` they agree, `char :0` agrees, packed bit fields without `:0` agree, and a
#        packed field that crosses a unit is refused with NotImplementedError, so the one case that is silent is this one.
# With:  cffi==2.1.1 (Python 3.11, x86-64), gcc of the system
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check cffi==2.1.1
cd "$room"
"$room/venv/bin/python" -W ignore - <<'END'
import re
import subprocess
from importlib.metadata import version

import cffi

print("cffi", version("cffi"))
print(subprocess.run(["gcc", "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0])
WIDTHS = {"unsigned char": 8, "unsigned short": 16, "unsigned int": 32, "unsigned long long": 64}


def fields_of(body):
    """Each named field of a struct with the largest number that it holds."""
    found = re.findall(r"(unsigned [a-z ]+?) ([a-z])(?::(\d+))?;", body)
    return [(name, 2 ** int(width or WIDTHS[kind]) - 1) for kind, name, width in found]


def by_cffi(body, packed):
    ffi = cffi.FFI()
    ffi.cdef(f"struct s {{ {body} }};", packed=packed)
    seen = []
    for name, largest in fields_of(body):
        value = ffi.new("struct s *")
        setattr(value, name, largest)
        seen.append(bytes(ffi.buffer(value)).hex())
    return ffi.sizeof("struct s"), seen


def by_gcc(body, packed):
    lines = ["#include <stdio.h>", "#include <string.h>", f"struct s {{ {body} }}{' __attribute__((packed))' if packed else ''};"]
    lines += ["int main(void) { struct s x; const unsigned char *p = (const void *)&x;", 'printf("%d", (int)sizeof x);']
    for name, _ in fields_of(body):
        lines.append(f'memset(&x, 0, sizeof x); x.{name} = -1; printf(" "); for (unsigned i = 0; i < sizeof x; i++) printf("%02x", p[i]);')
    with open("seen.c", "w") as out:
        print(*lines, "return 0; }", sep="\n", file=out)
    subprocess.run(["gcc", "-w", "-o", "seen", "seen.c"], check=True)
    size, *seen = subprocess.run(["./seen"], check=True, capture_output=True, text=True).stdout.split()
    return int(size), seen


def where(layout):
    """The size, and the byte in which the last field begins."""
    size, images = layout
    return size, next(place for place, byte in enumerate(bytes.fromhex(images[-1])) if byte)


for body, packed, expected in (
    ("unsigned char a:3; unsigned int :0; unsigned char b:3;", True, ((2, 1), (5, 4))),
    ("unsigned char a:3; unsigned short :0; unsigned char b:3;", True, ((2, 1), (3, 2))),
    ("unsigned char a:3; unsigned long long :0; unsigned char b:3;", True, ((2, 1), (9, 8))),
    ("unsigned short a:3; unsigned int :0; unsigned short b;", True, ((3, 1), (6, 4))),
    ("unsigned int a:9; unsigned int :0;", True, ((2, 0), (4, 0))),
    # what agrees
    ("unsigned char a:3; unsigned char :0; unsigned char b:3;", True, ((2, 1), (2, 1))),
    ("unsigned int a:3; unsigned int b:13;", True, ((2, 0), (2, 0))),
    ("unsigned char a:3; unsigned int b;", True, ((5, 1), (5, 1))),
    ("unsigned char a:3; unsigned int :0; unsigned char b:3;", False, ((5, 4), (5, 4))),
    ("unsigned char a:3; unsigned long long :0; unsigned char b:3;", False, ((9, 8), (9, 8))),
    ("unsigned int a:9; unsigned int :0;", False, ((4, 0), (4, 0))),
):
    ours, theirs = by_cffi(body, packed), by_gcc(body, packed)
    print(f"{'packed' if packed else 'plain '} {{ {body} }}: size and byte of the last field: cffi {where(ours)}, gcc {where(theirs)}")
    assert (where(ours), where(theirs)) == expected
    assert (ours == theirs) == (expected[0] == expected[1])

try:
    by_cffi("unsigned char a:5; unsigned char b:5;", True)
except NotImplementedError as error:
    print("a packed field over the end of its unit:", str(error).splitlines()[0])
else:
    raise AssertionError("it was laid out")
END
