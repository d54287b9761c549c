#!/usr/bin/env bash
# hexrec: a file that is loaded, given a header, an entry point or a line length, and saved, has no data any more.
#
# Guess: `file = load("a.srec"); file.header = b"v2"; file.save("b.srec")` writes the same data under another header.
# Seen:  it writes a header and an end, and no data: without a word, as with startaddr and maxdatalen, and in Intel HEX as well. The
#        lines that were read are discarded before anything took their data out of them. Once `file.memory` or the entry point has been
#        looked at, the same change keeps all data. And startaddr = None, which is to take the entry point out, does so only after
#        such a look.
# With:  hexrec==0.5.1 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check hexrec==0.5.1
cd "$room"
"$room/venv/bin/python" - <<'END'
import hexrec


def record(kind, address, data=b""):
    """A line of an S-record file, with its checksum."""
    line = bytes([len(data) + 3, address >> 8, address & 255]) + data
    return f"S{kind}" + (line + bytes([~sum(line) & 255])).hex().upper() + "\n"


def line(kind, offset, data=b""):
    """A line of an Intel HEX file, with its checksum."""
    body = bytes([len(data), offset >> 8, offset & 255, kind]) + data
    return ":" + (body + bytes([-sum(body) % 256])).hex().upper() + "\n"


with open("a.srec", "w") as file:
    file.write(record(0, 0, b"v1") + record(1, 0x100, b"firmware") + record(9, 0x100))
with open("a.hex", "w") as file:
    file.write(line(0, 0x100, b"firmware") + line(5, 0, bytes([0, 0, 1, 0])) + line(1, 0))


def changed(name, attribute, value, look=None):
    """The data and the entry point of a file that was loaded, changed and saved, read from what was written."""
    file = hexrec.load(name)
    if look:
        getattr(file, look)
    setattr(file, attribute, value)
    file.save("b" + name[1:])
    again = hexrec.load("b" + name[1:])
    return again.memory.to_blocks(), again.startaddr


kept = [(0x100, b"firmware")]
for name in ("a.srec", "a.hex"):
    assert hexrec.load(name).memory.to_blocks() == kept and hexrec.load(name).startaddr == 0x100
    changes = {"startaddr": 0x104, "maxdatalen": 4}
    if name == "a.srec":
        changes["header"] = b"v2"
    for attribute, value in changes.items():
        lost = changed(name, attribute, value)[0]
        print(f"{name}, {attribute} = {value!r}: saved", lost, end="; ")
        for look in ("memory", "startaddr"):
            found = changed(name, attribute, value, look)[0]
            print(f"after a look at {look}", found, end="; " if look == "memory" else "\n")
            assert found == kept
        assert lost == []

for look in (None, "memory"):
    data, entry = changed("a.hex", "startaddr", None, look)
    print(f"a.hex, startaddr = None, {'after a look at memory' if look else 'at once'}: the entry point is", entry)
    assert (data, entry) == (kept, None if look else 0x100)
END
