#!/usr/bin/env bash
# bincopy, hexrec, intelhex: in an Intel HEX file with segments, the entry point and a record over a segment's end fall elsewhere.
#
# Guess: a record of type 03 holds CS and IP, the address 16 CS + IP; a tool that writes it in another form writes that address. A data
#        record under a type 02 record wraps at 64 KiB, as Intel's specification counts: base + ((offset + i) mod 64K).
# Seen:  bincopy and hexrec read F000:0100, which is F0100, as the number F0000100, and write it so as a linear address: bincopy in a
#        type 05 and an S7 record, hexrec in a type 05. The other way, both write F0100 as 000F:0100, which is 001F0, though bincopy and
#        hexrec place the data right. hexrec finds "no data at start address" in the right file and nothing wrong in the other.
#        A record of 4 bytes at FFFE of segment 1000 ends at 20001 with all three, where it ends at 10001.
# With:  bincopy==20.1.1, hexrec==0.5.1, intelhex==2.3.0 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check bincopy==20.1.1 hexrec==0.5.1 intelhex==2.3.0
cd "$room"
"$room/venv/bin/python" - <<'END'
import io

import bincopy
import hexrec
import intelhex


def record(kind, offset, data=b""):
    """A line of an Intel HEX file, with its checksum."""
    line = bytes([len(data), offset >> 8, offset & 255, kind]) + data
    return ":" + (line + bytes([-sum(line) % 256])).hex().upper()


def lines(*records):
    return "\n".join([*records, record(1, 0)]) + "\n"


def entry(text):
    """The address that the last line but one of a file starts at, by its kind of record."""
    last = text.split()[-2]
    if last.startswith("S"):
        last = text.split()[-1]
        assert last[:4] == "S705"
        return int(last[4:12], 16)
    data = bytes.fromhex(last[9:17])
    number = int.from_bytes(data, "big")
    return {"05": number, "03": 16 * (number >> 16) + (number & 0xFFFF)}[last[7:9]]


def loaded(text):
    """The file in bincopy and in hexrec."""
    file = bincopy.BinFile()
    file.add_ihex(text)
    other = hexrec.IhexFile.parse(text.encode())
    assert file.minimum_address == other.memory.content_start
    return file, other


def written(file):
    """What hexrec writes."""
    return b"".join(line.to_bytestr() for line in file.records).decode()


segments = lines(record(2, 0, bytes([0xF0, 0])), record(0, 0x100, b"code"), record(3, 0, bytes([0xF0, 0, 1, 0])))
print("a file with its code and its entry at F000:0100, an address of", hex(entry(segments)))
one, two = loaded(segments)
assert one.minimum_address == entry(segments) == 0xF0100
two.linear = True
for name, text in (("bincopy, HEX", one.as_ihex()), ("bincopy, S-records", one.as_srec()), ("hexrec, HEX", written(two))):
    print(f"  written with linear addresses by {name}: its entry is at {entry(text):x}, its code at f0100")
    assert entry(text) == 0xF0000100
    if "HEX" in name:
        assert intelhex.IntelHex(io.StringIO(text)).minaddr() == 0xF0100

linear = lines(record(4, 0, bytes([0, 0xF])), record(0, 0x100, b"code"), record(5, 0, bytes([0, 0xF, 1, 0])))
print("a file with its code and its entry at the linear address", hex(entry(linear)))
one, two = loaded(linear)
two.linear = False
for name, text in (("bincopy", one.as_ihex(address_length_bits=24)), ("hexrec", written(two))):
    start = intelhex.IntelHex(io.StringIO(text)).start_addr
    print(f"  written with segments by {name}: CS:IP is {start['CS']:04X}:{start['IP']:04X}, the address {entry(text):x}")
    assert (start["CS"], start["IP"], entry(text)) == (0xF, 0x100, 0x1F0)
    assert intelhex.IntelHex(io.StringIO(text)).minaddr() == 0xF0100

for name, text in (("the first file", segments), ("hexrec's last file", written(two))):
    try:
        hexrec.IhexFile.parse(text.encode()).validate_records(start_within_data=True)
        said = "nothing"
    except ValueError as error:
        said = str(error)
    print(f"hexrec's check of the entry of {name}: {said}")
    assert said == ("nothing" if "last" in name else "no data at start address")

wraps = lines(record(2, 0, bytes([0x10, 0])), record(0, 0xFFFE, b"ABCD"))
one, two = loaded(wraps)
three = intelhex.IntelHex(io.StringIO(wraps))
right = {0x10000 + (0xFFFE + i) % 0x10000: letter for i, letter in enumerate(b"ABCD")}
seen = {
    "bincopy": {part.address + i: letter for part in one.segments for i, letter in enumerate(part.data)},
    "hexrec": {at + i: letter for at, letters in two.memory.to_blocks() for i, letter in enumerate(letters)},
    "intelhex": {at: three[at] for at in three.addresses()},
}
for name, places in seen.items():
    print(f"A, B, C, D at 1000:FFFE, {name}:", *map(hex, places), "instead of", *map(hex, right))
    assert list(places) == [0x1FFFE, 0x1FFFF, 0x20000, 0x20001] != list(right)
END
